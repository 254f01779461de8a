"""A drawing: a picture before it is encoded, as palette indices or as SVG."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from avatar_gen.drawing.palette import Colour, Palette
from avatar_gen.drawing.seed import Chance


class IndexMap(NamedTuple):
    """A square picture of palette indices that stores a run of equal rows only once.

    A `pixelize` avatar of 512 px has seven different rows, so drawing and packing work on 7 rows, not on 512.
    """

    rows: NDArray[np.uint8]
    """The distinct rows from top to bottom, shape (n, px)."""
    heights: NDArray[np.intp]
    """The number of pixel rows that each of them covers, shape (n,). The sum is px."""

    def pixels(self) -> NDArray[np.uint8]:
        """Return all rows, shape (px, px)."""
        return np.repeat(self.rows, self.heights, axis=0)


def every_row(pixels: NDArray[np.uint8]) -> IndexMap:
    """Return the index map of pixels, shape (px, px), without looking for equal rows."""
    return IndexMap(pixels, np.ones(len(pixels), dtype=np.intp))


class Svg(NamedTuple):
    """A picture as SVG elements."""

    side: int
    """The width and height of the view box."""
    paint: Callable[[Sequence[str], str], str]
    """Return the elements. The arguments are the palette's colours as `#rrggbb` and a prefix for every id, so
    that the ids of two pictures on one page differ."""


@dataclass(frozen=True, slots=True)
class Flat:
    """An avatar drawn without a renderer: every pixel has one of the palette's colours, at any size."""

    palette: Palette
    at: Callable[[int], IndexMap]
    """Return the index map at a width in px. The same width always gives the same map."""
    svg: Svg | None = None
    """The same picture in SVG. None if the style has no SVG."""


@dataclass(frozen=True, slots=True)
class Vector:
    """An avatar made of shapes, which an SVG renderer turns into pixels."""

    palette: Palette
    svg: Svg


Drawing = Flat | Vector
"""One avatar. It can be encoded at any size."""


DEFAULT_ANGLE = 90.0


@dataclass(frozen=True, slots=True)
class StyleInput:
    """The options that a style draws with."""

    primary: Colour
    foreign: Colour
    angle: float = DEFAULT_ANGLE
    """Degrees: 0 points right, 90 down."""
    text: str = ""
    """The name that `initials` takes its letters from."""

    def duotone(self) -> Palette:
        """Return the palette of the two-coloured styles: 0 is foreign, 1 is primary."""
        return np.array((self.foreign, self.primary), dtype=np.uint8)


@dataclass(frozen=True, slots=True)
class Style:
    """A way to draw avatars."""

    name: str
    title: str
    draw: Callable[[Chance, StyleInput], Drawing]
    options: frozenset[Literal["angle", "text"]] = frozenset()
    """The fields of `StyleInput`, besides colours, that the style uses."""
