"""Pixels to files through libvips, whose calls take milliseconds: they belong in the `Pool`."""

import contextlib
import ctypes

import numpy as np
import pyvips
from numpy.typing import NDArray

from avatar_gen.errors import StartupError

# Pictures are small and each is encoded once: libvips' cache of operations would keep up to 100 MB of
# them and never be asked again, and its threads cost more to start than a picture takes.
pyvips.cache_set_max(0)
pyvips.concurrency_set(1)

# glibc's malloc gives each thread a heap of its own, and raises the size from which it returns memory to the
# largest that it was asked for: 180 MB stay with a process that has drawn some hundred AVIF, 105 by these
# values, from its malloc.h. With 1 MB for 2, WebP of 64 px takes 0.57 ms for 0.12: its encoder wants 1 MB,
# each time anew. Other C libraries have no such options.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
with contextlib.suppress(AttributeError):
    _libc = ctypes.CDLL(None)
    _libc.mallopt(_M_ARENA_MAX, 2)
    _libc.mallopt(_M_MMAP_THRESHOLD, 2 << 20)
    _libc.mallopt(_M_TRIM_THRESHOLD, 16 << 20)

# Nothing but our own PNG and SVG files is ever decoded, so a hole in another decoder cannot be reached.
pyvips.operation_block_set("VipsForeignLoad", True)  # noqa: FBT003 - C's signature
pyvips.operation_block_set("VipsForeignLoadPng", False)  # noqa: FBT003
pyvips.operation_block_set("VipsForeignLoadSvg", False)  # noqa: FBT003

_LEAST = (8, 18, 3)
_FOUND = tuple(pyvips.version(part) for part in range(3))

VERSION = ".".join(map(str, _FOUND))
"""libvips' version: another one may write other bytes."""


Pixels = NDArray[np.uint8]
"""sRGB, shape (px, px, 3), or (px, px, 4) with alpha that the colours are not multiplied by."""


def require_version() -> None:
    """Raise `StartupError` for a libvips with holes that are known: a system's own may stand in the way."""
    if _FOUND < _LEAST:
        least = ".".join(map(str, _LEAST))
        raise StartupError(f"libvips {VERSION} is too old, {least} is needed: pip install pyvips-binary")


def to_png(pixels: Pixels) -> bytes:
    """PNG of many colours: a `marble` of 512 px takes 7 ms and 182 KB so, by the defaults 9 and 279."""
    png: bytes = _open(pixels).pngsave_buffer(compression=3, filter="sub", keep="none")
    return png


def to_avif(pixels: Pixels) -> bytes:
    """AVIF at full colour resolution; effort 0 takes 5 ms for 512 px where the default takes 120."""
    options = {"compression": "av1", "Q": 80, "effort": 0, "subsample_mode": "off", "keep": "none"}
    avif: bytes = _open(pixels).heifsave_buffer(**options)
    return avif


def to_jpeg(pixels: Pixels) -> bytes:
    """JPEG at full colour resolution, so that flat areas keep sharp borders; on white where it has alpha."""
    image = _open(pixels)
    if image.hasalpha():
        image = image.flatten(background=[255, 255, 255])
    options = {"Q": 90, "subsample_mode": "off", "optimize_coding": True, "keep": "none"}
    jpeg: bytes = image.jpegsave_buffer(**options)
    return jpeg


def scale(pixels: Pixels, px: int) -> Pixels:
    """A square picture at another width, each new pixel from all that it covers."""
    scaled: Pixels = _open(pixels).thumbnail_image(px, height=px, size="force").numpy()
    return scaled


def _open(pixels: Pixels) -> pyvips.Image:
    return pyvips.Image.new_from_array(np.ascontiguousarray(pixels), interpretation="srgb")
