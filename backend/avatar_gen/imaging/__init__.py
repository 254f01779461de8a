"""Pictures to bytes: indexed PNG by our own writer, every other format through libvips."""

from collections.abc import Callable

import pyvips

from avatar_gen.imaging.vips import open_png, scale, to_avif, to_jpeg, to_webp

MEDIA_TYPES = {
    "png": "image/png",
    "webp": "image/webp",
    "avif": "image/avif",
    "jpeg": "image/jpeg",
}
"""The formats that a stored picture is served in."""

DRAWN_TYPES = {**MEDIA_TYPES, "svg": "image/svg+xml"}
"""The formats that a drawing is served in."""

ENCODERS: dict[str, Callable[[pyvips.Image], bytes]] = {
    "webp": to_webp,
    "avif": to_avif,
    "jpeg": to_jpeg,
}
"""From pixels to the formats that libvips writes; each takes milliseconds and belongs in the `Pool`."""


def scaled(png: bytes, px: int, media: str) -> bytes:
    """A PNG file at another width, in a format of `MEDIA_TYPES`."""
    image = scale(open_png(png), px)
    if media != "png":
        return ENCODERS[media](image)
    smaller: bytes = image.pngsave_buffer(keep="none")
    return smaller


def convert(png: bytes, media: str) -> bytes:
    """A PNG file in another format, one of `ENCODERS`."""
    return ENCODERS[media](open_png(png))
