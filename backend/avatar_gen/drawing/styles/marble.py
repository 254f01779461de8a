"""`marble`: soft clouds of colour that run into each other."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from avatar_gen.drawing.drawing import Style, StyleInput, Svg, Vector
from avatar_gen.drawing.harmony import accent, blend, half, lit, mixes_cleanly, palette
from avatar_gen.drawing.oklab import to_oklab
from avatar_gen.drawing.palette import Colour
from avatar_gen.drawing.seed import Chance
from avatar_gen.drawing.shapes import number, ring_point

_SIDE = 64
_MIDDLE = _SIDE // 2

_FALL = (1, 0.97, 0.88, 0.74, 0.58, 0.41, 0.26, 0.13, 0.04, 0)
"""The opacity of a cloud from its centre to its edge, in even steps. A bell curve has no visible edge."""

_STOPS = "".join(
    f'<stop offset="{number(step / (len(_FALL) - 1))}" stop-color="{{0}}" stop-opacity="{opacity:g}"/>'
    for step, opacity in enumerate(_FALL)
)
"""The stops of a cloud's gradient. The colour is to be filled in."""

_GROUND, _PRIMARY, _SECOND, _THIRD, _SOFT = range(5)

_ROTATIONS = (-50, -30, 30, 50)
"""Rotations of the hue for a colour that is to mix cleanly, in degrees."""


class _Cloud(NamedTuple):
    colour: int
    x: float
    y: float
    radius: int
    turn: int
    """Degrees."""
    flatness: float
    """The height divided by the width."""


def _draw(chance: Chance, style_input: StyleInput) -> Vector:
    colours = _colours(chance, style_input)
    # Even steps around the middle, so that no colour hides the others.
    first, clockwise = chance.below(360), chance.choice((-1, 1))
    clouds = []
    for place, colour in enumerate((_SOFT, _SECOND, _THIRD, _PRIMARY, _SECOND, _PRIMARY)):
        degrees = first + clockwise * (place * 150 + chance.below(60))
        x, y = ring_point(_MIDDLE, 8 + chance.below(18), degrees)
        flatness = 0.45 + chance.below(8) / 20
        clouds.append(_Cloud(colour, x, y, 24 + chance.below(16), 15 * chance.below(12), flatness))

    def paint(fills: Sequence[str], unique: str) -> str:
        return "".join(
            _paint(cloud, fills[cloud.colour], f"{unique}{index}") for index, cloud in enumerate(clouds)
        )

    return Vector(palette(*colours), Svg(_SIDE, paint, _GROUND))


def _colours(chance: Chance, style_input: StyleInput) -> list[Colour]:
    """Return the ground and the colours of clouds.

    Each mixes with the others without turning brown or grey.
    """
    primary, foreign = style_input.primary, style_input.foreign
    start, rotation = chance.below(3), chance.choice(_ROTATIONS)
    others = [colour for colour in style_input.palette if colour not in {primary, foreign}]
    colours = [foreign, primary]
    for candidate in _candidates(primary, foreign, [*others[start:], *others[:start]], rotation):
        if all(mixes_cleanly(candidate, colour) for colour in colours):
            colours.append(candidate)
        if len(colours) == _SOFT:
            break
    while len(colours) < _SOFT:
        colours.append(blend(primary, foreign, (len(colours) - 1) / 3))
    return [*colours, blend(colours[_SECOND], foreign, 0.5)]


def _candidates(
    primary: Colour, foreign: Colour, others: Iterable[Colour], rotation: int
) -> Iterator[Colour]:
    yield from others
    yield accent(primary, foreign, rotation)
    yield half(primary, primary, foreign)
    yield lit(primary, (to_oklab(primary).lightness + 1) / 2)


def _paint(cloud: _Cloud, fill: str, name: str) -> str:
    """Return an ellipse, outside of which nothing of the cloud is visible."""
    where = (
        f"translate({number(cloud.x)} {number(cloud.y)})rotate({cloud.turn})scale(1 {number(cloud.flatness)})"
    )
    return (
        f'<radialGradient id="{name}" gradientUnits="userSpaceOnUse" cx="0" cy="0" r="{cloud.radius}">'
        f"{_STOPS.format(fill)}</radialGradient>"
        f'<circle r="{cloud.radius}" transform="{where}" fill="url(#{name})"/>'
    )


MARBLE = Style("marble", "Marble", _draw)
