"""Drawings to PNG files."""

import numpy as np
import pyvips
from numpy.typing import NDArray

from avatar_gen.drawing.drawing import Drawing, Flat
from avatar_gen.drawing.palette import Filter
from avatar_gen.drawing.svg import ROUNDING, Shape, document
from avatar_gen.imaging.png import encode_png
from avatar_gen.imaging.svg import Pixels, rasterise
from avatar_gen.imaging.truecolour import encode_pixels

_STEPS = 8
"""Each pixel on the border of a shape is asked at 8 x 8 points how much of it is inside."""


def draw_png(drawing: Drawing, px: int, recolour: Filter | None = None, shape: Shape = "square") -> bytes:
    """A drawing as a PNG file, px wide; indexed where it can be, with alpha where the shape has corners."""
    palette = drawing.palette if recolour is None else recolour(drawing.palette)
    if isinstance(drawing, Flat):
        index_map = drawing.at(px)
        if shape == "square":
            return encode_png(index_map, palette)
        pixels = np.dstack((palette[index_map.pixels()], _mask(px, shape)))
    else:
        pixels = rasterise(document(drawing.svg, palette, px, shape, ""), px)
    return _encode(pixels)


def _encode(pixels: Pixels) -> bytes:
    if pixels[:, :, 3].min() == 255:
        return encode_pixels(pixels[:, :, :3])
    png: bytes = pyvips.Image.new_from_array(np.ascontiguousarray(pixels)).pngsave_buffer(keep="none")
    return png


def _mask(px: int, shape: Shape) -> NDArray[np.uint8]:
    """How much of each pixel is inside of the shape, 0 to 255, shape (px, px)."""
    radius = 0.5 if shape == "circle" else ROUNDING
    centres = (np.arange(px * _STEPS) + 0.5) / (px * _STEPS)
    # How far each point lies beyond the square that the corners are rounded from.
    beyond = np.maximum(np.abs(centres - 0.5) - (0.5 - radius), 0)
    inside = np.hypot(beyond[:, np.newaxis], beyond) <= radius
    share = inside.reshape(px, _STEPS, px, _STEPS).mean(axis=(1, 3))
    alpha: NDArray[np.uint8] = np.rint(share * 255).astype(np.uint8)
    return alpha
