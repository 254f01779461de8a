// URLs of pictures. Nothing here sends a request.

import type {
  ColorScheme,
  DefaultPicture,
  Filter,
  Format,
  Palette,
  Shape,
  StoredFormat,
  Style,
} from "./names.js";
import { sha256 } from "./sha256.js";

/** A known name, or another text. Editors suggest the known ones. */
export type Open<Name extends string> = Name | (string & {});

type Option = string | number | boolean;

/** How a picture by URL looks. docs/urls.md describes each parameter. */
export interface AvatarUrlOptions {
  /** By default `pixelize`. Any other text is the name of a style of the operator. */
  style?: Open<Style> | undefined;
  /** By default `webp`. `svg` is for every style except `wave`. */
  format?: Format | undefined;
  /** Width in px, 16 to 1024. By default 128. */
  size?: number | undefined;
  shape?: Shape | undefined;
  filter?: Filter | undefined;
  primaryColor?: string | undefined;
  foreignColor?: string | undefined;
  colorScheme?: ColorScheme | undefined;
  palette?: Open<Palette> | undefined;
  background?: string | undefined;
  hue?: number | undefined;
  angle?: number | undefined;
  name?: string | undefined;
  length?: number | undefined;
  uppercase?: boolean | undefined;
  bold?: boolean | undefined;
  /** The options of one of DiceBear's styles, under their own names. */
  options?: Record<string, Option | readonly Option[]> | undefined;
  /** Ignored by the service. Another value makes browsers fetch the picture again. */
  v?: string | undefined;
  /** The URL of the service. By default the URL is a path. */
  base?: string | undefined;
}

/** How a picture by e-mail address looks. */
export interface GravatarUrlOptions {
  /** Width in px, 1 to 2048. By default 80. */
  size?: number | undefined;
  /** By default `png`. */
  format?: StoredFormat | undefined;
  /** The picture of an address that is linked to none. It may be a URL. */
  default?: Open<DefaultPicture | Style> | undefined;
  /** Whether to show the default picture in any case. */
  forceDefault?: boolean | undefined;
  /** For the default picture `initials`: the name. */
  name?: string | undefined;
  base?: string | undefined;
}

/** How a stored avatar is shown. */
export interface StoredAvatarUrlOptions {
  /** Width in px, 16 to 1024. By default 64. */
  px?: number | undefined;
  /** By default `webp`. */
  format?: StoredFormat | undefined;
  filter?: Filter | undefined;
  v?: string | undefined;
  base?: string | undefined;
}

/** Return the URL of the picture that a style makes of a seed, any text of at most 256 characters. */
export function avatarUrl(seed: string, options: AvatarUrlOptions = {}): string {
  const { base, style = "pixelize", format = "webp", options: extra, ...parameters } = options;
  // Proxies may decode an encoded slash in a path.
  const inQuery = /[/\\]/.test(seed);
  const path = encode(style) + (inQuery ? "" : `/${encode(seed)}`);
  return `${root(base)}/api/render/${path}.${format}${query({ ...(inQuery && { seed }), ...parameters, ...extra })}`;
}

/**
 * Return the URL of the picture of an e-mail address, by the protocol of Gravatar and Libravatar.
 *
 * The URL has the SHA-256 of the address, not the address.
 */
export function gravatarUrl(email: string, options: GravatarUrlOptions = {}): string {
  const { base, format, size, default: picture, forceDefault, name } = options;
  const extension = format ? `.${format}` : "";
  const parameters = { s: size, d: picture, f: forceDefault ? "y" : undefined, name };
  return `${root(base)}/avatar/${emailHash(email)}${extension}${query(parameters)}`;
}

/** Return the URL of the picture of a stored avatar. */
export function storedAvatarUrl(id: string, options: StoredAvatarUrlOptions = {}): string {
  const { base, format = "webp", ...parameters } = options;
  return `${root(base)}/api/${encode(id)}.${format}${query(parameters)}`;
}

/** Return the SHA-256 of an e-mail address, trimmed and in lower case, in hexadecimal digits. */
export const emailHash = (email: string): string => sha256(email.trim().toLowerCase());

/** Encode a text for a URL, HTML and Markdown. Text that was cut may end in half of a character. */
const encode = (text: string): string =>
  encodeURIComponent(text.replace(/\p{Surrogate}/gu, "\ufffd")).replace(
    /[!'()*]/g,
    (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`,
  );

const root = (base = ""): string => base.replace(/\/+$/, "");

function query(parameters: Record<string, Option | readonly Option[] | undefined>): string {
  const pairs = Object.entries(parameters)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${encode(name)}=${encode(String(value)).replace(/%20/g, "+")}`);
  return pairs.length ? `?${pairs.join("&")}` : "";
}
