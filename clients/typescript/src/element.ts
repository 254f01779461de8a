// The web component <user-avatar>. Importing this module defines it.

import type { Filter, Format, Shape } from "./names.js";
import { DEFAULT_SIZE, initials, picture } from "./picture.js";

const ATTRIBUTES = [
  "seed", "email", "avatar-id", "name", "type", "size", "format", "shape", "filter", "base", "loading",
] as const;

const STYLE = `
:host { display: inline-block; vertical-align: middle; }
img, span { display: grid; place-items: center; width: var(--size); height: var(--size); }
span { background: #e2e6ec; color: #3b4252; font: 600 calc(var(--size) * 0.4) / 1 system-ui, sans-serif; }
:host([shape=circle]) span { border-radius: 50%; }
:host([shape=rounded]) span { border-radius: 20%; }
:host([shape=squircle]) span { border-radius: 30%; }
`;

// A server that renders pages has no elements.
const Base = globalThis.HTMLElement ?? (class {} as typeof HTMLElement);

/** A person's avatar. If the picture cannot be fetched, it shows the initials. */
export class UserAvatarElement extends Base {
  static readonly observedAttributes: readonly string[] = ATTRIBUTES;

  #waiting = false;

  connectedCallback(): void {
    this.#draw();
  }

  attributeChangedCallback(): void {
    // Several attributes that change together draw once.
    if (!this.isConnected || this.#waiting) return;
    this.#waiting = true;
    queueMicrotask(() => {
      this.#waiting = false;
      this.#draw();
    });
  }

  #draw(): void {
    const text = (name: string): string | undefined => this.getAttribute(name) ?? undefined;
    const name = text("name") ?? "";
    const { src, srcset, size } = picture({
      seed: text("seed"),
      email: text("email"),
      avatarId: text("avatar-id"),
      name,
      type: text("type"),
      size: Number(text("size")) || DEFAULT_SIZE,
      format: text("format") as Format | undefined,
      shape: text("shape") as Shape | undefined,
      filter: text("filter") as Filter | undefined,
      base: text("base"),
    });
    const image = new Image(size, size);
    image.alt = name;
    image.loading = text("loading") === "eager" ? "eager" : "lazy";
    image.decoding = "async";
    image.style.setProperty("--size", `${size}px`);
    image.onerror = () => image.replaceWith(letters(name || (text("seed") ?? text("email") ?? ""), size));
    if (srcset) image.srcset = srcset;
    image.src = src;
    (this.shadowRoot ?? this.#attach()).replaceChildren(image);
  }

  #attach(): ShadowRoot {
    const root = this.attachShadow({ mode: "open" });
    // Unlike a <style>, a sheet is allowed by every Content-Security-Policy.
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLE);
    root.adoptedStyleSheets = [sheet];
    return root;
  }
}

function letters(name: string, size: number): HTMLElement {
  const element = document.createElement("span");
  element.setAttribute("role", "img");
  element.setAttribute("aria-label", name);
  element.style.setProperty("--size", `${size}px`);
  element.textContent = initials(name);
  return element;
}

if (globalThis.customElements && !customElements.get("user-avatar")) {
  customElements.define("user-avatar", UserAvatarElement);
}

declare global {
  interface HTMLElementTagNameMap {
    "user-avatar": UserAvatarElement;
  }
}
