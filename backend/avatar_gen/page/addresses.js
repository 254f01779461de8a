/** The addresses of pictures, and what to paste where: docs/urls.md has the scheme. */

const PIXELS = "png";

/** Whether this service draws the style itself; a picture in one that it does not can't be stored. */
export const isOurs = (style) => style.license === null;

/** The format that a choice comes to: not every style has SVG. */
export const formatOf = (choice, style) => (style.formats.includes(choice.format) ? choice.format : PIXELS);

/** The address of a choice by URL, in a style and perhaps another look. */
export function picture(choice, style, other = {}) {
  const wanted = { ...choice, ...other };
  const query = new URLSearchParams();
  if (isOurs(style)) addColours(query, wanted);
  if (style.options.includes("angle") && wanted.angle !== "90") query.set("angle", wanted.angle);
  if (style.options.includes("name") && isOurs(style) && wanted.name) query.set("name", wanted.name);
  if (wanted.shape !== "square") query.set("shape", wanted.shape);
  if (wanted.filter) query.set("filter", wanted.filter);
  if (String(wanted.size) !== "128") query.set("size", wanted.size);
  return withSeed(`/api/render/${encodeURIComponent(style.name)}`, wanted.seed, formatOf(wanted, style), query);
}

/** The address of an SVG that is nothing but the two colours of a choice, from the one to the other. */
export function gradient(choice) {
  const query = new URLSearchParams();
  addColours(query, choice);
  return withSeed("/api/render/gradient", choice.seed, "svg", query);
}

/** The same of two colours by name or in digits, from left to right. */
export const blend = (primaryColor, foreignColor) =>
  `/api/render/gradient/x.svg${asQuery(new URLSearchParams({ primaryColor, foreignColor, angle: 0 }))}`;

/** The same of a scheme. */
export const blendOf = (colorScheme) => `/api/render/gradient/x.svg${asQuery(new URLSearchParams({ colorScheme, angle: 0 }))}`;

/** The address of a stored picture, 2^size px wide. */
export function stored(id, { size = 6, filter = "", format = PIXELS } = {}) {
  const query = new URLSearchParams();
  if (size !== 6) query.set("size", size);
  if (filter) query.set("filter", filter);
  if (format !== PIXELS) query.set("format", format);
  return `/api/${encodeURIComponent(id)}${asQuery(query)}`;
}

/** What to paste: the address is free of quotes and brackets, so nothing has to be escaped. */
export const SNIPPETS = {
  url: ({ address }) => address,
  html: ({ address, size }) => `<img src="${address}" width="${size}" height="${size}" alt="">`,
  markdown: ({ address }) => `![](${address})`,
  curl: ({ address, file }) => `curl -o ${file} '${address}'`,
};

/** The same address for people elsewhere. */
export const absolute = (address) => new URL(address, location.origin).href;

/** A name to save a picture by, of letters and digits that every system takes. */
export function fileName(seed, ending) {
  const name = seed.normalize().replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-+|-+$/g, "");
  return `${[...name].slice(0, 40).join("") || "avatar"}.${ending}`;
}

function addColours(query, { colours, hue, colorScheme, primaryColor, foreignColor }) {
  if (colours === "scheme") query.set("colorScheme", colorScheme);
  if (colours === "own") {
    query.set("primaryColor", primaryColor.slice(1));
    query.set("foreignColor", foreignColor.slice(1));
  }
  if (colours === "seed" && hue) query.set("hue", hue);
}

/** A seed with a slash is safer in the query: proxies take paths apart in their own ways. */
function withSeed(path, seed, format, query) {
  if (!/[/\\]/.test(seed)) return `${path}/${encoded(seed)}.${format}${asQuery(query)}`;
  query.set("seed", seed);
  return `${path}.${format}${asQuery(query)}`;
}

const asQuery = (query) => (query.size ? `?${[...query].map((pair) => pair.map(encoded).join("=")).join("&")}` : "");

/** As encodeURIComponent, and what it leaves that Markdown or a shell would read. */
const encoded = (value) =>
  encodeURIComponent(value).replace(/[!'()*~]/g, (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`);
