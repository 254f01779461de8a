"""Pictures made of square cells of one colour each, with sharp borders at every size."""

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from avatar_gen.drawing.drawing import Flat, IndexMap, Svg
from avatar_gen.drawing.palette import Palette

GROUND = 0
"""The palette index of the cells behind the picture."""


def grid(palette: Palette, cells: NDArray[np.uint8]) -> Flat:
    """Return the drawing of cells, shape (n, n), which are palette indices.

    Borders lie at floor(i * px / n).
    """
    side = len(cells)

    def at(px: int) -> IndexMap:
        borders = np.arange(side + 1) * px // side
        widths = np.diff(borders)
        return IndexMap(np.repeat(cells, widths, axis=1), widths)

    def paint(colours: Sequence[str], _unique: str) -> str:
        # One path for each colour, with one rectangle for each run of cells in a row. Where two anti-aliased
        # borders meet, the background shows through, so anti-aliasing is off.
        counts = np.bincount(cells.ravel()).tolist()
        paths = "".join(
            f'<path fill="{colours[index]}" d="{_runs(cells, index)}"/>'
            for index, count in enumerate(counts)
            if count and index != GROUND
        )
        return f'<g shape-rendering="crispEdges">{paths}</g>'

    return Flat(palette, at, Svg(side, paint, ground=GROUND))


def read_grid(pixels: NDArray[np.uint8], side: int) -> Flat | None:
    """Return the drawing of `side` x `side` cells that has these pixels, shape (px, px, 3).

    Return None if the pixels are not such cells.
    """
    px = len(pixels)
    first = np.arange(side) * px // side
    colours = pixels[np.ix_(first, first)].reshape(-1, 3)
    palette, cells = np.unique(colours, axis=0, return_inverse=True)
    drawing = grid(palette, cells.reshape(side, side).astype(np.uint8))
    return drawing if np.array_equal(palette[drawing.at(px).pixels()], pixels) else None


_BORDER = 255
"""Marks the end of a row in the bytes that `_runs` searches. Palettes of grids are shorter than this."""


def _runs(cells: NDArray[np.uint8], index: int) -> str:
    """Return the cells of one colour as SVG path commands, with one rectangle for each run in a row.

    A regular expression finds the runs: for so few cells it is faster than NumPy.
    """
    side = len(cells)
    rows = np.full((side, side + 1), _BORDER, np.uint8)
    rows[:, :side] = cells
    commands = []
    for run in re.finditer(re.escape(bytes((index,))) + b"+", rows.tobytes()):
        y, x = divmod(run.start(), side + 1)
        commands.append(f"M{x} {y}h{run.end() - run.start()}v1H{x}z")
    return "".join(commands)
