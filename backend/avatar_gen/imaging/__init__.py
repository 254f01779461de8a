"""Pictures to bytes: indexed PNG by our own writer, every other format through libvips."""

import zlib
from collections.abc import Callable

import numpy as np
import pyvips

from avatar_gen import __version__
from avatar_gen.errors import StartupError
from avatar_gen.imaging.vips import VERSION, open_pixels, open_png, scale, to_avif, to_jpeg, to_png, to_webp

MEDIA_TYPES = {
    "png": "image/png",
    "webp": "image/webp",
    "avif": "image/avif",
    "jpeg": "image/jpeg",
}
"""The formats that a stored picture is served in."""

DRAWN_TYPES = {**MEDIA_TYPES, "svg": "image/svg+xml"}
"""The formats that a drawing is served in."""

MADE_BY = {
    "svg": __version__,
    **dict.fromkeys(MEDIA_TYPES, f"{__version__}-{zlib.ZLIB_RUNTIME_VERSION}-{VERSION}"),
}
"""By format, the releases of all that has a say in a file's bytes. Another one may pack the same pixels
otherwise, which a strong ETag must not hide."""

ENCODERS: dict[str, Callable[[pyvips.Image], bytes]] = {
    "png": to_png,
    "webp": to_webp,
    "avif": to_avif,
    "jpeg": to_jpeg,
}
"""From pixels to `MEDIA_TYPES`; each takes milliseconds and belongs in the `Pool`."""


def require_formats() -> None:
    """Raise `StartupError` for a libvips that was built without one of our formats."""
    image = open_pixels(np.zeros((16, 16, 3), np.uint8))
    for media, encode in ENCODERS.items():
        try:
            encode(image)
        except pyvips.Error as error:
            reason = str(error).partition("\n")[0]
            raise StartupError(
                f"libvips cannot write {media} ({reason}): pip install pyvips-binary"
            ) from error


def scaled(png: bytes, px: int, media: str) -> bytes:
    """A PNG file at another width, in a format of `MEDIA_TYPES`."""
    return ENCODERS[media](scale(open_png(png), px))


def convert(png: bytes, media: str) -> bytes:
    """A PNG file in another format of `MEDIA_TYPES`."""
    return ENCODERS[media](open_png(png))
