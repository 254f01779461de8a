"""PNG: indexed if 256 colours are enough, as in most drawings; in true colour otherwise."""

import zlib

import numpy as np
from numpy.typing import NDArray

from avatar_gen import __version__
from avatar_gen.drawing.drawing import every_row
from avatar_gen.imaging.formats.format import RENDERERS, Format
from avatar_gen.imaging.png import encode_png, encode_true_colour, with_xmp
from avatar_gen.imaging.vips import Pixels, without_opaque_alpha

_SAMPLE = 4096
"""Runs that are counted first: a smooth picture has more than 256 colours in any of them."""


def encode_pixels(pixels: Pixels) -> bytes:
    """Return a PNG file of exactly these pixels, with or without alpha."""
    values = _values(pixels)
    # Drawn shapes have few runs of equal pixels, so counting those is cheaper than counting pixels.
    starts = np.flatnonzero(np.diff(values, prepend=~values[0]))
    runs = values[starts]
    if len(np.unique(runs[:_SAMPLE])) > 256:
        return encode_true_colour(without_opaque_alpha(pixels))
    colours, indices = np.unique(runs, return_inverse=True)
    if len(colours) > 256:
        return encode_true_colour(without_opaque_alpha(pixels))
    lengths = np.diff(starts, append=len(values))
    rows = np.repeat(indices.astype(np.uint8), lengths).reshape(pixels.shape[:2])
    palette = colours.astype("<u4").view(np.uint8).reshape(-1, 4)
    # Alpha is the highest byte, so the transparent colours come first.
    alpha = palette[palette[:, 3] < 255, 3].tobytes() if pixels.shape[2] == 4 else b""
    return encode_png(every_row(rows), np.ascontiguousarray(palette[:, :3]), alpha)


def _values(pixels: Pixels) -> NDArray[np.uint32]:
    """Each pixel as one number: alpha, blue, green, red from the highest byte to the lowest."""
    if pixels.shape[2] == 4:
        return np.ascontiguousarray(pixels).view("<u4").ravel()
    values = pixels[:, :, 2].astype(np.uint32).ravel()
    for channel in (1, 0):
        values <<= 8
        values |= pixels[:, :, channel].ravel()
    return values


def _encode(pixels: Pixels, xmp: bytes = b"") -> bytes:
    """Lossless, like `encode_pixels`."""
    png = encode_pixels(pixels)
    return with_xmp(png, xmp) if xmp else png


PNG = Format(
    name="png",
    media_type="image/png",
    extensions=("png",),
    has_alpha=True,
    made_by=f"{__version__}-{zlib.ZLIB_RUNTIME_VERSION}-{RENDERERS}",
    bytes_per_pixel=32,
    encode=_encode,
)
