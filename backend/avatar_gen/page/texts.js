/** The page in the reader's language. What it says stands in one file for each. */

import { findAll } from "./dom.js";
import en from "./en.js";
import ru from "./ru.js";

const TEXTS = { en, ru };
const MEMORY = "avatars.language";

const wishes = [remembered(), ...navigator.languages.map((tag) => tag.slice(0, 2))];
export const language = wishes.find((tag) => Object.hasOwn(TEXTS, tag)) ?? "en";

const plural = new Intl.PluralRules(language);
const times = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" });
const numbers = new Intl.NumberFormat(language);

/** What stands under a key, `{name}` filled in; where there are forms for numbers, that for `count`. */
export function text(key, values = {}) {
  const entry = TEXTS[language][key];
  const template = typeof entry === "string" ? entry : entry[plural.select(values.count)];
  return template.replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

export const time = (iso) => times.format(new Date(iso));
export const number = (value) => numbers.format(value);

/** Puts the texts into everything that asks for them by `data-text`, `-label`, `-title` or `-placeholder`. */
export function translate() {
  document.documentElement.lang = language;
  for (const element of findAll("[data-text]")) element.textContent = text(element.dataset.text);
  for (const element of findAll("[data-label]")) element.ariaLabel = text(element.dataset.label);
  for (const element of findAll("[data-placeholder]")) element.placeholder = text(element.dataset.placeholder);
  for (const element of findAll("[data-title]")) element.title = element.ariaLabel = text(element.dataset.title);
}

/** The page anew, in another language. */
export function speak(tag) {
  try {
    localStorage.setItem(MEMORY, tag);
  } finally {
    location.reload();
  }
}

function remembered() {
  try {
    return localStorage.getItem(MEMORY);
  } catch {
    return null; // Where a browser keeps nothing, it keeps no language.
  }
}
