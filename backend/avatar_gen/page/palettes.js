/** The curated palettes, each shown by its colours. */

import { find, make } from "./dom.js";
import { text } from "./texts.js";

/** Shows a radio button for each palette, after one for all of them. */
export function showPalettes(curated) {
  const any = make("label", { className: "any" }, make("input", { type: "radio", name: "palette", value: "" }), make("span", {}, text("palette.any")));
  find("#palettes").append(any, ...curated.map(paletteTile));
}

function paletteTile({ name, key, colors }) {
  const stripes = colors.map((colour) => {
    const stripe = make("i");
    stripe.style.backgroundColor = colour;
    return stripe;
  });
  const radio = make("input", { type: "radio", name: "palette", value: key, ariaLabel: name });
  return make("label", { title: name }, radio, make("span", { className: "stripes" }, ...stripes));
}
