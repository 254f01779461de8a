"""Pictures: from drawings to files. `pipeline.py` has the steps, `formats` the formats."""

import io
import re

import numpy as np
import pyvips
from PIL import Image

from avatar_gen.errors import StartupError
from avatar_gen.imaging.formats import ENCODERS, FORMATS
from avatar_gen.imaging.png import xmp_of
from avatar_gen.imaging.vips import Pixels, scale

MEDIA_TYPES = {name: FORMATS[name].media_type for name in ENCODERS}
"""The media types of the formats in which stored pictures are served."""

DRAWN_TYPES = {name: each.media_type for name, each in FORMATS.items()}
"""The media types of the formats in which drawings are served."""

EXTENSIONS = {extension: each.name for each in FORMATS.values() for extension in each.extensions}
"""The formats by the extension of a name, in lower case."""

UNSERVED_EXTENSION = re.compile(
    "apng|bmp|cur|dib|eps|gif|heic|heif|ico|jfif|jp2|jpe|json|jxl|jxr|pjp|pjpeg|psd|svgz|tga|tiff?"
)
"""Extensions of files in other formats, in lower case: a name with one of these is a mistake, not a seed."""

MADE_BY = {name: each.made_by for name, each in FORMATS.items()}

_FILTERED_BYTES_PER_PIXEL = 72
_BYTES_PER_PICTURE = 3_000_000


def memory_of(px: int, format_name: str, *, filtered: bool = False) -> int:
    """Return the most bytes that making a picture takes, `px` wide, in one of `FORMATS` or JSON.

    `filtered` says whether it is a document with SVG filters, for which librsvg keeps several larger
    pictures. A test compares the result with the peak of a process.
    """
    bytes_per_pixel = FORMATS[format_name].bytes_per_pixel if format_name in FORMATS else 0
    if filtered and bytes_per_pixel:
        bytes_per_pixel = max(bytes_per_pixel, _FILTERED_BYTES_PER_PIXEL)
    return _BYTES_PER_PICTURE + px * px * bytes_per_pixel


def require_formats() -> None:
    """Raise `StartupError` if a library was built without one of the formats."""
    pixels = np.zeros((16, 16, 3), np.uint8)
    for format_name, encode in ENCODERS.items():
        try:
            encode(pixels)
        except (pyvips.Error, OSError, KeyError) as error:
            reason = str(error).partition("\n")[0]
            remedy = "pip install --force-reinstall pyvips-binary pillow"
            raise StartupError(f"{format_name} cannot be written ({reason}): {remedy}") from error


def scaled(png: bytes, px: int, format_name: str) -> bytes:
    """Return a PNG file at another width, in a format of `MEDIA_TYPES`. Its XMP is kept."""
    return ENCODERS[format_name](scale(decode(png), px), xmp_of(png))


def convert(png: bytes, format_name: str) -> bytes:
    """Return a PNG file in another format of `MEDIA_TYPES`. Its XMP is kept."""
    return ENCODERS[format_name](decode(png), xmp_of(png))


def decode(png: bytes) -> Pixels:
    """Return the pixels of a PNG file of this service, with alpha if it has any.

    Pillow is faster than libvips for a small file.
    """
    image = Image.open(io.BytesIO(png), formats=("PNG",))
    return np.asarray(image.convert("RGBA" if image.has_transparency_data else "RGB"))
