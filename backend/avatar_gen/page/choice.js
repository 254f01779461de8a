/** The choice: the form and the page's own URL hold it, under the API's names. */

import { chosenParts, fillParts } from "./parts.js";

export const SEED_LENGTH = 256; // code points

const oneOf = (...names) => (value) => names.includes(value);
const wholeUpTo = (most, least = 0) => (value) => /^\d{1,4}$/.test(value) && value >= least && value <= most;
const colour = (value) => /^#[0-9a-f]{6}$/i.test(value);
const anything = () => true;

/** Each field with its default and a check of the values that a URL may give. */
const FIELDS = {
  seed: ["Ada Lovelace", anything],
  style: ["smile", anything],
  colours: ["seed", oneOf("seed", "scheme", "own")],
  hue: ["", wholeUpTo(359)],
  palette: ["", anything],
  colorScheme: ["ocean", anything],
  primaryColor: ["#3b82f6", colour],
  foreignColor: ["#fde047", colour],
  angle: ["90", wholeUpTo(360)],
  name: ["", anything],
  shape: ["circle", oneOf("square", "rounded", "circle", "squircle", "hexagon")],
  filter: ["", anything], // A group of radio buttons ignores a value that it does not have.
  format: ["svg", anything],
  size: ["128", wholeUpTo(1024, 16)],
};

/** The fields in use for each source of colours. */
const OF_COLOURS = { seed: ["hue", "palette"], scheme: ["colorScheme"], own: ["primaryColor", "foreignColor"] };

/** The fields whose values only the service knows. */
const NAMES = ["style", "colorScheme", "palette"];

/** Fills the form from a query string. Invalid values are ignored. */
export function fill(form, query) {
  const given = new URLSearchParams(query);
  const from = Object.keys(OF_COLOURS).find((each) => OF_COLOURS[each].some((field) => given.has(field)));
  given.set("colours", from ?? "seed");
  for (const [field, [usual, allows]] of Object.entries(FIELDS)) {
    const value = given.get(field);
    if (NAMES.includes(field)) continue;
    form.elements[field].value = usual;
    if (value !== null && allows(value)) form.elements[field].value = value;
  }
  fillParts(query);
  form.elements.keepHue.checked = FIELDS.hue[1](given.get("hue") ?? "");
}

/** Sets the style, the scheme and the palette, after the form has received their lists. */
export function fillNames(form, query) {
  const given = new URLSearchParams(query);
  for (const field of NAMES) {
    const known = form.elements[field];
    known.value = given.get(field) ?? "";
    if (!known.value) known.value = FIELDS[field][0];
  }
}

/** Reads the form. A seed is cut to the length that the service accepts. */
export function read(form) {
  const choice = Object.fromEntries(Object.keys(FIELDS).map((field) => [field, form.elements[field].value]));
  if (!form.elements.keepHue.checked) choice.hue = "";
  if (choice.hue) choice.palette = "";
  choice.parts = chosenParts();
  choice.seed = shortened(choice.seed.toWellFormed());
  choice.name = shortened(choice.name.toWellFormed());
  return choice;
}

/** Returns a choice as a query string, without the defaults. */
export function write(choice) {
  const query = new URLSearchParams();
  const unused = Object.keys(OF_COLOURS).filter((from) => from !== choice.colours);
  const omitted = new Set(["colours", ...unused.flatMap((from) => OF_COLOURS[from])]);
  const always = new Set(OF_COLOURS[choice.colours]);
  for (const [field, [usual]] of Object.entries(FIELDS)) {
    const value = choice[field];
    const isEmpty = !value && OF_COLOURS.seed.includes(field);
    if (omitted.has(field) || (value === usual && !always.has(field)) || isEmpty) continue;
    query.set(field, value);
  }
  for (const [name, value] of Object.entries(choice.parts)) query.set(name, value);
  return query.toString();
}

function shortened(seed) {
  const points = [...seed];
  return points.length > SEED_LENGTH ? points.slice(0, SEED_LENGTH).join("") : seed;
}
