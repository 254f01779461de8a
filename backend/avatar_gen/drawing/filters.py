"""Filters: colour matrices that change a palette, so no picture is decoded.

They are the filters of CSS at full strength, so a page shows the same picture whether the service or the
browser filters it: https://www.w3.org/TR/filter-effects-1/
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from avatar_gen.drawing.palette import Palette

_ONE = 10_000
"""1.0 in a matrix. The sums below are whole numbers, so they are equal on every machine."""


@dataclass(frozen=True, slots=True)
class ColourFilter:
    """A filter. The same matrix changes a palette and is written into an SVG."""

    name: str
    css: str
    """The CSS filter function that has the same effect."""
    rows: Sequence[tuple[int, int, int, int]]
    """For red, green and blue: the weights of the old red, green and blue, and a constant, in 1/10,000."""

    def __call__(self, palette: Palette) -> Palette:
        """Return a filtered copy of a palette, rounded half up and clipped to 0-255."""
        matrix = np.array(self.rows, dtype=np.float32)
        # The sums are whole numbers below 2**24, which 32 bits hold exactly. Their quotients are whole
        # numbers, or at least 1/10,000 away from one, so that rounding down is exact, too.
        sums = palette.astype(np.float32) @ matrix[:, :3].T + (255 * matrix[:, 3] + _ONE // 2)
        filtered: Palette = np.clip(np.floor(sums / _ONE), 0, 255).astype(np.uint8)
        return filtered

    @property
    def svg_values(self) -> str:
        """The `values` attribute of the `feColorMatrix` element with the same effect."""
        rows = [[*row[:3], 0, row[3]] for row in self.rows]
        return " ".join(f"{value / _ONE:g}" for row in (*rows, [0, 0, 0, _ONE, 0]) for value in row)


_ALL = (
    # Each row is the luma of Rec. 709.
    ColourFilter("grayscale", "grayscale(1)", [(2126, 7152, 722, 0)] * 3),
    ColourFilter("sepia", "sepia(1)", [(3930, 7690, 1890, 0), (3490, 6860, 1680, 0), (2720, 5340, 1310, 0)]),
    ColourFilter("negative", "invert(1)", [(-_ONE, 0, 0, _ONE), (0, -_ONE, 0, _ONE), (0, 0, -_ONE, _ONE)]),
)
"""Every filter. A new filter is one line here."""

FILTERS = {each.name: each for each in _ALL}

DESCRIPTION = f"{', '.join(each.name for each in _ALL)}: as {', '.join(each.css for each in _ALL)} in CSS."
"""What OpenAPI and the command line say about the `filter` parameter."""


def in_svg(name: str) -> str:
    """Return the `feColorMatrix` values of a filter, for pictures that have no palette."""
    return FILTERS[name].svg_values
