"""`pixelize`: a grid of 7 x 7 cells, mirrored left to right."""

import numpy as np

from avatar_gen.drawing.drawing import Flat, Style, StyleInput
from avatar_gen.drawing.grid import grid
from avatar_gen.drawing.seed import Chance

_CELLS = 7
_DRAWN = 4
"""The columns that are random. The other three mirror the first three."""


def _draw(chance: Chance, style_input: StyleInput) -> Flat:
    """Draw one random bit for each cell of the left half and the middle: 2**28 patterns."""
    bits = chance.bits(_CELLS * _DRAWN)
    drawn = np.array([bits >> cell & 1 for cell in range(_CELLS * _DRAWN)], dtype=np.uint8)
    left = drawn.reshape(_CELLS, _DRAWN)
    return grid(style_input.duotone(), np.hstack((left, left[:, -2::-1])))


PIXELIZE = Style("pixelize", "Pixels", _draw, ground="foreign", cells=_CELLS)
