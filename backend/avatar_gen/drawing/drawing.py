"""The picture before it is a file: indices and the colours that they stand for."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from avatar_gen.drawing.palette import Colour, Palette
from avatar_gen.drawing.seed import Chance


class IndexMap(NamedTuple):
    """A square picture of palette indices, with equal neighbouring rows kept once.

    A `pixelize` avatar of 512 px has seven different rows; to work on those instead of on 512 makes
    drawing and packing it four times cheaper.
    """

    rows: NDArray[np.uint8]
    """The different rows from top to bottom, shape (n, px)."""
    heights: NDArray[np.intp]
    """How many rows of pixels each of them stands for, shape (n,); they add up to px."""

    def pixels(self) -> NDArray[np.uint8]:
        """Every row written out, shape (px, px)."""
        return np.repeat(self.rows, self.heights, axis=0)


def every_row(pixels: NDArray[np.uint8]) -> IndexMap:
    """An index map of pixels, shape (px, px), in which any row may differ from its neighbour."""
    return IndexMap(pixels, np.ones(len(pixels), dtype=np.intp))


class Svg(NamedTuple):
    """A picture as SVG elements."""

    side: int
    """The width of its square view box, in units of its own."""
    paint: Callable[[Sequence[str], str], str]
    """The elements, given the palette's colours as `#rrggbb`, and a prefix for every id in them, by which two
    pictures on one page do not meet."""


@dataclass(frozen=True, slots=True)
class Flat:
    """An avatar that is exact at any size: every pixel has one of the palette's colours."""

    palette: Palette
    at: Callable[[int], IndexMap]
    """The index map at a width in px; the same width always gives the same one."""
    svg: Svg | None = None
    """The same picture in SVG, where it can be said so."""


@dataclass(frozen=True, slots=True)
class Vector:
    """An avatar made of shapes, whose pixels a renderer of SVG finds."""

    palette: Palette
    svg: Svg


Drawing = Flat | Vector
"""One avatar, to be had at any size."""


DEFAULT_ANGLE = 90.0


@dataclass(frozen=True, slots=True)
class StyleInput:
    """What a person may ask of a style."""

    primary: Colour
    foreign: Colour
    angle: float = DEFAULT_ANGLE
    """Degrees: 0 points right, 90 down."""
    text: str = ""
    """What styles that write take their letters from: the seed, unless another name was given."""

    def duotone(self) -> Palette:
        """The palette of styles that use both colours as they are: 0 foreign, 1 primary."""
        return np.array((self.foreign, self.primary), dtype=np.uint8)


@dataclass(frozen=True, slots=True)
class Style:
    """A way to draw, by its name."""

    name: str
    title: str
    draw: Callable[[Chance, StyleInput], Drawing]
    options: frozenset[Literal["angle", "text"]] = frozenset()
    """Which parts of a `StyleInput` beside its colours make a difference."""
