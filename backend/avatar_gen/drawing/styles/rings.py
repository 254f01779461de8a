"""`rings`: concentric discs, each divided into two colours at its own angle."""

from collections.abc import Sequence
from itertools import permutations
from typing import NamedTuple

from avatar_gen.drawing.drawing import Style, StyleInput, Svg, Vector
from avatar_gen.drawing.harmony import blend, midtone, palette, third_colour
from avatar_gen.drawing.seed import Chance
from avatar_gen.drawing.shapes import path, sector

_SIDE = 64
_MIDDLE = _SIDE // 2

_SPACINGS = ((27, 21, 14, 7), (27, 20, 15, 9), (27, 22, 13, 6), (27, 19, 13, 8), (27, 18, 9), (27, 20, 11))
"""The radii of the discs, from the outermost to the innermost."""

_STEP = 15
_SWEEPS = (90, 120, 135, 150, 180, 180, 180, 210, 240, 270)
"""The angles of sectors, in degrees: starts are multiples of the step."""

_OVERLAP = 4
"""Degrees by which one part of a ring extends under the other, so that no gap shows between them."""

_GROUND, _PRIMARY = 0, 1


class _Ring(NamedTuple):
    radius: int
    start: int
    sweep: int
    below: int
    above: int


def _draw(chance: Chance, style_input: StyleInput) -> Vector:
    third = third_colour(chance, style_input)
    middle = midtone(style_input.primary, style_input.foreign)
    colours = palette(
        style_input.foreign, style_input.primary, middle, third, blend(third, style_input.foreign, 0.5)
    )
    while True:
        rings = _rings(chance, len(colours))
        if any(_PRIMARY in (ring.below, ring.above) for ring in rings):
            break

    def paint(colours: Sequence[str], _unique: str) -> str:
        return "".join(_paint(ring, colours) for ring in rings)

    return Vector(colours, Svg(_SIDE, paint, _GROUND))


def _rings(chance: Chance, colours: int) -> list[_Ring]:
    """Return rings that share no colour with their neighbours, so that each is visible."""
    rings: list[_Ring] = []
    taken = {_GROUND}
    for radius in chance.choice(_SPACINGS):
        free = [colour for colour in range(colours) if colour not in taken]
        below, above = chance.choice(list(permutations(free, 2)))
        start, sweep = _STEP * chance.below(360 // _STEP), chance.choice(_SWEEPS)
        rings.append(_Ring(radius, start, sweep, below, above))
        taken = {below, above}
    return rings


def _paint(ring: _Ring, colours: Sequence[str]) -> str:
    rest = sector(_MIDDLE, ring.radius, ring.start + ring.sweep - _OVERLAP, 360 - ring.sweep + 2 * _OVERLAP)
    part = sector(_MIDDLE, ring.radius, ring.start, ring.sweep)
    return path(rest, colours[ring.below]) + path(part, colours[ring.above])


RINGS = Style("rings", "Rings", _draw, ground="foreign")
