// A React component. It needs React 18 or newer.

import {
  createElement,
  useEffect,
  useRef,
  useState,
  type CSSProperties,
  type ImgHTMLAttributes,
  type ReactElement,
} from "react";
import { initials, picture, type PictureOptions } from "./picture.js";

export interface UserAvatarProps
  extends PictureOptions,
    Omit<ImgHTMLAttributes<HTMLElement>, keyof PictureOptions | "src" | "srcSet" | "alt" | "width" | "height"> {}

const ROUND: Partial<Record<string, string>> = { circle: "50%", rounded: "20%", squircle: "30%" };

/** Show a person's avatar. If the picture cannot be fetched, show the initials. */
export function UserAvatar(props: UserAvatarProps): ReactElement {
  const { seed, email, avatarId, name = "", type, size, format, shape, filter, base, ...others } = props;
  const { src, srcset, size: px } = picture({ seed, email, avatarId, name, type, size, format, shape, filter, base });
  const [failed, setFailed] = useState("");
  const image = useRef<HTMLImageElement>(null);
  useEffect(() => {
    // An error before React took over the page has sent no event to it.
    if (image.current?.complete && !image.current.naturalWidth) setFailed(src);
  }, [src]);
  if (failed === src) {
    const style = { ...fallback(px, shape), ...others.style };
    return createElement("span", { ...others, role: "img", "aria-label": name, style }, initials(name || (seed ?? email ?? "")));
  }
  return createElement("img", {
    loading: "lazy",
    decoding: "async",
    ...others,
    key: src,
    ref: image,
    src,
    srcSet: srcset || undefined,
    width: px,
    height: px,
    alt: name,
    onError: () => setFailed(src),
  });
}

const fallback = (px: number, shape?: string): CSSProperties => ({
  display: "inline-grid",
  placeItems: "center",
  width: px,
  height: px,
  borderRadius: ROUND[shape ?? ""],
  background: "#e2e6ec",
  color: "#3b4252",
  font: `600 ${Math.round(px * 0.4)}px/1 system-ui, sans-serif`,
});
