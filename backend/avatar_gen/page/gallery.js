/** The stored avatars, newest first, loaded while the user scrolls. */

import { absolute, at, blend, blendOf, fileName, stored } from "./urls.js";
import { pair } from "./colours.js";
import { confirmed } from "./dialogs.js";
import { copy, find, make, notify } from "./dom.js";
import { call } from "./service.js";
import { number, text, time } from "./texts.js";

const PICK = 24;
const SHOWN = 7; // 2^7 px
const LARGE = 9;
const DEFAULTS = { primaryColor: "#3b82f6", foreignColor: "#60a5fa" }; // The defaults of generate.

const wall = find("#wall");
const further = find("#further");
const details = find("#details");

let stale = true;
let loading = null; // The AbortController of the request in flight.
let total = 0;
let next = null; // The cursor of the next page.
let opened = null; // The avatar in `details`, and its card.

/** Adds the listeners. Nothing is loaded before the gallery is opened. */
export function openGallery() {
  document.addEventListener("stored", () => (stale = true));
  further.addEventListener("click", load);
  new IntersectionObserver(([seen]) => seen.isIntersecting && load(), { rootMargin: "400px" }).observe(further);
  window.addEventListener("online", () => !find("#gallery-view").hidden && failed() && load());
  details.addEventListener("click", act);
  details.addEventListener("input", showOpened);
}

/** Loads the gallery again if something was stored since the last time. */
export function enter() {
  if (!stale) return;
  stale = false;
  loading?.abort();
  loading = null;
  next = null;
  wall.replaceChildren();
  load();
}

const failed = () => find(".trouble", find("#gallery-state")) !== null;

/** Loads the next page of the list. */
async function load() {
  if (loading) return;
  const mine = (loading = new AbortController());
  say(make("p", { className: "faint" }, text("gallery.loading")));
  further.hidden = true;
  const waiting = Array.from({ length: wall.children.length ? 6 : 12 }, () => make("li", { className: "skeleton", "aria-hidden": "true" }));
  wall.append(...waiting);
  try {
    const query = new URLSearchParams({ pick: PICK, order: "newest" });
    if (next) query.set("after", next);
    const { data } = await call("GET", `/api/list?${query}`, mine);
    waiting.forEach((each) => each.remove());
    wall.append(...data.avatars.map(card));
    next = data.pagination.next;
    total = data.pagination.total;
    showTotal();
  } catch (failure) {
    if (mine.signal.aborted) return;
    waiting.forEach((each) => each.remove());
    const again = make("button", { type: "button", onclick: load }, text("retry"));
    say(make("p", { className: "trouble" }, text("gallery.failed", { reason: failure.message })), again);
  } finally {
    if (loading === mine) loading = null;
  }
}

function showTotal() {
  find("#total").textContent = total ? text("gallery.total", { count: total, number: number(total) }) : "";
  further.hidden = next === null;
  if (!wall.children.length && next === null) {
    const sleeping = make("img", { src: at("/api/render/smile/nobody.svg?shape=circle&filter=grayscale"), width: 96, height: 96, alt: "" });
    say(sleeping, make("p", {}, text("gallery.empty")), make("a", { className: "button", href: "#make" }, text("gallery.first")));
  } else if (next === null && wall.children.length > PICK) {
    say(make("p", { className: "faint" }, text("gallery.all")));
  } else {
    say();
  }
}

const say = (...what) => find("#gallery-state").replaceChildren(...what);

function card(avatar) {
  const image = make("img", { src: stored(avatar.id, { size: SHOWN }), srcset: `${stored(avatar.id, { size: SHOWN + 1 })} 2x`, width: 128, height: 128, alt: "", loading: "lazy" });
  const words = [make("bdi", {}, nameOf(avatar)), make("small", {}, avatar.generatorType)];
  const button = make("button", { type: "button", "aria-haspopup": "dialog" }, image, ...words);
  const item = make("li", {}, button);
  button.addEventListener("click", () => open(avatar, item));
  return item;
}

const isPhoto = (avatar) => avatar.generatorType === "photo";
const nameOf = (avatar) => avatar.seed || text(isPhoto(avatar) ? "photograph" : "random");

function open(avatar, item) {
  opened = { avatar, item };
  find("input", details).checked = true;
  find("h2", details).replaceChildren(make("bdi", {}, nameOf(avatar)));
  const drawn = isPhoto(avatar) ? {} : { style: avatar.generatorType, colours: coloursOf(avatar) };
  const rows = { ...drawn, created: time(avatar.createdAt), id: avatar.id };
  find("[value=remake]", details).hidden = isPhoto(avatar);
  const pairs = Object.entries(rows).map(([key, value]) => [make("dt", {}, text(`details.${key}`)), make("dd", {}, value)]);
  find("dl", details).replaceChildren(...pairs.flat());
  showOpened();
  details.showModal();
}

function coloursOf({ colorScheme, palette, options, primaryColor, foreignColor }) {
  if (options) return text("colours.theirs");
  if (palette) return palette === "any" ? text("colours.seed") : palette;
  const primary = primaryColor ?? DEFAULTS.primaryColor;
  const foreign = foreignColor ?? DEFAULTS.foreignColor;
  const url = colorScheme ? blendOf(colorScheme) : blend(primary, foreign);
  const swatch = make("img", { width: 32, height: 16, alt: "" });
  // An imported avatar may have a colour or a scheme that this service does not know: the text remains.
  swatch.addEventListener("error", () => swatch.remove());
  swatch.src = url;
  return make("span", { className: "blend" }, swatch, colorScheme ?? `${primary}, ${foreign}`);
}

/** Shows the opened picture with the chosen filter, and its URL. */
function showOpened() {
  const { avatar } = opened;
  const filter = find("input:checked", details).value;
  const image = find("img", details);
  image.src = stored(avatar.id, { size: LARGE, filter });
  image.alt = text("picture", { seed: nameOf(avatar), style: avatar.generatorType });
  find("code", details).textContent = absolute(stored(avatar.id, { filter }));
  const download = find("a", details);
  download.href = image.getAttribute("src");
  download.download = fileName(nameOf(avatar), "png");
}

function act(event) {
  const button = event.target.closest("button");
  if (event.target === details || button?.value === "close") details.close();
  else if (button?.value === "copy") copy(find("code", details).textContent, button, text("copied"));
  else if (button?.value === "remake") remake(opened.avatar).catch((failure) => notify(failure.message));
  else if (button?.value === "delete") remove(opened);
}

/** Opens the maker with the options of a stored avatar. */
async function remake({ generatorType, seed, colorScheme, palette, options, primaryColor, foreignColor }) {
  const query = new URLSearchParams({ style: generatorType, seed: seed ?? "" });
  if (colorScheme) {
    query.set("colorScheme", colorScheme);
  } else if (palette) {
    if (palette !== "any") query.set("palette", palette);
  } else if (options) {
    for (const [name, value] of Object.entries(options)) query.set(name, value);
  } else {
    const named = blend(primaryColor ?? DEFAULTS.primaryColor, foreignColor ?? DEFAULTS.foreignColor);
    for (const [name, colour] of Object.entries(await known(named))) query.set(name, colour);
  }
  location.assign(at(`/?${query}`));
}

/** Returns the two colours of a gradient URL, or none if the service does not know them. */
async function known(gradient) {
  try {
    const [primaryColor, foreignColor] = await pair(gradient);
    return { primaryColor, foreignColor };
  } catch (failure) {
    if (failure.status !== 400) throw failure;
    return {};
  }
}

async function remove({ avatar, item }) {
  if (!(await confirmed())) return;
  try {
    await call("DELETE", `/api/${avatar.id}`);
  } catch (failure) {
    // Another client may have deleted it already.
    if (failure.status !== 404) return notify(text("deleted.failed", { reason: failure.message }));
  }
  const neighbour = item.nextElementSibling ?? item.previousElementSibling;
  details.close();
  item.remove();
  total = Math.max(0, total - 1);
  showTotal();
  notify(text("deleted"));
  (find("button", neighbour ?? document.createElement("i")) ?? find("#content")).focus();
}
