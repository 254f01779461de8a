"""`gradient`: from the primary colour to the foreign one along an angle."""

import math
from collections.abc import Sequence

import numpy as np

from avatar_gen.drawing.drawing import Flat, IndexMap, Style, StyleInput, Svg, every_row
from avatar_gen.drawing.seed import Chance

_STEPS = 256
_FRACTION = 16
"""Binary digits after the point of the fixed-point numbers below."""


def _draw(chance: Chance, style_input: StyleInput) -> Flat:  # noqa: ARG001 - a style takes both
    """Draw a ramp of 256 colours. The seed has no influence."""
    primary, foreign = np.array(style_input.primary), np.array(style_input.foreign)
    part = np.arange(_STEPS)[:, np.newaxis] / (_STEPS - 1)
    palette = np.floor(primary + part * (foreign - primary) + 0.5).astype(np.uint8)

    # Rounded to 30 binary digits, so that the last bit of a platform's sine cannot change a pixel.
    radians = math.radians(style_input.angle)
    right, down = round(math.cos(radians) * 2**30), round(math.sin(radians) * 2**30)

    def at(px: int) -> IndexMap:
        # Pixel centres from -1 to 1. The ramp's ends lie on the outermost centres.
        centres = np.arange(1 - px, px, 2) / (px - 1)
        scale = (_STEPS - 1) / 2 * 2 ** (_FRACTION - 30)
        across = np.rint(centres * (right * scale)).astype(np.int32)
        along = np.rint(centres * (down * scale)).astype(np.int32)
        middle = _STEPS << (_FRACTION - 1)
        steps = np.add.outer(along + middle, across)
        steps >>= _FRACTION
        np.clip(steps, 0, _STEPS - 1, out=steps)
        return every_row(steps.astype(np.uint8))

    def paint(colours: Sequence[str], unique: str) -> str:
        # The view box has 2 units: -1 to 1 along the angle, around the middle.
        x, y = right / 2**30, down / 2**30
        ends = f'x1="{1 - x:.6g}" y1="{1 - y:.6g}" x2="{1 + x:.6g}" y2="{1 + y:.6g}"'
        # A filter may bend the ramp, because sepia clips bright colours. So it needs more than two stops.
        stops = "".join(
            f'<stop offset="{at / (_STEPS - 1):.6g}" stop-color="{colours[at]}"/>'
            for at in range(0, _STEPS, 15)
        )
        return (
            f'<linearGradient id="{unique}a" gradientUnits="userSpaceOnUse" {ends}>{stops}</linearGradient>'
            f'<rect width="2" height="2" fill="url(#{unique}a)"/>'
        )

    return Flat(palette, at, Svg(2, paint))


GRADIENT = Style("gradient", "Gradient", _draw, options=frozenset({"angle"}))
