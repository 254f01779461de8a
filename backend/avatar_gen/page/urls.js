/** Picture URLs and the snippets to paste; docs/urls.md describes the scheme. */

const PIXELS = "png";
const ROOT = new URL("../..", import.meta.url).pathname.slice(0, -1); // This file is page/RELEASE/urls.js.

/** Returns the URL of a path of the service, which a proxy may serve below another path. */
export const at = (path) => `${ROOT}${path}`;

/** Returns whether the style is the service's own, in two colours. */
export const isOurs = (style) => style.options.includes("primaryColor");

/** Returns the format of a choice. Not every style has SVG. */
export const formatOf = (choice, style) => (style.formats.includes(choice.format) ? choice.format : PIXELS);

/** Returns the render URL of a choice in a style, with `other` fields replaced. */
export function picture(choice, style, other = {}) {
  const options = { ...choice, ...other };
  const query = new URLSearchParams();
  if (isOurs(style)) addColours(query, options);
  if (style.options.includes("angle") && options.angle !== "90") query.set("angle", options.angle);
  if (style.options.includes("name") && isOurs(style) && options.name) query.set("name", options.name);
  // Another style has other parts.
  const parts = style.name === options.style && !isOurs(style) ? options.parts : {};
  for (const [name, value] of Object.entries(parts ?? {})) query.set(name, value);
  if (options.shape !== "square") query.set("shape", options.shape);
  if (options.filter) query.set("filter", options.filter);
  if (String(options.size) !== "128") query.set("size", options.size);
  return withSeed(`${ROOT}/api/render/${encodeURIComponent(style.name)}`, options.seed, formatOf(options, style), query);
}

/** Returns the URL of an SVG gradient between the two colours of a choice. */
export function gradient(choice) {
  const query = new URLSearchParams();
  addColours(query, choice);
  return withSeed(`${ROOT}/api/render/gradient`, choice.seed, "svg", query);
}

/** Returns the URL of a gradient between two colours, given as names or digits, from left to right. */
export const blend = (primaryColor, foreignColor) =>
  `${ROOT}/api/render/gradient/x.svg${asQuery(new URLSearchParams({ primaryColor, foreignColor, angle: 0 }))}`;

/** Returns the URL of a gradient between the two colours of a scheme. */
export const blendOf = (colorScheme) => `${ROOT}/api/render/gradient/x.svg${asQuery(new URLSearchParams({ colorScheme, angle: 0 }))}`;

/** Returns the URL of a stored picture, 2^size px wide. */
export function stored(id, { size = 6, filter = "", format = PIXELS } = {}) {
  const query = new URLSearchParams();
  if (size !== 6) query.set("size", size);
  if (filter) query.set("filter", filter);
  if (format !== PIXELS) query.set("format", format);
  return `${ROOT}/api/${encodeURIComponent(id)}${asQuery(query)}`;
}

/** The snippets to paste. A URL has no quotes and no brackets, so nothing needs escaping. */
export const SNIPPETS = {
  url: ({ url }) => url,
  html: ({ url, size }) => `<img src="${url}" width="${size}" height="${size}" alt="">`,
  markdown: ({ url }) => `![](${url})`,
  curl: ({ url, file }) => `curl -o ${file} '${url}'`,
};

/** Returns the URL with scheme and host. */
export const absolute = (url) => new URL(url, location.origin).href;

/** Returns a file name of letters and digits, valid on every system. */
export function fileName(seed, ending) {
  const name = seed.normalize().replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-+|-+$/g, "");
  return `${[...name].slice(0, 40).join("") || "avatar"}.${ending}`;
}

function addColours(query, { colours, hue, palette, colorScheme, primaryColor, foreignColor }) {
  if (colours === "scheme") query.set("colorScheme", colorScheme);
  if (colours === "own") {
    query.set("primaryColor", primaryColor.slice(1));
    query.set("foreignColor", foreignColor.slice(1));
  }
  if (colours === "seed" && hue) query.set("hue", hue);
  if (colours === "seed" && palette) query.set("palette", palette);
}

/** Puts a seed with a slash into the query, because proxies split paths in different ways. */
function withSeed(path, seed, format, query) {
  if (!/[/\\]/.test(seed)) return `${path}/${encoded(seed)}.${format}${asQuery(query)}`;
  query.set("seed", seed);
  return `${path}.${format}${asQuery(query)}`;
}

const asQuery = (query) => (query.size ? `?${[...query].map((pair) => pair.map(encoded).join("=")).join("&")}` : "");

/** Encodes like encodeURIComponent, and also the characters that Markdown or a shell would interpret. */
const encoded = (value) =>
  encodeURIComponent(value).replace(/[!'()*~]/g, (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`);
