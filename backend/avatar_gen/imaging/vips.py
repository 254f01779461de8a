"""libvips as this service uses it. Its calls block for milliseconds: run them in the `Pool`."""

import contextlib
import ctypes

import numpy as np
import pyvips
from numpy.typing import NDArray
from PIL import Image

from avatar_gen.errors import StartupError

# Each picture is small and is encoded once. libvips' cache of operations would keep up to 100 MB of them
# without use, and starting its threads costs more than a picture.
pyvips.cache_set_max(0)
pyvips.concurrency_set(1)

# glibc's malloc gives each thread a heap, and keeps more memory the larger the blocks were that it was asked
# for. With these values, from its malloc.h, a process holds less after many AVIF. A lower threshold for mmap
# makes WebP slower: its encoder asks for 1 MB each time. Other C libraries do not have these options.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
_libc = ctypes.CDLL(None)
with contextlib.suppress(AttributeError):
    _libc.mallopt(_M_ARENA_MAX, 2)
    _libc.mallopt(_M_MMAP_THRESHOLD, 2 << 20)
    _libc.mallopt(_M_TRIM_THRESHOLD, 16 << 20)

# Only PNG and SVG files are ever decoded, so a vulnerability in another decoder cannot be reached.
pyvips.operation_block_set("VipsForeignLoad", True)  # noqa: FBT003 - C's signature
pyvips.operation_block_set("VipsForeignLoadPng", False)  # noqa: FBT003
pyvips.operation_block_set("VipsForeignLoadSvg", False)  # noqa: FBT003


def return_free_memory() -> None:
    """Return the free memory of this process to the system, with glibc. It blocks for milliseconds.

    Otherwise free memory between two blocks in use stays with the process. Encoding AVIF leaves over 40 MB.
    """
    with contextlib.suppress(AttributeError):
        _libc.malloc_trim(0)


_LOWEST = (8, 18, 3)
_FOUND = tuple(pyvips.version(part) for part in range(3))

VERSION = ".".join(map(str, _FOUND))
"""The version of libvips. Another one may write other bytes."""


Pixels = NDArray[np.uint8]
"""sRGB, shape (px, px, 3), or (px, px, 4) with straight alpha: colours are not multiplied by it."""


def require_version() -> None:
    """Raise `StartupError` if libvips is an old release with known vulnerabilities."""
    if _FOUND < _LOWEST:
        lowest = ".".join(map(str, _LOWEST))
        raise StartupError(f"libvips {VERSION} is too old, {lowest} is needed: pip install pyvips-binary")


def scale(pixels: Pixels, px: int) -> Pixels:
    """Return a square picture at another width, each new pixel from all that it covers. Alpha is kept."""
    scaled: Pixels = to_image(pixels).thumbnail_image(px, height=px, size="force").numpy()
    return scaled


def without_opaque_alpha(pixels: Pixels) -> Pixels:
    """Return the pixels without their alpha if all of them are opaque."""
    if pixels.shape[2] == 4 and np.bitwise_and.reduce(as_numbers(pixels)) >> 24 == 255:
        return without_alpha(pixels)
    return pixels


def without_alpha(pixels: Pixels) -> Pixels:
    """Return the colours of pixels, shape (px, px, 4). Pillow is faster at this than NumPy."""
    px = len(pixels)
    image = Image.frombuffer("RGBA", (px, px), np.ascontiguousarray(pixels), "raw", "RGBA", 0, 1)
    return np.frombuffer(image.tobytes("raw", "RGB"), np.uint8).reshape(px, px, 3)


def as_numbers(pixels: Pixels) -> NDArray[np.uint32]:
    """Return each pixel, shape (px, px, 4), as one number, shape (px * px,).

    From the highest byte to the lowest it has alpha, blue, green and red.
    """
    return np.ascontiguousarray(pixels).view("<u4").ravel()


def to_image(pixels: Pixels, xmp: bytes = b"") -> pyvips.Image:
    """Return an image of libvips with these pixels, and with a packet of XMP unless it is empty."""
    image = pyvips.Image.new_from_array(np.ascontiguousarray(pixels), interpretation="srgb")
    if xmp:
        image.set_type(pyvips.GValue.blob_type, "xmp-data", xmp)
    return image
