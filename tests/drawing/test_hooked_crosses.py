"""No style draws a hooked cross. `python -m tools.hooked_crosses` checks 100,000 seeds of each style."""

import numpy as np
import pytest

from avatar_gen.drawing.drawing import StyleInput
from avatar_gen.drawing.palette import Colour
from avatar_gen.drawing.styles import STYLES
from tools.hooked_crosses import PX, THICK, THIN, score_seeds, scores

LIMIT = 0.68
"""Crosses score 0.8 and more. By eye, no picture below 0.7 resembles one."""

SEEDS = 150
"""Enough for the first version of `blocks`, which a third of all seeds turned into a pinwheel, to fail."""


def cross(rows: tuple[str, ...], *, scale: int = 1, mirrored: bool = False) -> np.ndarray:
    cells = np.array([[255 * (cell == "#") for cell in row] for row in rows], dtype=np.uint8)
    columns = (2 * np.arange(PX) + 1) * len(cells) // (2 * PX)
    grey = (cells[:, ::-1] if mirrored else cells)[np.ix_(columns, columns)][::scale, ::scale]
    canvas = np.zeros((PX, PX), dtype=np.uint8)
    start = (PX - len(grey)) // 2
    canvas[start : start + len(grey), start : start + len(grey)] = grey
    return np.dstack([canvas] * 3)


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("rows", [THICK, THIN])
def test_a_hooked_cross_is_found(rows: tuple[str, ...], *, mirrored: bool) -> None:
    upright = cross(rows, mirrored=mirrored)
    dark = 255 - upright
    red_on_grey = np.where(upright, np.array((200, 40, 40)), np.array((90, 90, 90))).astype(np.uint8)
    small = cross(rows, scale=2, mirrored=mirrored)
    assert scores(np.stack((upright, dark, red_on_grey))).min() > 0.95
    assert scores(small[np.newaxis])[0] > 0.75


def test_a_plain_cross_is_not_found() -> None:
    plain = np.zeros((PX, PX, 3), dtype=np.uint8)
    plain[12:20] = plain[:, 12:20] = 255
    assert scores(plain[np.newaxis])[0] < 0.3


@pytest.mark.parametrize("style", [name for name, style in STYLES.items() if "text" not in style.options])
def test_no_style_draws_a_hooked_cross(style: str) -> None:
    assert score_seeds(style, [f"user{number}" for number in range(SEEDS)]).max() < LIMIT


def test_seeds_that_drew_hooked_crosses_no_longer_do() -> None:
    black, white = Colour(0, 0, 0), Colour(255, 255, 255)
    for style_input in (StyleInput(black, white), StyleInput(white, black)):
        seeds = ("user6467", "user49", "user5321", "ba34443c3ec31a9aa3ba1079a7ba92ce")
        assert score_seeds("blocks", seeds, style_input).max() < LIMIT
