"""Pictures to bytes: indexed PNG by our own writer, every other format through libvips."""

from collections.abc import Callable

import pyvips

from avatar_gen.imaging.vips import open_png, scale, to_avif, to_jpeg, to_png, to_webp

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
    "png": to_png,
    "webp": to_webp,
    "avif": to_avif,
    "jpeg": to_jpeg,
}
"""From pixels to `MEDIA_TYPES`; each takes milliseconds and belongs in the `Pool`."""


def scaled(png: bytes, px: int, media: str) -> bytes:
    """A PNG file at another width, in a format of `MEDIA_TYPES`."""
    return ENCODERS[media](scale(open_png(png), px))


def convert(png: bytes, media: str) -> bytes:
    """A PNG file in another format of `MEDIA_TYPES`."""
    return ENCODERS[media](open_png(png))
