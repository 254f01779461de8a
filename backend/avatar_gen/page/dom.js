/** Finding, making and copying: what every part of the page does with its elements. */

export const find = (selector, root = document) => root.querySelector(selector);

export const findAll = (selector, root = document) => [...root.querySelectorAll(selector)];

/** An element with properties (attributes where a name has a dash) and children; a string becomes text, never HTML. */
export function make(name, properties = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key.includes("-") || key === "role") element.setAttribute(key, value);
    else element[key] = value;
  }
  element.append(...children);
  return element;
}

/** Marks pictures that did not come. Each is asked for once more by itself: a network that changes drops some. */
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

/** Asks for everything anew that did not come. */
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

/** Copies, and says so on the button for a while. Without HTTPS browsers have an older way alone. */
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

/** A sentence at the foot of the page, for a few seconds; screen readers say it. */
export function notify(sentence) {
  const notice = find("#notice");
  // Below an open dialog nothing is read out.
  (find("dialog[open]") ?? document.body).append(notice);
  notice.textContent = sentence;
  notice.classList.add("shown");
  clearTimeout(fading);
  fading = setTimeout(() => notice.classList.remove("shown"), 4000);
}
