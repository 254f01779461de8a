"""The picture before it is a file: indices and the colours that they stand for."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from avatar_gen.drawing.palette import Colour, Palette


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


@dataclass(frozen=True, slots=True)
class Drawing:
    """One avatar, to be had at any size."""

    palette: Palette
    at: Callable[[int], IndexMap]
    """The index map at a width in px; the same width always gives the same one."""


@dataclass(frozen=True, slots=True)
class Look:
    """What a person may ask of a style."""

    primary: Colour
    foreign: Colour
    angle: float
    """Degrees: 0 points right, 90 down."""

    def duotone(self) -> Palette:
        """The palette of styles that use both colours as they are: 0 foreign, 1 primary."""
        return np.array((self.foreign, self.primary), dtype=np.uint8)
