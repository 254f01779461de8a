"""`marble`: soft clouds of colour that run into each other."""

from collections.abc import Sequence
from typing import NamedTuple

from avatar_gen.drawing.drawing import Style, StyleInput, Svg, Vector
from avatar_gen.drawing.harmony import ACCENTS, accent, blend, half, palette
from avatar_gen.drawing.seed import Chance
from avatar_gen.drawing.shapes import ground, number, ring_point

_SIDE = 64
_MIDDLE = _SIDE // 2

_FALL = (1, 0.97, 0.88, 0.74, 0.58, 0.41, 0.26, 0.13, 0.04, 0)
"""How opaque a cloud is from its middle to its rim, in even steps: a bell, so that no rim is seen."""

_GROUND, _PRIMARY, _ACCENT, _HALF, _SOFT = range(5)


class _Cloud(NamedTuple):
    colour: int
    x: float
    y: float
    radius: int
    turn: int
    """Degrees."""
    flatness: float
    """Its height, in widths of its own."""


def _draw(chance: Chance, style_input: StyleInput) -> Vector:
    third = accent(style_input.primary, style_input.foreign, chance.choice(ACCENTS))
    middle = half(style_input.primary, style_input.primary, style_input.foreign)
    colours = palette(
        style_input.foreign, style_input.primary, third, middle, blend(third, style_input.foreign, 0.5)
    )
    # Round the middle in even steps, so that no colour hides all others.
    first, clockwise = chance.below(360), chance.choice((-1, 1))
    clouds = []
    for place, colour in enumerate((_HALF, _ACCENT, _SOFT, _PRIMARY, _ACCENT, _PRIMARY)):
        degrees = first + clockwise * (place * 150 + chance.below(60))
        x, y = ring_point(_MIDDLE, 8 + chance.below(18), degrees)
        flatness = 0.45 + chance.below(8) / 20
        clouds.append(_Cloud(colour, x, y, 24 + chance.below(16), 15 * chance.below(12), flatness))

    def paint(fills: Sequence[str], unique: str) -> str:
        return ground(_SIDE, fills[_GROUND]) + "".join(
            _paint(cloud, fills[cloud.colour], f"{unique}{index}") for index, cloud in enumerate(clouds)
        )

    return Vector(colours, Svg(_SIDE, paint))


def _paint(cloud: _Cloud, fill: str, name: str) -> str:
    stops = "".join(
        f'<stop offset="{number(step / (len(_FALL) - 1))}" stop-color="{fill}" stop-opacity="{opacity:g}"/>'
        for step, opacity in enumerate(_FALL)
    )
    where = (
        f"translate({number(cloud.x)} {number(cloud.y)})rotate({cloud.turn})scale(1 {number(cloud.flatness)})"
    )
    return (
        f'<radialGradient id="{name}" gradientUnits="userSpaceOnUse" cx="0" cy="0" r="{cloud.radius}" '
        f'gradientTransform="{where}">{stops}</radialGradient>{ground(_SIDE, f"url(#{name})")}'
    )


MARBLE = Style("marble", "Marble", _draw)
