"""`retro`: creatures of 16 x 16 cells, mirrored left to right, like those of arcade games."""

import numpy as np
from numpy.typing import NDArray

from avatar_gen.drawing.drawing import Flat, Style, StyleInput
from avatar_gen.drawing.grid import grid
from avatar_gen.drawing.harmony import eye, line_on, palette, shadow, third_colour
from avatar_gen.drawing.seed import Chance

_CELLS = 16

_Sprite = tuple[str, ...]
"""Rows of the right half, from the middle outwards. `_INK` lists the letters."""

_INK = {"#": 1, "s": 2, "a": 3, "w": 4, "k": 5, "l": 6}
"""Palette indices of the body, its shadow, the third colour, the whites of eyes, pupils, and lines."""

_TOP, _BOTTOM = 4, 12
"""The first row of the body, and the row after its last."""

_REACH = (0, 3, 5, 6, 6, 7, 7, 7, 7, 7, 7, 6, 6, 5, 3, 0)
"""The number of cells of each row, from the middle outwards, that lie within a circle. Nothing is drawn
beyond them, so pages that cut avatars to circles show whole creatures."""

_BODIES: tuple[tuple[int, ...], ...] = (
    (3, 4, 5, 5, 5, 5, 5, 5),
    (5, 5, 5, 5, 5, 5, 5, 5),
    (3, 4, 5, 5, 5, 5, 4, 3),
    (2, 3, 4, 4, 5, 5, 6, 6),
    (4, 5, 5, 5, 5, 4, 3, 3),
    (2, 4, 5, 6, 6, 5, 4, 3),
    (4, 5, 6, 6, 6, 6, 5, 4),
    (2, 3, 4, 5, 5, 5, 5, 4),
    (1, 3, 4, 5, 6, 6, 6, 5),
    (4, 4, 4, 4, 5, 6, 6, 5),
    (5, 6, 6, 6, 5, 4, 4, 3),
    (4, 5, 5, 4, 5, 6, 6, 5),
)
"""Half the width of each row."""

_HEADS: tuple[_Sprite, ...] = (
    (),
    ("..a", ".#"),  # antennae
    ("..a", "..#", ".#"),
    (".a", ".#", ".#"),
    ("...aa", "...##"),  # ears
    ("..#", "..##", "..##"),
    ("....a", "...aa"),  # horns
    ("a", "a", "aa"),  # a crest
    ("a.a", "aaa"),  # a crown
    (".aa", "#"),  # a sprout
    ("..aa", "..##"),
    ("a.a.a", "#####"),
)

_EYES: tuple[_Sprite, ...] = (
    (".ww", ".kw"),
    (".ww", ".wk"),
    (".kw", ".ww"),
    (".ww", ".ww", ".kk"),
    (".www", ".wkw", ".www"),
    (".www", ".kkw"),
    ("..l", "..l"),
    (".ll", ".ll"),
    ("..l", ".l.l"),
    ("www", "kkw", "www"),
    ("ww", "kw", "ww"),
    ("wwww", "kwkw"),
    (".l", "..ww", "..kw"),
    ("...l", ".ww", ".kw"),
    (".w.w", ".wkw"),
)

_MOUTHS: tuple[_Sprite, ...] = (
    ("l",),
    ("ll",),
    ("lll",),
    ("..l", "ll"),
    ("ll", "..l"),
    ("lll", "w"),
    ("lll", ".w"),
    ("lw", "ll"),
    ("ww", "ll"),
    ("wlw", "lwl"),
    ("l", "l"),
    (".l", "l"),
    ("lll", "ll"),
    ("aa", "a"),
)

_ARMS: tuple[_Sprite, ...] = (
    (),
    ("", "", "#", "s"),
    (".#", ".#", "#"),
    ("", "#", ".#", ".s"),
    ("aa", ".a", "#"),
    (".a", "aa", "aa", ".a"),
    ("", "a", "aa", "a"),
    ("", "", "#", "#", ".a"),
)

_LEGS: tuple[_Sprite, ...] = (
    (".##", ".##"),
    ("..#", "..##"),
    (".#.#", ".#.#"),
    ("#.#", "#.#"),
    ("..##", "...##"),
    (".aa", ".aaa"),
    ("##.#", "..#"),
    ("#.##", "..#"),
    ("...#", "..#"),
    ("####", "#.#.#"),
    (".s", ".aa"),
)

_MARKS: tuple[_Sprite, ...] = (
    (),
    (),
    ("", "", "", "", "", "", "aa", "aaa"),  # a belly
    ("a", "a"),  # a blaze
    ("", "", "", "", "", "...a"),  # cheeks
    ("aaaaaa",),  # a cap
    ("", "", "", "", "", "", "", "aaaaaa"),  # a hem
    (".a", "", "", "", "", "....a"),
)


def _draw(chance: Chance, style_input: StyleInput) -> Flat:
    """Draw a body, what is below and above it, and a face."""
    third = third_colour(chance, style_input)
    body = chance.choice(_BODIES)
    head, arms, legs = chance.choice(_HEADS), chance.choice(_ARMS), chance.choice(_LEGS)
    mark, eyes, mouth = chance.choice(_MARKS), chance.choice(_EYES), chance.choice(_MOUTHS)

    cells = _body(body)
    _stamp(cells, mark, _TOP, on=_INK["#"])
    _stamp(cells, head, _TOP - len(head), on=0)
    _stamp(cells, arms, _TOP + 2, left=_shoulder(body, arms), on=0)
    _stamp(cells, legs, _BOTTOM, on=0)
    # Parts beside a narrow part of the body extend to reach it.
    _join(cells, _TOP - 1, 1)
    _join(cells, _BOTTOM, -1)
    _join(cells.T, _shoulder(body, arms), -1)
    _stamp(cells, eyes, _TOP + 1 + chance.below(2))
    _stamp(cells, mouth, _TOP + 5)

    primary, foreign = style_input.primary, style_input.foreign
    colours = palette(foreign, primary, shadow(primary), third, *eye(primary), line_on(primary))
    return grid(colours, np.hstack((cells[:, ::-1], cells)))


def _body(widths: tuple[int, ...]) -> NDArray[np.uint8]:
    """Return the cells of the right half with a shaded body in them."""
    cells = np.zeros((_CELLS, _CELLS // 2), dtype=np.uint8)
    for row, width in enumerate(widths, _TOP):
        cells[row, :width] = _INK["#"]
    lower = cells[_TOP + len(widths) // 2 + 1 : _BOTTOM]
    lower[:, :-1][(lower[:, :-1] > 0) & (lower[:, 1:] == 0)] = _INK["s"]
    cells[_BOTTOM - 1, : widths[-1]] = _INK["s"]
    return cells


def _shoulder(body: tuple[int, ...], arms: _Sprite) -> int:
    """Return the column at which arms start: beside the body, or so far in that they stay in the circle."""
    return min(max(body[2:6]), min(_REACH[5:11]) - max(map(len, arms), default=0))


def _stamp(cells: NDArray[np.uint8], sprite: _Sprite, top: int, left: int = 0, on: int | None = None) -> None:
    """Draw a sprite over all cells, or only over the cells of one index. Stay within the circle."""
    for y, row in enumerate(sprite, top):
        for x, letter in enumerate(row, left):
            if letter != "." and x < _REACH[y] and on in (None, cells[y, x]):
                cells[y, x] = _INK[letter]


def _join(cells: NDArray[np.uint8], row: int, step: int) -> None:
    """Fill from the non-empty cells of a row to the body."""
    for x in np.flatnonzero(cells[row]):
        y = row + step
        while not cells[y, x]:
            cells[y, x] = _INK["#"]
            y += step


RETRO = Style("retro", "Retro", _draw, ground="foreign", cells=_CELLS)
