/** The texts of the page in the user's language, one file for each language. */

import { findAll } from "./dom.js";
import en from "./en.js";
import ru from "./ru.js";

const TEXTS = { en, ru };
const STORAGE_KEY = "avatars.language";

const preferred = [remembered(), ...navigator.languages.map((tag) => tag.slice(0, 2))];
export const language = preferred.find((tag) => Object.hasOwn(TEXTS, tag)) ?? "en";

const plural = new Intl.PluralRules(language);
const times = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" });
const numbers = new Intl.NumberFormat(language);

/**
 * Returns the text of a key with `{name}` filled in. If it has plural forms, `count` chooses one. A name that the
 * service has and this page does not know is returned as it is.
 */
export function text(key, values = {}) {
  const entry = TEXTS[language][key] ?? key.slice(key.indexOf(".") + 1);
  const template = typeof entry === "string" ? entry : entry[plural.select(values.count)];
  return template.replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

export const time = (iso) => times.format(new Date(iso));
export const number = (value) => numbers.format(value);

/** Adds the texts of a part of the page that is loaded later. */
export function addTexts(added) {
  for (const [tag, entries] of Object.entries(added)) Object.assign(TEXTS[tag], entries);
}

/** Fills in the texts of all elements with `data-text`, `-label`, `-title` or `-placeholder`. */
export function translate() {
  document.documentElement.lang = language;
  for (const element of findAll("[data-text]")) element.textContent = text(element.dataset.text);
  for (const element of findAll("[data-label]")) element.ariaLabel = text(element.dataset.label);
  for (const element of findAll("[data-placeholder]")) element.placeholder = text(element.dataset.placeholder);
  for (const element of findAll("[data-title]")) element.title = element.ariaLabel = text(element.dataset.title);
}

/** Reloads the page in another language. */
export function speak(tag) {
  try {
    localStorage.setItem(STORAGE_KEY, tag);
  } finally {
    location.reload();
  }
}

function remembered() {
  try {
    return localStorage.getItem(STORAGE_KEY);
  } catch {
    return null; // The browser offers no storage.
  }
}
