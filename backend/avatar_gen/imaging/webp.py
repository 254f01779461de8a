"""WebP through Pillow, which takes a fifth of libvips' time for small pictures: 0.12 ms for 64 px."""

import io

from PIL import Image, features

from avatar_gen.imaging.vips import Pixels

VERSION = str(features.version("webp"))
"""libwebp's version: another one may write other bytes."""


def to_webp(pixels: Pixels) -> bytes:
    """Lossless WebP: for flat pictures it is both exact and the smallest.

    Method 0, the fastest, knows no palettes: a `gradient` of 512 px takes 5 ms so, but up to 194 KB; by
    method 1 20 ms and 0.3 KB, a `pixelize` 2.4 ms and 120 bytes rather than 2.2 and 2,474.
    """
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "WEBP", lossless=True, quality=20, method=1)
    return file.getvalue()
