// What the React component and the web component share.

import type { Filter, Format, Shape, Style } from "./names.js";
import { avatarUrl, gravatarUrl, storedAvatarUrl, type Open } from "./url.js";

/** Whose avatar is shown, and how. Give one of `seed`, `email` and `avatarId`. */
export interface PictureOptions {
  /** Any text of at most 256 characters, such as a user's number. By default the name. */
  seed?: string | undefined;
  /** The picture that is linked to an e-mail address. Of an address without a link, the style draws one. */
  email?: string | undefined;
  /** The id of a stored avatar. */
  avatarId?: string | undefined;
  /** The person's name: the alternative text of the picture, and the source of the initials. */
  name?: string | undefined;
  /** The style. By default `pixelize`. */
  type?: Open<Style> | undefined;
  /** Width and height in CSS px. By default 48. */
  size?: number | undefined;
  /** By default `webp`. */
  format?: Format | undefined;
  shape?: Shape | undefined;
  filter?: Filter | undefined;
  /** The URL of the service. By default that of the page. */
  base?: string | undefined;
}

/** The attributes of an `<img>`. */
export interface Picture {
  src: string;
  /** The same for sharper screens. Empty for SVG, which is sharp on all of them. */
  srcset: string;
  size: number;
}

export const DEFAULT_SIZE = 48;

const MAX_PX = 1024;
const MIN_PX = 16;

/** Return the URLs of a picture for screens with one, two and three device px for each CSS px. */
export function picture(options: PictureOptions): Picture {
  const { size = DEFAULT_SIZE, format = "webp" } = options;
  const url = (ratio: number): string =>
    pictureUrl(options, format, Math.min(Math.max(Math.round(size * ratio), MIN_PX), MAX_PX));
  const isVector = format === "svg" && options.avatarId === undefined && options.email === undefined;
  const srcset = isVector ? "" : [1, 2, 3].map((ratio) => `${url(ratio)} ${ratio}x`).join(", ");
  return { src: url(1), srcset, size };
}

function pictureUrl(options: PictureOptions, format: Format, px: number): string {
  const { avatarId, email, seed, name = "", type, shape, filter, base } = options;
  const stored = format === "svg" ? "webp" : format;
  if (avatarId !== undefined) return storedAvatarUrl(avatarId, { px, format: stored, filter, base });
  if (email !== undefined) return gravatarUrl(email, { size: px, format: stored, default: type ?? "pixelize", base });
  return avatarUrl(seed ?? name, { style: type, size: px, format, shape, filter, base });
}

/** Return the first letters of the first and the last word of a name, or of what stands before an @. */
export function initials(name: string): string {
  const words = name.replace(/@.*/s, "").match(/[\p{L}\p{N}][\p{L}\p{N}\p{M}]*/gu) ?? [];
  const chosen = words.length > 1 ? [words[0]!, words[words.length - 1]!] : words;
  return chosen.map((word) => word.match(/^.\p{M}*/u)![0].toUpperCase()).join("");
}
