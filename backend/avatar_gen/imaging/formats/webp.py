"""WebP through Pillow, which is faster than libvips for small pictures."""

import io

from PIL import Image, features

from avatar_gen import __version__
from avatar_gen.imaging.formats.format import RENDERERS, Format
from avatar_gen.imaging.vips import Pixels, without_opaque_alpha


def _encode(pixels: Pixels, xmp: bytes = b"") -> bytes:
    """Encode without loss, which makes the smallest files of flat pictures.

    Method 0, the fastest, uses no palettes, so the file of a gradient would be many times as large.
    """
    file = io.BytesIO()
    options = {"lossless": True, "quality": 20, "method": 1, "xmp": xmp}
    Image.fromarray(without_opaque_alpha(pixels)).save(file, "WEBP", **options)
    return file.getvalue()


def _encode_photo(pixels: Pixels) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "WEBP", quality=80, method=2)
    return file.getvalue()


WEBP = Format(
    name="webp",
    media_type="image/webp",
    extensions=("webp",),
    has_alpha=True,
    made_by=f"{__version__}-{RENDERERS}-{features.version('webp')}",
    bytes_per_pixel=36,
    encode=_encode,
    encode_photo=_encode_photo,
)
