/** Crops and turns photographs in the browser. This module is loaded with the first photograph. */

import { loadStyle, make, notify } from "./dom.js";
import { addTexts, number, text } from "./texts.js";
import en from "./photo.en.js";
import ru from "./photo.ru.js";

addTexts({ en, ru });

const SIDE = 1024; // px of the picture that is sent; the service stores no larger one.
const MOST_PIXELS = 16_000_000; // Safari has no larger canvas.
const QUALITY = 0.92;
const SIZES = [128, 64, 32, 16]; // px
const MOST_ZOOM = 4;
const STEP = 12; // px for each arrow key

/** Opens the dialog in which a photograph is cropped and turned. Returns a square JPEG, or null if the user cancels. */
export async function cut(file, done = text("photo.use")) {
  const [image] = await Promise.all([open(file), loadCropper()]);
  try {
    return await new Promise((resolve) => new Cutter(image, done, resolve));
  } finally {
    URL.revokeObjectURL(image.src);
  }
}

/** Crops and turns one photograph in a dialog. */
class Cutter {
  constructor(image, done, resolve) {
    this.image = image;
    this.resolve = resolve;
    this.dialog = this.build(done);
    document.body.append(this.dialog);
    this.dialog.addEventListener("close", () => this.close());
    this.dialog.showModal();
    this.cropper = new globalThis.Cropper(image, {
      viewMode: 1, dragMode: "move", aspectRatio: 1, autoCropArea: 1, background: false, center: false, guides: false,
      highlight: false, cropBoxMovable: false, cropBoxResizable: false, toggleDragModeOnDblclick: false,
      checkCrossOrigin: false, checkOrientation: false, ready: () => this.fit(), crop: () => this.show(),
    });
    image.addEventListener("zoom", (event) => this.zoomed(event));
    this.resized = () => this.fit();
    window.addEventListener("resize", this.resized);
  }

  build(done) {
    this.previews = SIZES.map((px) => make("canvas", { width: px * 2, height: px * 2, title: text("pixels", { size: px }) }));
    this.previews.forEach((canvas, at) => Object.assign(canvas.style, { width: `${SIZES[at]}px`, height: `${SIZES[at]}px` }));
    this.range = make("input", { type: "range", min: 1, max: MOST_ZOOM, step: 0.01, value: 1, ariaLabel: text("photo.zoom") });
    this.range.addEventListener("input", () => this.zoomTo(this.range.value));
    this.stage = make("div", { className: "cut", tabIndex: 0, role: "application", ariaLabel: text("photo.stage") }, this.image);
    this.stage.addEventListener("keydown", (event) => this.press(event));
    const turn = (degrees, key, name) => {
      const words = { title: text(key), ariaLabel: text(key) };
      return make("button", { type: "button", className: `plain ${name}`, ...words, onclick: () => this.turn(degrees) }, icon("i-turn"));
    };
    const cancel = make("button", { type: "button", onclick: () => this.dialog.close() }, text("cancel"));
    const use = make("button", { type: "button", className: "strong", onclick: () => this.finish() }, done);
    const title = make("h2", { id: "cut-title" }, text("photo.title"));
    const tools = make("div", { className: "tools" }, turn(-90, "photo.left", "left"), this.range, turn(90, "photo.right", "right"));
    const row = make("div", { className: "sizes", role: "img", ariaLabel: text("photo.previews") }, ...this.previews);
    const hint = make("p", { className: "note" }, text("photo.hint"), " ", make("span", { className: "keys" }, text("photo.keys")));
    const actions = make("div", { className: "actions" }, cancel, use);
    return make("dialog", { className: "cutter", "aria-labelledby": "cut-title" }, title, this.stage, tools, hint, row, actions);
  }

  /** Shows the whole photograph, and crops the largest square in its middle. */
  fit() {
    this.cropper.clear().resize();
    const { width, height } = this.cropper.getContainerData();
    const { naturalWidth, naturalHeight } = this.cropper.getCanvasData();
    this.whole = Math.min(width / naturalWidth, height / naturalHeight);
    this.cropper.zoomTo(this.whole);
    const canvas = this.cropper.getCanvasData();
    this.cropper.moveTo((width - canvas.width) / 2, (height - canvas.height) / 2).crop();
    this.range.value = 1;
    this.show();
  }

  turn(degrees) {
    this.cropper.clear().rotate(degrees);
    this.fit();
    notify(text("photo.turned"));
  }

  zoomTo(times) {
    this.cropper.zoomTo(this.whole * times);
  }

  /** Keeps a pinch or a wheel within the range of the slider. */
  zoomed(event) {
    const times = event.detail.ratio / this.whole;
    if (times > MOST_ZOOM * 1.001) event.preventDefault();
    else this.range.value = times;
  }

  press(event) {
    const moves = { ArrowLeft: [STEP, 0], ArrowRight: [-STEP, 0], ArrowUp: [0, STEP], ArrowDown: [0, -STEP] };
    const zooms = { "+": 0.1, "=": 0.1, "-": -0.1 };
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key in moves) this.cropper.move(...moves[event.key]);
    else if (event.key in zooms) this.zoomTo(Math.min(MOST_ZOOM, Math.max(1, Number(this.range.value) + zooms[event.key])));
    else if (event.code === "KeyR") this.turn(event.shiftKey ? -90 : 90);
    else return;
    event.preventDefault();
  }

  /** Draws the previews, at most once for each frame. */
  show() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      if (!this.dialog.open) return;
      const large = this.draw(2 * SIZES[0]);
      for (const canvas of this.previews) drawScaled(canvas, large);
      this.range.ariaValueText = `${number(Math.round(this.range.value * 100))} %`;
    });
  }

  /** Returns the cropped region, on a square canvas of this many px. */
  draw(px) {
    const { x, y, width, rotate } = this.cropper.getData();
    const { naturalWidth, naturalHeight } = this.cropper.getCanvasData();
    const canvas = make("canvas", { width: px, height: px });
    const context = canvas.getContext("2d");
    context.imageSmoothingQuality = "high";
    context.fillStyle = "#fff";
    context.fillRect(0, 0, px, px);
    context.scale(px / width, px / width);
    context.translate(naturalWidth / 2 - x, naturalHeight / 2 - y);
    context.rotate((rotate * Math.PI) / 180);
    context.drawImage(this.image, -this.image.naturalWidth / 2, -this.image.naturalHeight / 2);
    return canvas;
  }

  async finish() {
    const side = Math.round(this.cropper.getData().width);
    this.result = await encoded(this.draw(Math.max(1, Math.min(SIDE, side))));
    this.dialog.close();
  }

  close() {
    window.removeEventListener("resize", this.resized);
    this.cropper.destroy();
    this.dialog.remove();
    this.resolve(this.result ?? null);
  }
}

/** Returns one of the page's icons. */
function icon(name) {
  const [svg, use] = ["svg", "use"].map((tag) => document.createElementNS("http://www.w3.org/2000/svg", tag));
  use.setAttribute("href", `#${name}`);
  svg.ariaHidden = "true";
  svg.append(use);
  return svg;
}

function drawScaled(canvas, source) {
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(source, 0, 0, canvas.width, canvas.height);
}

const encoded = (canvas) => new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", QUALITY));

/** Returns a file as an image that is upright and small enough for every browser's canvas. */
async function open(file) {
  const image = make("img", { alt: "", src: URL.createObjectURL(file) });
  try {
    await image.decode();
  } catch {
    URL.revokeObjectURL(image.src);
    throw new Error(text("photo.unreadable"));
  }
  const pixels = image.naturalWidth * image.naturalHeight;
  if (pixels <= MOST_PIXELS) return image;
  const scale = Math.sqrt(MOST_PIXELS / pixels);
  const canvas = make("canvas", { width: image.naturalWidth * scale, height: image.naturalHeight * scale });
  drawScaled(canvas, image);
  URL.revokeObjectURL(image.src);
  return open(await encoded(canvas));
}

/** Returns a function that loads something once, and again only if it failed. */
function once(load) {
  let loading;
  return () =>
    (loading ??= load().catch(() => {
      loading = undefined;
      throw new Error(text("unreachable"));
    }));
}

const loadStyles = once(() => Promise.all([loadStyle("cropper.min.css"), loadStyle("photo.css")]));
const loadScript = once(() => import("./cropper.min.js"));
const allowTemplate = once(async () => policy());
const loadCropper = () => Promise.all([loadStyles(), allowTemplate().then(loadScript)]);

/** Lets Cropper.js make its elements, which it writes as HTML. Only empty `div` and `span` elements pass. */
function policy() {
  const harmless = /^(?:<\/?(?:div|span)(?: (?:class|touch-action|data-cropper-action)="[\w -]*")*>)+$/;
  globalThis.trustedTypes?.createPolicy("default", { createHTML: (html) => (harmless.test(html) ? html : null) });
}

/** Opens a dialog with the picture of the camera. Returns a photograph, or null. Throws if there is no camera. */
export async function takePicture() {
  await loadStyles();
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "user", width: { ideal: 1920 } } });
  } catch {
    throw new Error(text("camera.refused"));
  }
  try {
    return await filmed(stream);
  } finally {
    for (const track of stream.getTracks()) track.stop();
  }
}

async function filmed(stream) {
  const video = make("video", { autoplay: true, muted: true, playsInline: true, srcObject: stream });
  const take = make("button", { type: "button", className: "strong", disabled: true }, text("camera.take"));
  const cancel = make("button", { type: "button" }, text("cancel"));
  const title = make("h2", { id: "camera-title" }, text("camera.title"));
  const dialog = make("dialog", { className: "cutter", "aria-labelledby": "camera-title" }, title, video, make("div", { className: "actions" }, cancel, take));
  document.body.append(dialog);
  dialog.showModal();
  video.addEventListener("playing", () => (take.disabled = false));
  const taken = await new Promise((resolve) => {
    take.addEventListener("click", () => resolve(true));
    cancel.addEventListener("click", () => resolve(false));
    dialog.addEventListener("close", () => resolve(false));
  });
  const canvas = make("canvas", { width: video.videoWidth, height: video.videoHeight });
  if (taken) drawScaled(canvas, video);
  dialog.close();
  dialog.remove();
  return taken ? encoded(canvas) : null;
}
