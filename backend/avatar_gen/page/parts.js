/** The parts of a DiceBear style, such as hair and eyes: the variant of each that the user chose, and their pictures. */

import { find, findAll, make } from "./dom.js";
import { call } from "./service.js";
import { language, number, text } from "./texts.js";

const PART = /^([a-z][A-Za-z0-9]*)(Variant|Probability)$/;
const VALUE = /^[A-Za-z0-9]{1,64}$/;
const UNCHOSEN = ["animation"]; // Its variants differ only in motion.
const WITHOUT = "-"; // No variant has this name.

const panel = find("#parts");
const styles = new Map(); // The parts of each style, as far as they were requested.
let shown = null; // The style whose parts are shown.
let chosen = {}; // Options by name.
let picture = null; // Returns the URL of a small picture with other options.

/** Takes the options of parts from a query string. */
export function fillParts(query) {
  chosen = Object.fromEntries([...new URLSearchParams(query)].filter(([name, value]) => PART.test(name) && VALUE.test(value)));
}

/** Returns the options that choose parts: those of the page's URL, until the style is changed. */
export const chosenParts = () => ({ ...chosen });

/** Drops the choice: another style has other parts. */
export const forgetParts = () => (chosen = {});

/** Shows the parts of a style, if it has any. `draw` returns the URL of a picture with the given parts. */
export async function showParts(style, draw, onChoice) {
  picture = draw;
  if (shown !== style.name) {
    shown = style.name;
    panel.replaceChildren();
    panel.hidden = true;
    const parts = await partsOf(style);
    if (shown !== style.name || !parts.length) return;
    if (dropUnknown(parts)) onChoice();
    panel.replaceChildren(make("legend", {}, text("parts")), ...parts.map((part) => partBox(part, onChoice)));
    panel.hidden = false;
  }
  findAll("details[open]", panel).forEach(showPictures);
}

async function partsOf({ name, options }) {
  if (!options.some((option) => option.endsWith("Variant"))) return [];
  if (!styles.has(name)) {
    const { data } = await call("GET", `/api/styles/${encodeURIComponent(name)}`);
    const useful = ({ name, variants, optional }) => !UNCHOSEN.includes(name) && variants.length + optional > 1;
    styles.set(name, data.components.filter(useful));
  }
  return styles.get(name);
}

/** Drops options that the style does not have, since the page's URL may name any. Returns whether there were some. */
function dropUnknown(parts) {
  const before = Object.keys(chosen).length;
  chosen = Object.assign({}, ...parts.map((part) => optionsOf(part, valueOf(part))));
  return Object.keys(chosen).length < before;
}

/** Makes the box of a part. Its pictures load when it is open and they are in view. */
function partBox(part, onChoice) {
  const title = titleOf(part.name);
  const values = ["", ...(part.optional ? [WITHOUT] : []), ...part.variants];
  const choices = make("div", { className: "variants", role: "radiogroup", ariaLabel: title });
  choices.append(...values.map((value) => variantTile(part, value)));
  const box = make("details", { className: "part" }, make("summary", {}, `${title} `, make("small")), choices);
  box.chooses = part;
  const now = valueOf(part);
  find(`input[value="${now}"]`, choices).checked = true;
  showValue(box);
  box.addEventListener("toggle", () => box.open && showPictures(box));
  // The outer form must not take these for its own fields.
  choices.addEventListener("input", (event) => {
    event.stopPropagation();
    choose(part, event.target.value);
    showValue(box);
    onChoice();
  });
  return box;
}

function variantTile(part, value) {
  const label = value === "" ? text("parts.seed") : value === WITHOUT ? text("parts.none") : variantName(value);
  const radio = make("input", { type: "radio", name: `part-${part.name}`, value, ariaLabel: label });
  const image = make("img", { className: "new", width: 56, height: 56, alt: "" });
  const tile = make("label", { className: "tile", title: label }, radio, image);
  tile.show = () => {
    const url = picture(withPart(part, value));
    if (image.getAttribute("src") !== url) image.src = url;
  };
  if (value === "" || value === WITHOUT) tile.append(make("span", {}, label));
  return tile;
}

/** Shows the pictures of an open box: those in view now, the others when they come into view. */
function showPictures(box) {
  for (const tile of findAll("label", box)) {
    inView.unobserve(tile);
    inView.observe(tile);
  }
}

// Browsers load lazy pictures of a scrolled box long before they are in view.
const inView = new IntersectionObserver((entries) => entries.filter((each) => each.isIntersecting).forEach(({ target }) => target.show()));

function showValue(box) {
  const value = valueOf(box.chooses);
  find("small", box).textContent = value === "" ? "" : value === WITHOUT ? text("parts.none") : variantName(value);
}

function valueOf({ name, variants }) {
  if (chosen[`${name}Probability`] === "0") return WITHOUT;
  const variant = chosen[`${name}Variant`] ?? "";
  return variants.includes(variant) ? variant : "";
}

const choose = (part, value) => (chosen = withPart(part, value));

/** Returns the choice with another variant of a part. */
function withPart(part, value) {
  const { [`${part.name}Variant`]: _variant, [`${part.name}Probability`]: _probability, ...others } = chosen;
  return { ...others, ...optionsOf(part, value) };
}

/** Returns the options for a variant of a part. A part that some pictures lack is then in all of them. */
function optionsOf({ name, optional }, value) {
  if (value === "") return {};
  if (value === WITHOUT) return { [`${name}Probability`]: "0" };
  return { [`${name}Variant`]: value, ...(optional ? { [`${name}Probability`]: "100" } : {}) };
}

/** Returns the name of a part in the user's language, or DiceBear's own in words. */
function titleOf(name) {
  const key = name.toLowerCase();
  const known = text(`part.${key}`);
  return known === key ? words(name) : known;
}

/** Returns the name of a variant: `variant01` and `shortHair` in words. */
function variantName(name) {
  const numbered = /^variant0*(\d+)$/.exec(name);
  return numbered ? text("parts.variant", { number: number(Number(numbered[1])) }) : words(name);
}

function words(name) {
  const spaced = name.replace(/([a-z])([A-Z0-9])/g, "$1 $2").toLowerCase();
  return spaced.charAt(0).toLocaleUpperCase(language) + spaced.slice(1);
}
