"""`gradient`: from the primary colour to the foreign one along an angle."""

import math

import numpy as np

from avatar_gen.drawing.drawing import Drawing, IndexMap, Look, every_row
from avatar_gen.drawing.seed import Chance

_STEPS = 256
_FRACTION = 16
"""Binary places of the fixed-point numbers below."""


def gradient(chance: Chance, look: Look) -> Drawing:  # noqa: ARG001 - a style takes both
    """A ramp of 256 colours; the seed has no say in it."""
    primary, foreign = np.array(look.primary), np.array(look.foreign)
    part = np.arange(_STEPS)[:, np.newaxis] / (_STEPS - 1)
    palette = np.floor(primary + part * (foreign - primary) + 0.5).astype(np.uint8)

    # To 30 binary places, so that the last bit of a platform's sine cannot move a pixel.
    radians = math.radians(look.angle)
    right, down = round(math.cos(radians) * 2**30), round(math.sin(radians) * 2**30)

    def at(px: int) -> IndexMap:
        # Pixel centres from -1 to 1, both ends included: 0 and 1 of the ramp lie on them.
        centres = np.arange(1 - px, px, 2) / (px - 1)
        scale = (_STEPS - 1) / 2 * 2 ** (_FRACTION - 30)
        across = np.rint(centres * (right * scale)).astype(np.int32)
        along = np.rint(centres * (down * scale)).astype(np.int32)
        middle = _STEPS << (_FRACTION - 1)
        steps = np.add.outer(along + middle, across) >> _FRACTION
        return every_row(np.clip(steps, 0, _STEPS - 1).astype(np.uint8))

    return Drawing(palette, at)
