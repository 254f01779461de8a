/** The theme: the system's, light or dark. */

import { find, notify } from "./dom.js";
import { text } from "./texts.js";

const THEMES = ["auto", "light", "dark"];
const STORAGE_KEY = "avatars.theme";

/** Shows the theme of the last visit, and the next one with each click on the button. */
export function startTheme() {
  document.documentElement.dataset.theme = rememberedTheme();
  find("#theme").addEventListener("click", nextTheme);
}

function paint(theme) {
  document.documentElement.dataset.theme = theme;
  try {
    localStorage.setItem(STORAGE_KEY, theme);
  } catch {
    // Without storage, the theme lasts until the page is closed.
  }
}

function rememberedTheme() {
  try {
    return localStorage.getItem(STORAGE_KEY) ?? "auto";
  } catch {
    return "auto";
  }
}

function nextTheme() {
  const theme = THEMES[(THEMES.indexOf(document.documentElement.dataset.theme) + 1) % THEMES.length];
  paint(theme);
  notify(text(`theme.${theme}`));
}
