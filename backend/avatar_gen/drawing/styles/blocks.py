"""`blocks`: a quilt of 4 x 4 tiles with mirror symmetry.

The symmetry is always a mirror, never a rotation: corners that repeat by a quarter turn can form a hooked
cross. A picture with a mirror axis cannot, because a hooked cross has none.
`tests/drawing/test_hooked_crosses.py` checks every style.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import NamedTuple

from avatar_gen.drawing.drawing import Style, StyleInput, Svg, Vector
from avatar_gen.drawing.harmony import midtone, palette, third_colour
from avatar_gen.drawing.seed import Chance
from avatar_gen.drawing.shapes import path

_TILE = 10
_SIDE = 4 * _TILE

_Corner = tuple[int, int, int]
"""A corner of an outline, relative to the centre of its tile, and the radius of the arc that leads to it. The
radius is 0 for a line and negative for an anticlockwise arc."""

_SHAPES: tuple[tuple[_Corner, ...], ...] = (
    ((-5, -5, 0), (5, -5, 0), (5, 5, 0), (-5, 5, 0)),  # a square
    ((-5, -5, 0), (5, -5, 0), (-5, 5, 0)),  # half a square
    ((-5, -5, 0), (0, 0, 0), (5, -5, 0), (5, 5, 0), (-5, 5, 0)),  # a flag
    ((-5, -5, 0), (5, 0, 0), (-5, 5, 0)),  # an arrow
    ((0, -5, 0), (5, 0, 0), (0, 5, 0), (-5, 0, 0)),  # a diamond
    ((-5, -5, 0), (5, -5, 0), (-5, 5, 10)),  # a quarter disc
    ((-5, 5, 0), (-5, -5, 0), (5, 5, -10)),  # the rest of a square without a quarter disc
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
"""The colours of a tile and of the shape on it. A pair that is listed twice is twice as likely."""

_Matrix = tuple[int, int]
"""Factors of x and y: -1 mirrors."""

_BOTH_WAYS: tuple[_Matrix, ...] = ((1, 1), (-1, 1), (1, -1), (-1, -1))
_LEFT_TO_RIGHT: tuple[_Matrix, ...] = ((1, 1), (-1, 1))


class _Tile(NamedTuple):
    left: int
    top: int
    """The centre, relative to the picture's."""
    shape: int
    turns: int
    """Clockwise quarter turns."""
    below: int
    above: int


def _draw(chance: Chance, style_input: StyleInput) -> Vector:
    """Draw tiles until one of them shows both colours."""
    third = third_colour(chance, style_input)
    mirrors = chance.choice((_BOTH_WAYS, _BOTH_WAYS, _LEFT_TO_RIGHT))
    rows = 4 if mirrors == _LEFT_TO_RIGHT else 2
    while True:
        tiles = _tiles(chance, rows)
        if any(tile.shape > 0 and (tile.below, tile.above) == (_GROUND, _PRIMARY) for tile in tiles):
            break

    def paint(colours: Sequence[str], _unique: str) -> str:
        # One path for each colour. Where two anti-aliased borders meet, the layer below shows through, so a
        # square continues under the colours above it.
        return "".join(
            path("".join(_outlines(tiles, mirrors, colour)), colours[colour])
            for colour in range(_GROUND + 1, len(colours))
        )

    primary, foreign = style_input.primary, style_input.foreign
    colours = palette(foreign, midtone(primary, foreign), primary, third)
    return Vector(colours, Svg(_SIDE, paint, _GROUND, tiles=_SIDE // _TILE))


def _tiles(chance: Chance, rows: int) -> list[_Tile]:
    """Return the tiles of the left half, from the top."""
    return [
        _Tile(
            (column * 2 - 3) * _TILE // 2,
            (row * 2 - 3) * _TILE // 2,
            chance.below(len(_SHAPES)),
            chance.below(4),
            *chance.choice(_COLOURS),
        )
        for row in range(rows)
        for column in range(2)
    ]


def _outlines(tiles: Sequence[_Tile], mirrors: Sequence[_Matrix], colour: int) -> Iterator[str]:
    """Yield the path commands of everything in a colour."""
    for tile in tiles:
        shapes = [0] * (tile.below >= colour) + [tile.shape] * (tile.above == colour)
        for shape in shapes:
            for mirror in mirrors:
                yield _outline(shape, tile.turns, tile.left, tile.top, mirror)


@cache  # There are 1,408 outlines, so the cache is small.
def _outline(shape: int, turns: int, left: int, top: int, mirror: _Matrix) -> str:
    corners = _SHAPES[shape]
    for _ in range(turns):
        corners = tuple((-y, x, radius) for x, y, radius in corners)
    across, down = mirror
    commands: list[str] = []
    for x, y, radius in corners:
        clockwise = radius * across * down > 0
        arc = f"A{abs(radius)} {abs(radius)} 0 0 {int(clockwise)} "
        at = f"{across * (x + left) + _SIDE // 2} {down * (y + top) + _SIDE // 2}"
        commands.append((arc if radius else "L" if commands else "M") + at)
    return "".join(commands) + "z"


BLOCKS = Style("blocks", "Blocks", _draw, ground="foreign")
