/** Helpers for elements: find, make, copy, notify. */

export const find = (selector, root = document) => root.querySelector(selector);

export const findAll = (selector, root = document) => [...root.querySelectorAll(selector)];

/** Makes an element with properties (attributes if a name has a dash) and children. A string becomes text, never HTML. */
export function make(name, properties = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key.includes("-") || key === "role") element.setAttribute(key, value);
    else element[key] = value;
  }
  element.append(...children);
  return element;
}

/** Loads a style sheet that not every visitor needs. */
export const loadStyle = (name) =>
  new Promise((onload, onerror) => {
    document.head.append(make("link", { rel: "stylesheet", href: new URL(name, import.meta.url).href, onload, onerror }));
  });

/** Marks pictures that failed to load, and retries each once: a change of network drops some. */
export function watchPictures() {
  const mark = ({ type, target }) => {
    if (target.tagName !== "IMG") return;
    target.classList.remove("new");
    target.classList.toggle("failed", type === "error");
    if (type === "load" || target.tried === target.currentSrc) return;
    target.tried = target.currentSrc;
    setTimeout(() => target.classList.contains("failed") && reload(target), 1500);
  };
  document.addEventListener("error", mark, true);
  document.addEventListener("load", mark, true);
}

/** Reloads all pictures that failed. */
export const reloadPictures = () => findAll("img.failed").forEach(reload);

function reload(image) {
  for (const { name, value } of [...image.attributes].filter((each) => each.name.startsWith("src"))) {
    image.removeAttribute(name);
    image.setAttribute(name, value);
  }
}

/** Calls `action` once `ms` have passed without another call. */
export function after(ms, action) {
  let timer;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(action, ms);
  };
}

/** Copies text and marks the button for a moment. Without HTTPS, browsers offer only execCommand. */
export async function copy(text, button, said) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = make("textarea", { value: text });
    button.after(area);
    area.select();
    document.execCommand("copy");
    area.remove();
    button.focus();
  }
  button.classList.add("done");
  notify(said);
  setTimeout(() => button.classList.remove("done"), 1600);
}

let fading;

/** Shows a sentence at the foot of the page for a few seconds. Screen readers announce it. */
export function notify(sentence) {
  const notice = find("#notice");
  // Screen readers announce nothing outside an open dialog.
  (find("dialog[open]") ?? document.body).append(notice);
  notice.textContent = sentence;
  notice.classList.add("shown");
  clearTimeout(fading);
  fading = setTimeout(() => notice.classList.remove("shown"), 4000);
}
