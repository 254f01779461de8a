/** The two colours of a picture and their contrast. */

import { svg } from "./service.js";

/** The lowest contrast ratio that WCAG asks of graphics. */
export const CLEAR = 3;

/** Returns the two end colours of a gradient URL. Only the service can resolve names and seeds to colours. */
export async function pair(gradient, signal) {
  const stops = [...(await svg(gradient, signal)).matchAll(/stop-color="(#[0-9a-f]{6})"/g)];
  return [stops[0][1], stops.at(-1)[1]];
}

/** Returns WCAG's contrast ratio of two `#rrggbb` colours: https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio */
export function contrast(one, other) {
  const [darker, lighter] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (lighter + 0.05) / (darker + 0.05);
}

function luminance(colour) {
  const [red, green, blue] = [1, 3, 5].map((at) => linear(parseInt(colour.slice(at, at + 2), 16) / 255));
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

const linear = (channel) => (channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4);
