"""`wave`: two crossing sines and rings around the centre, divided at zero."""

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from avatar_gen.drawing.drawing import Flat, IndexMap, Style, StyleInput, every_row
from avatar_gen.drawing.palette import Palette
from avatar_gen.drawing.seed import Chance

_UNIT = 2**20
"""1.0 in the integers that heights are rounded to. The sines of two machines may differ in their last bit.
After rounding they are equal, and so are their sums."""

_LOWEST_SHARE = 1 / 8
"""The lowest share of the rarer colour. Some waves lie wholly on one side of zero."""

_STEPS = 15
"""The number of steps from the foreign to the primary colour across an edge. 16 colours need four bits a
pixel."""


class _Wave(NamedTuple):
    frequency: float
    amplitude: float
    phase: float

    def heights(self, px: int) -> NDArray[np.int32]:
        """Return the heights at -1, 0, ... px, so that every pixel has two neighbours."""
        position = np.arange(-1, px + 1) / px
        sine = np.sin(2 * np.pi * self.frequency * position + self.phase)
        return np.rint(self.amplitude / 2 * sine * _UNIT).astype(np.int32)


def _draw(chance: Chance, style_input: StyleInput) -> Flat:
    """Draw waves until both colours have their share of the picture."""
    while True:
        frequency_x, frequency_y = chance.between(0.1, 0.3), chance.between(0.15, 0.4)
        amplitude_x, amplitude_y = chance.between(0.3, 0.7), chance.between(0.2, 0.5)
        phase_x, phase_y = chance.between(0, math.tau), chance.between(0, math.tau)
        across = _Wave(frequency_x, amplitude_x, phase_x)
        down = _Wave(frequency_y, amplitude_y, phase_y)
        share = _is_above(_rings(16) + across.heights(16), down.heights(16))[1:-1, 1:-1].mean()
        if _LOWEST_SHARE <= share <= 1 - _LOWEST_SHARE:
            break

    def at(px: int) -> IndexMap:
        return every_row(_levels(across, down, px))

    return Flat(_ramp(style_input), at)


def _ramp(style_input: StyleInput) -> Palette:
    """Return the palette: the foreign colour, the steps of an edge, and the primary colour."""
    foreign, primary = np.array(style_input.foreign), np.array(style_input.primary)
    steps = np.arange(_STEPS + 1)[:, np.newaxis]
    ramp: Palette = ((foreign * (_STEPS - steps) + primary * steps + _STEPS // 2) // _STEPS).astype(np.uint8)
    return ramp


def _levels(across: _Wave, down: _Wave, px: int) -> NDArray[np.uint8]:
    """Return 0 for pixels below zero, `_STEPS` above it, and on an edge the share above it, shape (px, px).

    A pixel is on an edge if its left and right, or its upper and lower, neighbours have different signs. That
    holds for each pixel whose centre is less than half a pixel from a smooth edge.
    """
    base, rows = _rings(px) + across.heights(px), down.heights(px)
    above = _is_above(base, rows)
    levels = above[1:-1, 1:-1].view(np.uint8) * np.uint8(_STEPS)
    edge = above[1:-1, :-2] ^ above[1:-1, 2:]
    edge |= above[:-2, 1:-1] ^ above[2:, 1:-1]
    places = np.flatnonzero(edge)
    levels.ravel()[places] = _shares(base, rows, *np.divmod(places, px))
    return levels


def _is_above(base: NDArray[np.int32], rows: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Return whether each pixel is above zero, with a border of one pixel, shape (px + 2, px + 2)."""
    above: NDArray[np.bool_] = base > -rows[:, np.newaxis]
    return above


def _shares(
    base: NDArray[np.int32], rows: NDArray[np.int32], y: NDArray[np.intp], x: NDArray[np.intp]
) -> NDArray[np.uint8]:
    """Return the steps of the pixels at some places, from the distance of their centres to the edge."""
    heights, width = base.ravel(), base.shape[1]
    at, row = (y + 1) * width + x + 1, y + 1
    right = heights[at + 1] - heights[at - 1]
    lower = heights[at + width] - heights[at - width] + rows[row + 1] - rows[row - 1]
    slope = np.sqrt(np.square(right, dtype=np.float64) + np.square(lower, dtype=np.float64))
    # The slope is that of two pixels, so this is the distance in pixels.
    distance = 2 * (heights[at] + rows[row]) / np.maximum(slope, 1)
    shares: NDArray[np.uint8] = np.clip((distance + 0.5) * _STEPS + 0.5, 0, _STEPS).astype(np.uint8)
    return shares


def _rings(px: int) -> NDArray[np.int32]:
    """Return 0.3 sin(4 pi r), where r is the distance to the centre in widths of the picture."""
    return _cached_rings(px) if px <= _CACHED_PX else _new_rings(px)


def _new_rings(px: int) -> NDArray[np.int32]:
    offset = np.arange(-1, px + 1) / px - 0.5
    distance = np.hypot(offset[:, np.newaxis], offset)
    return np.rint(0.3 * np.sin(4 * np.pi * distance) * _UNIT).astype(np.int32)


_CACHED_PX = 512
"""The largest width whose rings are cached. They take 1 MB."""

_cached_rings = lru_cache(maxsize=8)(_new_rings)


WAVE = Style("wave", "Waves", _draw)
