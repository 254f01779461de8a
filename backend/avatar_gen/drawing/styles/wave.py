"""`wave`: two crossing sines and rings about the centre, cut at zero."""

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from avatar_gen.drawing.drawing import Flat, IndexMap, Style, StyleInput, every_row
from avatar_gen.drawing.seed import Chance

_UNIT = 2**20
"""1.0 in the whole numbers that heights are rounded to. The sines of two machines may differ in their
last bit; rounded far above that bit and added up as integers, their pictures do not."""

_LEAST_SHARE = 1 / 8
"""Of the picture, for the rarer colour: some waves lie wholly on one side of zero."""


class _Wave(NamedTuple):
    frequency: float
    amplitude: float
    phase: float

    def heights(self, px: int) -> NDArray[np.int32]:
        position = np.arange(px) / px
        sine = np.sin(2 * np.pi * self.frequency * position + self.phase)
        return np.rint(self.amplitude / 2 * sine * _UNIT).astype(np.int32)


def _draw(chance: Chance, style_input: StyleInput) -> Flat:
    """Waves are drawn from chance until both colours have their share of the picture."""
    while True:
        frequency_x, frequency_y = chance.between(0.1, 0.3), chance.between(0.15, 0.4)
        amplitude_x, amplitude_y = chance.between(0.3, 0.7), chance.between(0.2, 0.5)
        phase_x, phase_y = chance.between(0, math.tau), chance.between(0, math.tau)
        across = _Wave(frequency_x, amplitude_x, phase_x)
        down = _Wave(frequency_y, amplitude_y, phase_y)
        share = _above_zero(across, down, 16).mean()
        if _LEAST_SHARE <= share <= 1 - _LEAST_SHARE:
            break

    def at(px: int) -> IndexMap:
        return every_row(_above_zero(across, down, px))

    return Flat(style_input.duotone(), at)


def _above_zero(across: _Wave, down: _Wave, px: int) -> NDArray[np.uint8]:
    """1 where the sum of all three is positive, shape (px, px)."""
    surface = _rings(px) + across.heights(px)
    return (surface > -down.heights(px)[:, np.newaxis]).view(np.uint8)


def _rings(px: int) -> NDArray[np.int32]:
    """0.3 sin(4 pi r), r the distance to the centre, in widths of the picture."""
    return _kept_rings(px) if px <= _KEPT_PX else _new_rings(px)


def _new_rings(px: int) -> NDArray[np.int32]:
    offset = np.arange(px) / px - 0.5
    distance = np.hypot(offset[:, np.newaxis], offset)
    return np.rint(0.3 * np.sin(4 * np.pi * distance) * _UNIT).astype(np.int32)


_KEPT_PX = 512
"""The widest rings that are remembered: 1 MB each."""

_kept_rings = lru_cache(maxsize=8)(_new_rings)


WAVE = Style("wave", "Waves", _draw)
