"""`blocks`: a quilt of 4 x 4 tiles, of which one quarter is mirrored, or turned, into the others."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from avatar_gen.drawing.drawing import Style, StyleInput, Svg, Vector
from avatar_gen.drawing.harmony import ACCENTS, accent, half, palette
from avatar_gen.drawing.seed import Chance
from avatar_gen.drawing.shapes import ground, path

_TILE = 10
_SIDE = 4 * _TILE

_Corner = tuple[int, int, int]
"""A corner of an outline, about the middle of its tile, and the radius of the arc that leads to it: 0 for a
line, negative for an arc that runs anticlockwise."""

_SHAPES: tuple[tuple[_Corner, ...], ...] = (
    ((-5, -5, 0), (5, -5, 0), (5, 5, 0), (-5, 5, 0)),  # a square
    ((-5, -5, 0), (5, -5, 0), (-5, 5, 0)),  # half of it
    ((-5, -5, 0), (0, 0, 0), (5, -5, 0), (5, 5, 0), (-5, 5, 0)),  # a flag
    ((-5, -5, 0), (5, 0, 0), (-5, 5, 0)),  # an arrow
    ((0, -5, 0), (5, 0, 0), (0, 5, 0), (-5, 0, 0)),  # a diamond
    ((-5, -5, 0), (5, -5, 0), (-5, 5, 10)),  # a quarter of a disc
    ((-5, 5, 0), (-5, -5, 0), (5, 5, -10)),  # what a quarter of a disc leaves
    ((-5, 0, 0), (5, 0, 5), (5, 5, 0), (-5, 5, 0)),  # an arch
    ((-4, 0, 0), (4, 0, 4), (-4, 0, 4)),  # a disc
    ((-5, -5, 0), (5, 5, 10), (-5, -5, 10)),  # a leaf
    ((-5, -5, 0), (5, -5, 0), (5, 0, 0), (-5, 0, 0)),  # a bar
)

_GROUND, _HALF, _PRIMARY, _ACCENT = range(4)
_COLOURS = (
    *[(_GROUND, _PRIMARY)] * 4,
    *[(_GROUND, _ACCENT)] * 2,
    *[(_HALF, _PRIMARY)] * 2,
    (_GROUND, _HALF),
    (_PRIMARY, _ACCENT),
)
"""Of a tile and of the shape on it, as often as chance is to choose them."""

_MIRRORED = ((1, 0, 0, 1), (-1, 0, 0, 1), (1, 0, 0, -1), (-1, 0, 0, -1))
_TURNED = ((1, 0, 0, 1), (0, -1, 1, 0), (-1, 0, 0, -1), (0, 1, -1, 0))
"""What makes the four quarters of one: matrices by rows."""


class _Tile(NamedTuple):
    shape: int
    turns: int
    """By quarters, clockwise."""
    below: int
    above: int


def _draw(chance: Chance, style_input: StyleInput) -> Vector:
    """Tiles are drawn from chance until one shows both of the look's colours."""
    degrees = chance.choice(ACCENTS)
    quarters = chance.choice((_MIRRORED, _MIRRORED, _TURNED))
    while True:
        tiles = [
            _Tile(chance.below(len(_SHAPES)), chance.below(4), *chance.choice(_COLOURS)) for _ in range(4)
        ]
        if any(tile.shape > 0 and tile[2:] == (_GROUND, _PRIMARY) for tile in tiles):
            break

    def paint(colours: Sequence[str], _unique: str) -> str:
        # One path a colour, for where two smoothed borders lie on one line, what is behind them shines
        # through. So squares go on under those of the colours above theirs, too.
        layers = [
            path("".join(_outlines(tiles, quarters, colour)), colours[colour])
            for colour in range(_GROUND + 1, len(colours))
        ]
        return ground(_SIDE, colours[_GROUND]) + "".join(layers)

    primary, foreign = style_input.primary, style_input.foreign
    colours = palette(foreign, half(primary, primary, foreign), primary, accent(primary, foreign, degrees))
    return Vector(colours, Svg(_SIDE, paint))


def _outlines(tiles: Sequence[_Tile], quarters: Sequence[tuple[int, ...]], colour: int) -> Iterator[str]:
    """All that is to be painted in a colour, as commands of a path."""
    for index, tile in enumerate(tiles):
        left, top = (index % 2 * 2 - 3) * _TILE // 2, (index // 2 * 2 - 3) * _TILE // 2
        shapes = [_SHAPES[0]] * (tile.below >= colour) + [_SHAPES[tile.shape]] * (tile.above == colour)
        for shape in shapes:
            corners = shape
            for _ in range(tile.turns):
                corners = tuple((-y, x, radius) for x, y, radius in corners)
            for quarter in quarters:
                yield _outline([(x + left, y + top, radius) for x, y, radius in corners], quarter)


def _outline(corners: Sequence[_Corner], quarter: tuple[int, ...]) -> str:
    a, b, c, d = quarter
    commands: list[str] = []
    for x, y, radius in corners:
        clockwise = radius * (a * d - b * c) > 0
        arc = f"A{abs(radius)} {abs(radius)} 0 0 {int(clockwise)} "
        at = f"{a * x + b * y + _SIDE // 2} {c * x + d * y + _SIDE // 2}"
        commands.append((arc if radius else "L" if commands else "M") + at)
    return "".join(commands) + "z"


BLOCKS = Style("blocks", "Blocks", _draw)
