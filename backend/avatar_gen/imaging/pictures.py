"""Drawings to picture files."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from avatar_gen.drawing.drawing import Drawing, Flat, every_row
from avatar_gen.drawing.palette import Filter, Palette
from avatar_gen.drawing.svg import ROUNDING, Shape, document
from avatar_gen.imaging import ENCODERS
from avatar_gen.imaging.png import encode_png
from avatar_gen.imaging.svg import rasterise
from avatar_gen.imaging.truecolour import encode_pixels
from avatar_gen.imaging.vips import Pixels, to_png

_LEVELS = 15
"""Of opacity on a shape's border, beside none at all: what 4 x 4 points in each pixel would tell apart. So
few, that a picture of up to 17 colours and its border still fit into one palette: a circle of `pixelize` at
128 px takes 0.1 ms as an indexed PNG, 1.3 ms with an alpha channel through libvips."""

MOST_CUT = 255 // _LEVELS
"""Colours in a palette that has room for all of these levels."""


def draw_picture(  # noqa: PLR0913
    drawing: Drawing,
    px: int,
    *,
    media: str,
    recolour: Filter | None = None,
    shape: Shape = "square",
    unique: str = "",
) -> bytes:
    """A drawing as a file in a format of `imaging.DRAWN_TYPES`, px wide.

    It has alpha where the shape has corners and the format can; JPEG shows white there. `unique` begins every
    id in an SVG. Raises `ValueError` where SVG is asked of a drawing that has none.
    """
    if media == "png":
        return draw_png(drawing, px, recolour, shape)
    palette = drawing.palette if recolour is None else recolour(drawing.palette)
    if media == "svg":
        if drawing.svg is None:
            raise ValueError("this drawing has pixels alone")
        return document(drawing.svg, palette, px, shape, unique).encode()
    return ENCODERS[media](_pixels(drawing, palette, px, shape))


def draw_png(drawing: Drawing, px: int, recolour: Filter | None = None, shape: Shape = "square") -> bytes:
    """A drawing as a PNG file, px wide; indexed where it can be, with alpha where the shape has corners."""
    palette = drawing.palette if recolour is None else recolour(drawing.palette)
    if isinstance(drawing, Flat):
        if shape == "square":
            return encode_png(drawing.at(px), palette)
        if len(palette) <= MOST_CUT:
            return _encode_cut(drawing.at(px).pixels(), palette, _opacity(px, shape))
    pixels = _pixels(drawing, palette, px, shape)
    if pixels.shape[2] == 3:
        return encode_pixels(pixels)
    return to_png(pixels)


def _pixels(drawing: Drawing, palette: Palette, px: int, shape: Shape) -> Pixels:
    """The colour of every pixel, and its alpha if there is any."""
    if isinstance(drawing, Flat):
        pixels: Pixels = palette[drawing.at(px).pixels()]
    else:
        pixels = rasterise(document(drawing.svg, palette, px, "square", ""), px)
        if pixels[:, :, 3].min() == 255:
            pixels = pixels[:, :, :3]
    if shape == "square":
        return pixels
    # By our own mask: a renderer cuts every shape by itself, and those below shine through there.
    return np.dstack((pixels[:, :, :3], _opacity(px, shape) * (255 // _LEVELS)))


def _encode_cut(indices: NDArray[np.uint8], palette: Palette, opacity: NDArray[np.uint8]) -> bytes:
    """An indexed PNG whose palette has every colour once for each level of opacity, behind one for none."""
    count = len(palette)
    levels = np.repeat(np.arange(1, _LEVELS), count) * (255 // _LEVELS)
    cut = np.where(opacity, (opacity - 1) * np.uint8(count) + indices + np.uint8(1), 0)
    colours = np.vstack((palette[:1], np.tile(palette, (_LEVELS, 1))))
    return encode_png(every_row(cut.astype(np.uint8)), colours, bytes((0, *levels.tolist())))


@lru_cache(maxsize=8)
def _opacity(px: int, shape: Shape) -> NDArray[np.uint8]:
    """How much of each pixel lies inside the shape, 0 to `_LEVELS`, shape (px, px).

    It follows from the distance of the pixel's centre to the border: halves and square roots, which IEEE 754
    rounds alike on every machine. One quarter is computed and mirrored.
    """
    radius = px / 2 if shape == "circle" else px * ROUNDING
    # The distance of each centre beyond the square that the corners are rounded from.
    beyond = np.maximum(np.arange((px + 1) % 2, px, 2) / 2 - (px / 2 - radius), 0)
    distance = np.sqrt(np.add.outer(beyond * beyond, beyond * beyond))
    share = np.clip(radius - distance + 0.5, 0, 1)
    quarter = np.rint(share * _LEVELS).astype(np.uint8)
    return _mirrored(_mirrored(quarter, px).T, px)


def _mirrored(half: NDArray[np.uint8], px: int) -> NDArray[np.uint8]:
    """Rows from the middle downwards, with their mirror image above them; an odd middle row stands once."""
    return np.vstack((half[::-1][: px // 2], half))
