"""`bloom`: a flower seen from above, with one to three rings of petals."""

from collections.abc import Sequence
from typing import NamedTuple

from avatar_gen.drawing.drawing import Style, StyleInput, Svg, Vector
from avatar_gen.drawing.harmony import midtone, palette, third_colour
from avatar_gen.drawing.seed import Chance
from avatar_gen.drawing.shapes import disc, group, number

_SIDE = 64
_MIDDLE = _SIDE // 2

_GROUND, _PRIMARY, _ACCENT, _HALF = range(4)

_COLOURS = (
    (_PRIMARY, _ACCENT, _HALF),
    (_PRIMARY, _HALF, _ACCENT),
    (_ACCENT, _PRIMARY, _HALF),
)
"""The colours of the rings of petals from the outermost inwards. The centre has the next colour."""


class _Petals(NamedTuple):
    """A ring of equal petals."""

    colour: int
    outline: str
    """The path commands of a petal that points upwards from the centre."""
    turns: Sequence[float]
    """The rotation of each petal in degrees."""


def _draw(chance: Chance, style_input: StyleInput) -> Vector:
    primary, foreign = style_input.primary, style_input.foreign
    third = third_colour(chance, style_input)
    colours = palette(foreign, primary, third, midtone(primary, foreign))
    order = chance.choice(_COLOURS)
    count, longest = 5 + chance.below(8), 25 + chance.below(5)
    lengths = (longest, longest - 7 - chance.below(5), 10 + chance.below(4))[: chance.choice((1, 2, 2, 3, 3))]
    rings = [_petals(chance, order[ring], count, length) for ring, length in enumerate(lengths)]
    turn = 30 * chance.below(12) / count
    core = order[len(rings) % len(order)]
    radius, eye = 3 + chance.below(5), chance.below(4) == 0

    def paint(fills: Sequence[str], _unique: str) -> str:
        parts = [_paint(ring, fills[ring.colour]) for ring in rings]
        parts.append(disc(0, 0, radius, fills[core]))
        if eye:
            parts.append(disc(0, 0, radius / 2, fills[_GROUND]))
        return group(f"translate({_MIDDLE} {_MIDDLE})rotate({number(turn)})", parts)

    return Vector(colours, Svg(_SIDE, paint, _GROUND))


def _petals(chance: Chance, colour: int, count: int, length: int) -> _Petals:
    """Return petals that touch their neighbours, or are somewhat narrower or wider."""
    width = length * (1.5 + chance.below(9) / 8) / count
    belly = length * (50 + 5 * chance.below(8)) // 100
    w, wide, tip = number(width), number(1.5 * width), length + 2
    # Round, pointed, drop-shaped, notched.
    outline = chance.choice(
        (
            f"M0 0C{w} {-belly // 2} {w} {-length} 0 {-length}C-{w} {-length}-{w} {-belly // 2} 0 0z",
            f"M0 0Q{wide} {-belly} 0 {-length}Q-{wide} {-belly} 0 0z",
            f"M0 0C0 {-belly} {wide} {-length} 0 {-length}C-{wide} {-length} 0 {-belly} 0 0z",
            f"M0 0C{w} {-belly // 2} {w} {-tip} 0 {5 - tip}C-{w} {-tip}-{w} {-belly // 2} 0 0z",
        )
    )
    first = chance.below(2) / 2
    return _Petals(colour, outline, [360 * (first + petal) / count for petal in range(count)])


def _paint(ring: _Petals, fill: str) -> str:
    petals = (f'<path d="{ring.outline}" transform="rotate({number(turn)})"/>' for turn in ring.turns)
    return f'<g fill="{fill}">{"".join(petals)}</g>'


BLOOM = Style("bloom", "Bloom", _draw, ground="foreign")
