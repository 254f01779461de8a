/** The ways in which a photograph comes to a page: a file dialog, drag and drop, the clipboard, the camera. */

import { find, make } from "./dom.js";

/** Without HEIC, so that iPhones send a JPEG. */
const ACCEPTED = "image/jpeg,image/png,image/webp,image/avif,image/gif";

/**
 * Lets the user give a photograph by `button`, by `camera` if there is one, by dropping it on the page or by pasting it.
 * Calls `give` with each file. The module of photographs is loaded with the first one.
 */
export function takeFiles({ button, camera, give }) {
  const field = make("input", { type: "file", accept: ACCEPTED, hidden: true });
  button.after(field);
  button.addEventListener("click", () => field.click());
  field.addEventListener("change", () => {
    if (field.files.length) give(field.files[0]);
    field.value = "";
  });
  if (camera) camera.hidden = !navigator.mediaDevices?.getUserMedia;
  camera?.addEventListener("click", () => give(null));
  document.addEventListener("paste", (event) => take(event, event.clipboardData));
  document.addEventListener("drop", (event) => {
    mark(false);
    take(event, event.dataTransfer);
  });
  document.addEventListener("dragover", (event) => {
    if (!event.dataTransfer.types.includes("Files")) return;
    event.preventDefault();
    mark(true);
  });
  document.addEventListener("dragleave", (event) => event.relatedTarget === null && mark(false));

  function take(event, { files }) {
    if (!files.length) return;
    event.preventDefault();
    if (!find("dialog[open]")) give(files[0]);
  }
}

const mark = (dragging) => document.body.classList.toggle("dragging", dragging);
