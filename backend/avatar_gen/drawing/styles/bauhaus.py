"""`bauhaus`: a few plain shapes in a rotated composition."""

from collections.abc import Sequence
from typing import NamedTuple

from avatar_gen.drawing.drawing import Style, StyleInput, Svg, Vector
from avatar_gen.drawing.harmony import ink, midtone, palette, third_colour
from avatar_gen.drawing.seed import Chance
from avatar_gen.drawing.shapes import group, number, path

_SIDE = 64
_MIDDLE = _SIDE // 2

_UNIT = 20
"""How far the shapes below extend from their centre. Sizes are multiples of this."""

_DISC = "M-20 0a20 20 0 0 1 40 0a20 20 0 0 1-40 0z"
_SHAPES = (
    _DISC,
    "M-20 0a20 20 0 0 1 40 0z",  # a half disc
    "M-16-16h32a32 32 0 0 1-32 32z",  # a quarter disc
    "M-20 20V-20L20 20z",  # a triangle
    "M-17-17h34v34h-34z",  # a square
    f"{_DISC}M-11 0a11 11 0 0 0 22 0a11 11 0 0 0-22 0z",  # a ring
)

_PANELS = ("", "M0-48h48v96h-48z", "M0 0h48v48h-48z", "")
_BARS = (
    "",
    "M-70-2h140v4h-140z",
    "M-24-10h30v4h-30zM-24-2h30v4h-30zM-24 6h30v4h-30z",
    "M-2-24h4v48h-4z",
)

_GROUND, _PRIMARY, _ACCENT, _HALF, _INK = range(5)

_COLOURS = (
    (_PRIMARY, _ACCENT, _INK),
    (_PRIMARY, _INK, _ACCENT),
    (_ACCENT, _PRIMARY, _INK),
)
"""The colours of the large shape, of the small shape and the dot, and of the bars."""


class _Piece(NamedTuple):
    outline: str
    colour: int
    x: int = 0
    y: int = 0
    turn: int = 0
    """Degrees."""
    size: float = 1


def _draw(chance: Chance, style_input: StyleInput) -> Vector:
    """Draw a large shape near the middle and smaller shapes that balance it."""
    primary, foreign = style_input.primary, style_input.foreign
    third = third_colour(chance, style_input)
    colours = palette(foreign, primary, third, midtone(primary, foreign), ink(primary, foreign))
    large, small, bars = chance.choice(_COLOURS)
    frame = 45 * chance.below(8)
    pieces = (
        _Piece(chance.choice(_PANELS), _HALF),
        _Piece(
            chance.choice(_SHAPES),
            large,
            x=chance.below(13) - 6,
            y=chance.below(13) - 6,
            turn=45 * chance.below(8),
            size=(17 + chance.below(5)) / _UNIT,
        ),
        _Piece(chance.choice(_BARS), bars, y=chance.below(21) - 10, size=0.75 + chance.below(3) / 4),
        _Piece(
            chance.choice(_SHAPES),
            small,
            x=9 + chance.below(8),
            y=chance.below(21) - 10,
            turn=45 * chance.below(8),
            size=(8 + chance.below(4)) / _UNIT,
        ),
        _Piece(
            _DISC,
            small,
            x=chance.below(12) - 18,
            y=chance.below(28) - 14,
            size=(3 + chance.below(2)) / _UNIT,
        ),
    )

    def paint(fills: Sequence[str], _unique: str) -> str:
        shown = [_paint(piece, fills[piece.colour]) for piece in pieces if piece.outline]
        return group(f"translate({_MIDDLE} {_MIDDLE})rotate({frame})", shown)

    return Vector(colours, Svg(_SIDE, paint, _GROUND))


def _paint(piece: _Piece, fill: str) -> str:
    where = f"translate({piece.x} {piece.y})rotate({piece.turn})scale({number(piece.size)})"
    return group(where, [path(piece.outline, fill)])


BAUHAUS = Style("bauhaus", "Bauhaus", _draw, ground="foreign")
