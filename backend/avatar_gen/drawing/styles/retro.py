"""`retro`: creatures of 16 x 16 cells, mirrored left to right, as in the arcades of the eighties."""

import numpy as np
from numpy.typing import NDArray

from avatar_gen.drawing.drawing import Flat, Style, StyleInput
from avatar_gen.drawing.grid import grid
from avatar_gen.drawing.harmony import ACCENTS, accent, eye, line_on, palette, shadow
from avatar_gen.drawing.seed import Chance

_CELLS = 16

_Sprite = tuple[str, ...]
"""Rows of the right half, from the middle outwards; what a letter stands for is in `_INK`."""

_INK = {"#": 1, "s": 2, "a": 3, "w": 4, "k": 5, "l": 6}
"""The body, its shadow, the third colour, the whites of eyes, pupils, and lines."""

_TOP, _BOTTOM = 4, 12
"""The body's first row, and the one after its last."""

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
    ("...a", "..#", ".#"),
    (".a", ".#", ".#"),
    ("...aa", "...##"),  # ears
    ("..#", "..##", "..##"),
    ("....a", "...aa", "..aa"),  # horns
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
    """A body, what it stands on and what stands on it, and a face."""
    degrees = chance.choice(ACCENTS)
    body = chance.choice(_BODIES)
    head, arms, legs = chance.choice(_HEADS), chance.choice(_ARMS), chance.choice(_LEGS)
    mark, eyes, mouth = chance.choice(_MARKS), chance.choice(_EYES), chance.choice(_MOUTHS)

    shoulder = max(body[2:6])
    cells = np.zeros((_CELLS, _CELLS // 2), dtype=np.uint8)
    for row, width in enumerate(body, _TOP):
        cells[row, :width] = _INK["#"]
    lower = cells[_TOP + len(body) // 2 + 1 : _BOTTOM]
    lower[:, :-1][(lower[:, :-1] > 0) & (lower[:, 1:] == 0)] = _INK["s"]
    cells[_BOTTOM - 1, : body[-1]] = _INK["s"]
    _stamp(cells, mark, _TOP, on=_INK["#"])
    _stamp(cells, head, _TOP - len(head), on=0)
    _stamp(cells, arms, _TOP + 2, left=shoulder, on=0)
    _stamp(cells, legs, _BOTTOM, on=0)
    # What is on a narrow part of the body is to reach it.
    _join(cells, _TOP - 1, 1)
    _join(cells, _BOTTOM, -1)
    _join(cells.T, shoulder, -1)
    _stamp(cells, eyes, _TOP + 1 + chance.below(2))
    _stamp(cells, mouth, _TOP + 5)

    primary, foreign = style_input.primary, style_input.foreign
    third = accent(primary, foreign, degrees)
    colours = palette(foreign, primary, shadow(primary), third, *eye(primary), line_on(primary))
    return grid(colours, np.hstack((cells[:, ::-1], cells)))


def _stamp(cells: NDArray[np.uint8], sprite: _Sprite, top: int, left: int = 0, on: int | None = None) -> None:
    """Draw a sprite over all cells, or over those of one index."""
    for y, row in enumerate(sprite, top):
        for x, letter in enumerate(row[: _CELLS // 2 - left], left):
            if letter != "." and on in (None, cells[y, x]):
                cells[y, x] = _INK[letter]


def _join(cells: NDArray[np.uint8], row: int, step: int) -> None:
    """Go on from the cells of a row that are not empty to the body."""
    for x in np.flatnonzero(cells[row]):
        y = row + step
        while not cells[y, x]:
            cells[y, x] = _INK["#"]
            y += step


RETRO = Style("retro", "Retro", _draw)
