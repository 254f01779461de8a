"""PNG: indexed if 256 colours are enough, as in most drawings; in true colour otherwise."""

import numpy as np
from numpy.typing import NDArray

from avatar_gen import __version__
from avatar_gen.drawing.drawing import every_row
from avatar_gen.imaging.formats.format import RENDERERS, Format
from avatar_gen.imaging.png import COMPRESSOR, encode_png, encode_true_colour, with_xmp
from avatar_gen.imaging.vips import Pixels, as_numbers, without_alpha

_SAMPLE = 4096
"""Runs that are counted first: a smooth picture has more than 256 colours in any of them."""

_SMOOTH = 4
"""The highest mean length of the runs in a smooth picture. Those of shapes are 6 to 100 px long."""


def encode_pixels(pixels: Pixels) -> bytes:
    """Return a PNG file of exactly these pixels, with or without alpha."""
    values = _values(pixels)
    # Drawn shapes have few runs of equal pixels, so counting those is cheaper than counting pixels.
    starts = np.flatnonzero(values[1:] != values[:-1]) + 1
    runs = np.concatenate((values[:1], values[starts]))
    colours = _distinct(runs[:_SAMPLE])
    if len(colours) <= 256 < len(runs):
        colours = _distinct(runs)
    has_alpha = pixels.shape[2] == 4
    opaque = has_alpha and np.bitwise_and.reduce(runs) >> 24 == 255
    if len(colours) > 256:
        smooth = len(values) < len(runs) * _SMOOTH
        return encode_true_colour(without_alpha(pixels) if opaque else pixels, differences=smooth)
    lengths = np.diff(starts, prepend=0, append=len(values))
    indices = np.searchsorted(colours, runs).astype(np.uint8)
    rows = np.repeat(indices, lengths).reshape(pixels.shape[:2])
    palette = colours.astype("<u4").view(np.uint8).reshape(-1, 4)
    # Alpha is the highest byte, so the transparent colours come first.
    alpha = palette[palette[:, 3] < 255, 3].tobytes() if has_alpha else b""
    return encode_png(every_row(rows), np.ascontiguousarray(palette[:, :3]), alpha, differences=False)


def _values(pixels: Pixels) -> NDArray[np.uint32]:
    """Return each pixel as one number. Alpha, if there is any, is the highest byte."""
    if pixels.shape[2] == 4:
        return as_numbers(pixels)
    values = pixels[:, :, 2].astype(np.uint32).ravel()
    for channel in (1, 0):
        values <<= 8
        values |= pixels[:, :, channel].ravel()
    return values


def _encode(pixels: Pixels, xmp: bytes = b"") -> bytes:
    """Encode without loss, as `encode_pixels` does."""
    png = encode_pixels(pixels)
    return with_xmp(png, xmp) if xmp else png


def _encode_photo(pixels: Pixels) -> bytes:
    return encode_true_colour(pixels, differences=True)


def _distinct(values: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Return the same as `np.unique`, in less time: the function is slow, but the sort in it is fast."""
    ordered = np.sort(values)
    return ordered[np.concatenate(([True], ordered[1:] != ordered[:-1]))]


PNG = Format(
    name="png",
    media_type="image/png",
    extensions=("png",),
    has_alpha=True,
    made_by=f"{__version__}-{COMPRESSOR}-{RENDERERS}",
    bytes_per_pixel=32,
    encode=_encode,
    encode_photo=_encode_photo,
)
