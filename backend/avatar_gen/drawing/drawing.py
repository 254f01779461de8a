"""A drawing: a picture before it is encoded, as palette indices or as SVG."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
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
    ground: int | None = None
    """The palette index of a square behind all elements. None if there is none."""
    tiles: int = 0
    """The number of tiles in a row, if shapes touch along their borders. A renderer must not move such a
    border to a whole pixel, or seams show. 0 if there are none."""

    def splits_pixels(self, px: int) -> bool:
        """Return whether the borders of tiles lie between pixels when the picture has this width in px."""
        return bool(self.tiles) and px % self.tiles > 0


@dataclass(frozen=True, slots=True)
class Flat:
    """An avatar drawn without a renderer: every pixel has one of the palette's colours, at any size."""

    palette: Palette
    at: Callable[[int], IndexMap]
    """Return the index map at a width in px. The same width always gives the same map."""
    svg: Svg | None = None
    """The same picture in SVG. None if the style has no SVG."""
    transparent: int | None = None
    """The palette index of transparent pixels. None if there are none."""


@dataclass(frozen=True, slots=True)
class Vector:
    """An avatar made of shapes, which an SVG renderer turns into pixels."""

    palette: Palette
    svg: Svg
    small: Svg | None = None
    """The picture to use at `SMALL_PX` and below. None if it is the same."""

    def at(self, px: int) -> Svg:
        """Return the elements to use at a width in px."""
        return self.small if self.small and px <= SMALL_PX else self.svg


SMALL_PX = 32
"""The largest width in px at which a picture may be drawn with less detail."""

Drawing = Flat | Vector
"""One avatar. It can be encoded at any size."""


def without_ground(drawing: Drawing) -> Drawing:
    """Return a drawing whose ground is transparent. It must be of a style that has a ground."""
    if isinstance(drawing, Vector):
        small = drawing.small and drawing.small._replace(ground=None)
        return replace(drawing, svg=drawing.svg._replace(ground=None), small=small)
    assert drawing.svg is not None  # noqa: S101 - every flat style with a ground has an SVG
    return replace(drawing, svg=drawing.svg._replace(ground=None), transparent=drawing.svg.ground)


DEFAULT_ANGLE = 90.0


class Letters(NamedTuple):
    """How `initials` draws letters."""

    length: int | None = None
    """The number of letters, 1 to 3. None for one or two, whichever can be read."""
    uppercase: bool = True
    """Whether letters are capitals. Otherwise they are as in the name."""
    bold: bool = True


DEFAULT_LETTERS = Letters()


@dataclass(frozen=True, slots=True)
class StyleInput:
    """The options that a style draws with."""

    primary: Colour
    foreign: Colour
    angle: float = DEFAULT_ANGLE
    """Degrees: 0 points right, 90 down."""
    text: str = ""
    """The name that `initials` takes its letters from."""
    letters: Letters = DEFAULT_LETTERS
    palette: tuple[Colour, ...] = ()
    """The curated palette that both colours are from. Empty if there is none."""
    transparent: bool = False
    """Whether to leave out the ground."""

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
    ground: Literal["primary", "foreign"] | None = None
    """The colour of the ground, which can be left out. None if the style has no ground."""
    cells: int | None = None
    """The number of square cells in a row. None if the style's drawings are not grids of cells."""
