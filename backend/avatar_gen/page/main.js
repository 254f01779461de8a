/** Start-up: language, theme, connection, and the choice between the two views. */

import { find, findAll, make, notify, reloadPictures, watchPictures } from "./dom.js";
import { enter, openGallery } from "./gallery.js";
import { openMaker, prepareMaker, showStored } from "./maker.js";
import { call, Failure, forgetKey, hasKey } from "./service.js";
import { language, speak, text, translate } from "./texts.js";
import { startTheme } from "./theme.js";
import { takeFiles } from "./uploads.js";

function route() {
  const named = location.hash.slice(1);
  if (named && !["make", "gallery", "jobs"].includes(named)) return;
  const view = named || "make";
  const before = findAll("main > section").find((section) => !section.hidden);
  for (const section of findAll("main > section")) section.hidden = section.id !== `${view}-view`;
  for (const link of findAll("nav a")) {
    if (link.hash === `#${view}`) link.ariaCurrent = "page";
    else link.ariaCurrent = null;
  }
  document.title = text(`title.${view}`);
  if (before && before.id !== `${view}-view`) {
    scrollTo(0, 0);
    find("#content").focus({ preventScroll: true });
  }
  if (view === "gallery") enter();
  if (view === "jobs") enterJobs();
}

/** Shows the jobs. Their module is loaded when they are first opened. */
async function enterJobs() {
  const view = find("#jobs-view");
  try {
    const { openJobs } = await import("./jobs.js");
    if (!view.children.length) await openJobs();
  } catch {
    const again = make("button", { type: "button", onclick: enterJobs }, text("retry"));
    notify(text("unreachable"));
    view.replaceChildren(again);
  }
}

const showConnection = () => (find("#offline").textContent = navigator.onLine ? "" : text("offline"));
const showKey = () => (find("#forget").hidden = !hasKey());

async function begin() {
  const said = find("#begin");
  try {
    await openMaker();
    said.remove();
  } catch (failure) {
    const again = make("button", { type: "button", onclick: begin }, text("retry"));
    said.replaceChildren(make("span", {}, failure.message), " ", again);
    if (!(failure instanceof Failure)) throw failure;
  }
}

/** Lets the user take or choose a photograph and crop it, and stores it. */
async function upload(file) {
  const photos = await import("./photo.js");
  const given = file ?? (await photos.takePicture());
  const picture = given && (await photos.cut(given, text("store")));
  if (!picture) return;
  const body = new FormData();
  body.append("file", picture, "photograph.jpg");
  const { data } = await call("POST", "/api/upload", { body });
  showStored(data.id);
}

startTheme();
translate();
find("#language").value = language;
find("#language").addEventListener("change", (event) => speak(event.target.value));
find("#forget").addEventListener("click", () => {
  forgetKey();
  notify(text("key.forgotten"));
});
document.addEventListener("key", showKey);
window.addEventListener("online", showConnection);
window.addEventListener("online", reloadPictures);
window.addEventListener("offline", showConnection);
window.addEventListener("hashchange", route);
showKey();
showConnection();
watchPictures();
prepareMaker();
openGallery();
takeFiles({
  button: find("#upload"),
  camera: find("#camera"),
  give: (file) => upload(file).catch((failure) => notify(failure.message)),
});
route();
begin();
