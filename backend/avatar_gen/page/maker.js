/** The view that makes an avatar. The form is the only place that holds the choice. */

import { absolute, at, blendOf, fileName, formatOf, gradient, isOurs, picture, SNIPPETS } from "./urls.js";
import { fill, fillNames, read, SEED_LENGTH, write } from "./choice.js";
import { CLEAR, contrast, pair } from "./colours.js";
import { after, copy, find, findAll, make, notify, reloadPictures } from "./dom.js";
import { showPalettes } from "./palettes.js";
import { forgetParts, showParts } from "./parts.js";
import { call, trouble } from "./service.js";
import { number, text } from "./texts.js";

const form = find("#choice");
const large = find("#large");
const SIZES = [64, 32, 16]; // px
const SYLLABLES = ["ka", "lu", "mi", "no", "ra", "se", "ti", "vo", "wen", "zo", "bri", "dal", "fin", "gos", "hel"];

let styles = new Map();
let choice;
let colours = null; // The two colours of the choice, as soon as they are known.

/** Fills the form from the page's URL, so that the user can type while the rest loads. */
export const prepareMaker = () => fill(form, location.search);

/** Loads the styles and schemes and shows the form. Throws `Failure`. */
export async function openMaker() {
  const [theirs, palettes] = await Promise.all([call("GET", "/api/styles"), call("GET", "/api/palettes")]);
  styles = new Map(theirs.data.map((style) => [style.name, style]));
  showStyles();
  find("#schemes").replaceChildren(...palettes.data.palettes.map(schemeTile));
  showPalettes(palettes.data.curated);
  showPreviews();
  fillNames(form, location.search);
  find("#more").open = !isOurs(styles.get(form.elements.style.value));
  listen();
  update();
}

function listen() {
  const soon = after(80, update);
  form.addEventListener("input", (event) => (event.target.type === "radio" ? update() : soon()));
  form.addEventListener("submit", (event) => event.preventDefault());
  find("#more").addEventListener("toggle", showTiles);
  find("#surprise").addEventListener("click", surprise);
  find("#swap").addEventListener("click", swap);
  find("#ways").addEventListener("input", showSnippet);
  find("#copy").addEventListener("click", () => copy(find("#snippet").textContent, find("#copy"), text("copied")));
  find("#store").addEventListener("click", store);
  find("button", find("#trouble")).addEventListener("click", reloadPictures);
  large.addEventListener("load", () => settle(null));
  large.addEventListener("error", explain);
}

/** Updates everything that depends on the form. */
function update() {
  const typed = form.elements.seed.value;
  const before = choice;
  if (before && form.elements.style.value !== before.style) forgetParts();
  choice = read(form);
  find("#seed-note").textContent = [...typed].length > SEED_LENGTH ? text("seed.cut") : "";
  if (choice.colours === "own" && before && before.colours !== "own" && colours) takeOver(colours);
  remember();
  showOptions();
  showTiles();
  showPicture();
  showColours();
  showStoring();
  const small = (parts) => picture({ ...choice, parts }, chosenStyle(), { format: "svg", size: 64, shape: "square" });
  showParts(chosenStyle(), small, update).catch((failure) => notify(failure.message));
}

/** Writes the choice into the page's URL. Safari allows 100 such calls in 30 s. */
const remember = after(300, () => {
  const query = write(choice);
  history.replaceState(null, "", (query ? `?${query}` : location.pathname) + location.hash);
});

const chosenStyle = () => styles.get(choice.style);

function showOptions() {
  const style = chosenStyle();
  const ours = isOurs(style);
  find("#colours").hidden = !ours;
  find("#their-colours").textContent = ours ? "" : `${credit(style)}. ${text("colours.theirs")}`;
  for (const panel of findAll("#colours .panel")) panel.hidden = panel.dataset.for !== choice.colours;
  form.elements.hue.disabled = !form.elements.keepHue.checked;
  find("#palettes").disabled = form.elements.keepHue.checked;
  find("#angle-option").hidden = !ours || !style.options.includes("angle");
  find("#name-option").hidden = !ours || !style.options.includes("name");
  showValue("angle", text("degrees", choice));
  showValue("size", text("pixels", choice));
  find("#format-note").textContent = formatOf(choice, style) === choice.format ? "" : text("format.no-svg");
  for (const radio of form.elements.format) radio.disabled = !style.formats.includes(radio.value);
}

/** Names the artist and the licence of a style. An operator's style need not have them. */
const credit = (style) => (style.creator && style.license ? text("style.by", style) : style.title);

function showValue(field, value) {
  find("b", find(`#${field}-option`)).textContent = value;
  form.elements[field].ariaValueText = value;
}

/** Shows each style, drawn from the seed. DiceBear's styles load only when they are in view. */
function showTiles() {
  const open = find("#more").open;
  for (const style of styles.values()) {
    if (isOurs(style) || open) show(style.tile, picture(choice, style, { format: "svg", size: 128 }));
  }
}

function showPicture() {
  const style = chosenStyle();
  const url = picture(choice, style);
  large.alt = text("picture", { seed: choice.seed, style: style.title });
  show(large, picture(choice, style, { size: 512 }));
  show(find("#thumb"), picture(choice, style, { format: "svg", size: 128 }));
  for (const row of findAll("#previews .circles")) row.hidden = choice.shape === "circle";
  for (const image of findAll("#previews img")) {
    const shape = image.dataset.shape || choice.shape;
    const drawn = (times) => picture(choice, style, { shape, size: image.getAttribute("width") * times });
    image.srcset = `${drawn(1)} 1x, ${drawn(2)} 2x, ${drawn(3)} 3x`;
  }
  const download = find("#download");
  download.href = url;
  download.download = fileName(choice.seed, formatOf(choice, style));
  showSnippet();
}

function showSnippet() {
  const style = chosenStyle();
  const way = find("#ways input:checked").value;
  find("#snippet").textContent = SNIPPETS[way]({
    url: absolute(picture(choice, style)),
    size: choice.size,
    file: `avatar.${formatOf(choice, style)}`,
  });
}

let asked = new AbortController();

async function showColours() {
  asked.abort();
  asked = new AbortController();
  if (!isOurs(chosenStyle())) return tint([]);
  const { signal } = asked;
  try {
    const found = await twoColours(signal);
    colours = found;
  } catch {
    if (!signal.aborted) find("#contrast").replaceChildren();
    return;
  }
  const ratio = contrast(...colours);
  const verdict = ratio < CLEAR ? "contrast.faint" : "contrast.clear";
  const parts = colours.map((colour) => {
    const swatch = make("i", { title: colour });
    swatch.style.backgroundColor = colour;
    return swatch;
  });
  // Rounded down: 2.96 does not reach 3.
  const shown = number(Math.floor(ratio * 10) / 10);
  const words = [make("span", {}, text("contrast", { ratio: shown })), make("small", {}, text(verdict))];
  find("#contrast").replaceChildren(...parts, ...words);
  tint(colours);
}

/** Tints the background of the large picture with its colours, if they are known. */
function tint([one, other]) {
  find("#large").parentElement.style.setProperty("--one", one ?? "");
  find("#large").parentElement.style.setProperty("--other", other ?? "");
}

async function twoColours(signal) {
  if (choice.colours === "own") return [choice.primaryColor, choice.foreignColor];
  return pair(gradient(choice), signal);
}

function takeOver([primary, foreign]) {
  form.elements.primaryColor.value = choice.primaryColor = primary;
  form.elements.foreignColor.value = choice.foreignColor = foreign;
}

function swap() {
  takeOver([choice.foreignColor, choice.primaryColor]);
  update();
}

function surprise() {
  const draw = () => SYLLABLES[Math.floor(Math.random() * SYLLABLES.length)];
  form.elements.seed.value = Array.from({ length: 3 }, draw).join("").replace(/^./, (first) => first.toUpperCase());
  update();
}

/** Says whether this choice can be stored, and which parts of it cannot. */
function showStoring() {
  const lost = [];
  if (choice.shape !== "square") lost.push(text("store.loses.shape"));
  if (choice.name && chosenStyle().options.includes("name")) lost.push(text("store.loses.name"));
  const sentences = [text("store.keeps")];
  if (lost.length) sentences.push(text("store.loses", { what: lost.join(", ") }));
  find("#store").disabled = false;
  find("#store-note").textContent = sentences.join(" ");
}

/** Posts the choice. The colours of a hue are posted as two colours, because a stored avatar has no hue. */
async function store() {
  const button = find("#store");
  const { style, seed, angle } = choice;
  button.disabled = true;
  find("#stored").replaceChildren();
  try {
    const options = await storedOptions();
    const turned = chosenStyle().options.includes("angle") ? { angle: Number(angle) } : {};
    const { data } = await call("POST", "/api/generate", { body: { type: style, seed, ...options, ...turned } });
    showStored(data.id);
  } catch (failure) {
    find("#stored").replaceChildren(make("span", { className: "trouble" }, failure.message));
  } finally {
    showStoring();
  }
}

async function storedOptions() {
  if (!isOurs(chosenStyle())) return { options: choice.parts };
  if (choice.colours === "scheme") return { colorScheme: choice.colorScheme };
  if (choice.colours === "seed" && !choice.hue) return { palette: choice.palette || "any" };
  const [primaryColor, foreignColor] = await twoColours();
  return { primaryColor, foreignColor };
}

/** Says that an avatar was stored, and lets the gallery load it. */
export function showStored(id) {
  document.dispatchEvent(new Event("stored"));
  find("#stored").replaceChildren(
    make("img", { src: at(`/api/${id}`), width: 40, height: 40, alt: "" }),
    make("span", {}, text("store.done"), " ", make("a", { href: "#gallery" }, text("store.show"))),
  );
  find("#stored").scrollIntoView({ block: "nearest" });
}

function showStyles() {
  for (const style of styles.values()) {
    style.tile = make("img", { className: "new", width: 72, height: 72, alt: "", loading: isOurs(style) ? "eager" : "lazy" });
  }
  const [ours, theirs] = [true, false].map((side) => [...styles.values()].filter((style) => isOurs(style) === side));
  find("#styles").replaceChildren(...ours.map(styleTile));
  find("#their-styles").replaceChildren(...theirs.map(styleTile));
  find("#more").hidden = theirs.length === 0;
  find("summary", find("#more")).textContent = text("style.more", { count: theirs.length });
  find(".styles").ariaBusy = "false";
}

function styleTile(style) {
  const radio = make("input", { type: "radio", name: "style", value: style.name });
  const title = isOurs(style) ? "" : credit(style);
  return make("label", { className: "tile", title }, radio, style.tile, make("span", {}, style.title));
}

function schemeTile({ key }) {
  const radio = make("input", { type: "radio", name: "colorScheme", value: key, ariaLabel: key });
  return make("label", { title: key }, radio, make("img", { src: blendOf(key), width: 32, height: 32, alt: "" }));
}

/** Shows the avatar at common sizes, in the chosen shape and in a circle, on light and on dark. */
function showPreviews() {
  const image = (shape) => (size) => {
    const made = make("img", { width: size, height: size, alt: "" });
    made.dataset.shape = shape;
    return made;
  };
  const rows = () => [
    make("dd", {}, ...SIZES.map(image(""))),
    make("dd", { className: "circles" }, ...SIZES.map(image("circle"))),
  ];
  const grounds = ["light", "dark"].map((ground) =>
    make("div", { className: ground }, make("dt", {}, text(`preview.${ground}`)), ...rows()),
  );
  find("#previews").replaceChildren(...grounds);
}

function show(image, url) {
  if (image.getAttribute("src") !== url) image.src = url;
}

/** Requests a failed picture again to get the error message, which an image does not expose. */
async function explain() {
  const url = large.src;
  const failure = await trouble(url);
  if (large.src === url) settle(failure);
}

/** Shows the error of the large picture, or hides it if there is none. */
function settle(failure) {
  const said = find("#trouble");
  said.hidden = !failure;
  if (failure) find("span", said).textContent = text("picture.failed", { reason: failure.message });
}
