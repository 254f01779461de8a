/** The page on which a user chooses a picture by a signed link. The token of the link is in the fragment. */

import { confirmed } from "./dialogs.js";
import { find, findAll, make, notify, reloadPictures, watchPictures } from "./dom.js";
import { call, Failure } from "./service.js";
import { addTexts, language, speak, text, time, translate } from "./texts.js";
import { startTheme } from "./theme.js";
import { takeFiles } from "./uploads.js";
import { absolute, at, picture } from "./urls.js";
import en from "./pick.en.js";
import ru from "./pick.ru.js";

addTexts({ en, ru });

const SIZES = [128, 64, 48, 32, 16]; // px
const SEED_LENGTH = 256; // code points
const form = find("#pick");
const isFramed = window.parent !== window;

let session; // What the link allows.
let choice = null; // A style or a photograph, with what is needed to show and to store it.
let turn = 0; // How often the user chose "Draw others".

const token = () => location.hash.slice(1);

/** Loads what the link allows, and shows it. */
async function open() {
  find("#closed").hidden = true;
  try {
    session = (await call("GET", "/api/picker", { token: token() })).data;
  } catch (failure) {
    return close(failure);
  }
  draw();
  find("#lead").textContent = text("pick.until", { time: time(session.expiresAt) });
  find("#photos").hidden = !session.photos;
  form.hidden = false;
  form.ariaBusy = "false";
  show();
}

/** Says why the link cannot be used. */
function close(failure) {
  const isOver = [401, 403].includes(failure.status);
  form.hidden = true;
  find("#lead").textContent = "";
  find("#closed span").textContent = isOver ? sentence(failure) : failure.message;
  find("#closed button").hidden = isOver;
  find("#closed").hidden = false;
  if (!(failure instanceof Failure)) throw failure;
}

const sentence = ({ status, message }) => ({ 401: text("pick.invalid"), 403: text("pick.used") })[status] ?? message;

/** Shows the styles, drawn from the seed of the link. */
function draw() {
  // Letters of a hash say nothing about a person.
  const styles = session.styles.filter(({ name }) => name !== "initials" || session.seed !== session.hash);
  find("#styles").replaceChildren(...styles.map(tile));
}

/** Returns the options of a drawing, with the names that `urls.js` uses. */
function drawing(style) {
  const seed = turn ? `${[...session.seed].slice(0, SEED_LENGTH - 6).join("")} ${turn + 1}` : session.seed;
  return { style, seed, colours: "seed", hue: "", shape: "square", size: 256, format: "png", angle: "90", name: "", filter: "" };
}

const url = (options) => picture(options, { name: options.style, license: null, options: [], formats: ["png"] });

function tile({ name, title }) {
  const options = drawing(name);
  const image = make("img", { className: "new", src: url(options), width: 72, height: 72, alt: "" });
  const radio = make("input", { type: "radio", name: "style", value: name });
  radio.addEventListener("change", () => choose({ options, source: url(options), name: title }));
  return make("label", { className: "tile" }, radio, image, make("span", {}, title));
}

function choose(chosen) {
  if (choice?.blob) URL.revokeObjectURL(choice.source);
  choice = chosen;
  if (!choice?.options) for (const radio of findAll("input[type=radio]", form)) radio.checked = false;
  find("#said").replaceChildren();
  show();
}

/** Shows the choice, or else the picture that the user has now, at common sizes. */
function show() {
  const now = at(`/avatar/${session.hash}?d=mp&s=256&v=${session.avatarId}`);
  const row = find("#sizes");
  if (!row.children.length) row.append(...SIZES.map((px) => make("img", { width: px, height: px, alt: "" })));
  for (const image of row.children) image.src = choice?.source ?? now;
  row.ariaLabel = choice ? text("pick.chosen", { what: choice.name }) : text("pick.now");
  find("#save").disabled = choice === null;
  find("#remove").hidden = session.avatarId === null;
}

async function give(file) {
  if (!session?.photos) return;
  try {
    const photos = await import("./photo.js");
    const given = file ?? (await photos.takePicture());
    const blob = given && (await photos.cut(given));
    if (blob) choose({ blob, source: URL.createObjectURL(blob), name: text("pick.own") });
  } catch (failure) {
    notify(failure.message);
  }
}

async function save(event) {
  event.preventDefault();
  const [path, body] = choice.blob ? ["upload", photograph(choice.blob)] : ["generate", options(choice.options)];
  const saved = await answered(text("pick.saving"), "POST", `/api/picker/${path}`, body);
  if (!saved) return;
  // The old token was used. A reload of the page continues with the new one.
  history.replaceState(null, "", `#${saved.token}`);
  session.avatarId = saved.avatarId;
  choose(null);
  say(text("pick.saved"), ...back());
  tell(saved.avatarId);
}

function photograph(blob) {
  const body = new FormData();
  body.append("file", blob, "photograph.jpg");
  return body;
}

/** Requests the colours that the seed chooses, as the tile shows them. */
const options = ({ style, seed }) => ({ type: style, seed, palette: "any" });

async function remove() {
  if (!(await confirmed()) || !(await answered("", "DELETE", "/api/picker"))) return;
  tell(null);
  form.hidden = true;
  find("#lead").replaceChildren(text("pick.removed"), " ", ...back());
  find("#content").focus();
}

/** Sends a request of the user, and returns its data. Says what went wrong, and returns null. */
async function answered(meanwhile, method, path, body) {
  const buttons = findAll("#save, #remove");
  for (const button of buttons) button.disabled = true;
  say(meanwhile);
  try {
    return (await call(method, path, { body, token: token() })).data ?? {};
  } catch (failure) {
    say(make("span", { className: "trouble" }, sentence(failure)));
    return null;
  } finally {
    for (const button of buttons) button.disabled = false;
    show();
  }
}

const say = (...what) => find("#said").replaceChildren(...what);

/** Returns a link to the site that opened this page, unless it shows the page in a frame. */
function back() {
  const site = session.returnOrigin;
  return site && !isFramed ? [" ", make("a", { href: site }, text("pick.back", { site: new URL(site).host }))] : [];
}

/** Sends the user's choice to the page around this one. Browsers deliver it only to the sites in the settings. */
function tell(avatarId) {
  if (!isFramed) return;
  const parent = location.ancestorOrigins?.[0]; // Firefox does not know it.
  const message = { type: "avatar", avatarId, url: absolute(at(`/avatar/${session.hash}?v=${avatarId ?? ""}`)) };
  for (const origin of session.origins) if (!parent || parent === origin) window.parent.postMessage(message, origin);
}

function others() {
  turn += 1;
  draw();
  if (choice?.options) choose(null);
}

const showConnection = () => (find("#offline").textContent = navigator.onLine ? "" : text("offline"));

document.documentElement.classList.toggle("framed", isFramed);
startTheme();
translate();
document.title = text("pick.page");
find("#language").value = language;
find("#language").addEventListener("change", (event) => speak(event.target.value));
window.addEventListener("online", showConnection);
window.addEventListener("online", reloadPictures);
window.addEventListener("offline", showConnection);
window.addEventListener("hashchange", () => location.reload());
form.addEventListener("submit", save);
find("#remove").addEventListener("click", remove);
find("#others").addEventListener("click", others);
find("#closed button").addEventListener("click", open);
takeFiles({ button: find("#upload"), camera: find("#camera"), give });
showConnection();
watchPictures();
open();
