"""Pictures to bytes: indexed PNG by our own writer, WebP through Pillow, the others through libvips."""

import io
import re
import zlib
from collections.abc import Callable

import numpy as np
import pyvips
from PIL import Image

from avatar_gen import __version__
from avatar_gen.errors import StartupError
from avatar_gen.imaging import vips, webp
from avatar_gen.imaging.vips import Pixels, scale, to_avif, to_jpeg, to_png
from avatar_gen.imaging.webp import to_webp

MEDIA_TYPES = {
    "png": "image/png",
    "webp": "image/webp",
    "avif": "image/avif",
    "jpeg": "image/jpeg",
}
"""The formats that a stored picture is served in."""

DRAWN_TYPES = {**MEDIA_TYPES, "svg": "image/svg+xml"}
"""The formats that a drawing is served in."""

EXTENSIONS = {**{media: media for media in DRAWN_TYPES}, "jpg": "jpeg"}
"""The formats by the extension of a name, in lower case."""

UNSERVED_EXTENSION = re.compile(
    "apng|bmp|cur|dib|eps|gif|heic|heif|ico|jfif|jp2|jpe|json|jxl|jxr|pjp|pjpeg|psd|svgz|tga|tiff?"
)
"""Extensions of files in other formats, in lower case: a name with one of these is a mistake, not a seed."""

MADE_BY = {
    "svg": __version__,
    **dict.fromkeys(MEDIA_TYPES, f"{__version__}-{zlib.ZLIB_RUNTIME_VERSION}-{vips.VERSION}"),
    "webp": f"{__version__}-{vips.VERSION}-{webp.VERSION}",
}
"""By format, the releases of all that has a say in a file's bytes. Another one may pack the same pixels
otherwise, which a strong ETag must not hide."""

ENCODERS: dict[str, Callable[[Pixels], bytes]] = {
    "png": to_png,
    "webp": to_webp,
    "avif": to_avif,
    "jpeg": to_jpeg,
}
"""From pixels to `MEDIA_TYPES`; each takes milliseconds and belongs in the `Pool`."""


_BYTES_PER_PIXEL = {"avif": 48}
_MOST_OTHERS_TAKE = 32
_FILTERED = 72
_BYTES_PER_PICTURE = 3_000_000


def memory_of(px: int, media: str, *, filtered: bool = False) -> int:
    """The most bytes that drawing and encoding a picture takes, px wide, in a format of `DRAWN_TYPES`.

    `filtered` says whether it is a document with SVG filters, for which librsvg keeps several larger
    pictures. A test holds it against the peak of a process.
    """
    bytes_per_pixel = max(_BYTES_PER_PIXEL.get(media, _MOST_OTHERS_TAKE), _FILTERED if filtered else 0)
    return _BYTES_PER_PICTURE + px * px * bytes_per_pixel


def require_formats() -> None:
    """Raise `StartupError` where a library was built without one of our formats."""
    pixels = np.zeros((16, 16, 3), np.uint8)
    for media, encode in ENCODERS.items():
        try:
            encode(pixels)
        except (pyvips.Error, OSError, KeyError) as error:
            reason = str(error).partition("\n")[0]
            remedy = "pip install --force-reinstall pyvips-binary pillow"
            raise StartupError(f"{media} cannot be written ({reason}): {remedy}") from error


def scaled(png: bytes, px: int, media: str) -> bytes:
    """A PNG file at another width, in a format of `MEDIA_TYPES`."""
    return ENCODERS[media](scale(_decode(png), px))


def convert(png: bytes, media: str) -> bytes:
    """A PNG file in another format of `MEDIA_TYPES`."""
    return ENCODERS[media](_decode(png))


def _decode(png: bytes) -> Pixels:
    """The pixels of a file of our own; Pillow takes a fifth of libvips' time for a small one."""
    return np.asarray(Image.open(io.BytesIO(png), formats=("PNG",)).convert("RGB"))
