"""Pictures of square cells, each of one colour, whose borders are sharp at every size."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from avatar_gen.drawing.drawing import Flat, IndexMap, Svg
from avatar_gen.drawing.palette import Palette


def grid(palette: Palette, cells: NDArray[np.uint8]) -> Flat:
    """A drawing of cells, shape (n, n), the indices of their colours; their borders at floor(i * px / n)."""
    side = len(cells)

    def at(px: int) -> IndexMap:
        borders = np.arange(side + 1) * px // side
        widths = np.diff(borders)
        return IndexMap(np.repeat(cells, widths, axis=1), widths)

    def paint(colours: Sequence[str], _unique: str) -> str:
        # One path a colour, of one rectangle for each run of cells in a row; without smoothing, for two
        # smoothed borders on one line let what is behind them shine through.
        background = int(np.bincount(cells.ravel()).argmax())
        paths = "".join(
            f'<path fill="{colours[index]}" d="{_runs(cells == index)}"/>'
            for index in np.unique(cells)
            if index != background
        )
        return (
            f'<rect width="{side}" height="{side}" fill="{colours[background]}"/>'
            f'<g shape-rendering="crispEdges">{paths}</g>'
        )

    return Flat(palette, at, Svg(side, paint))


def _runs(chosen: NDArray[np.bool_]) -> str:
    """The chosen cells as SVG path commands, those side by side in one rectangle."""
    edges = np.diff(np.pad(chosen, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    starts, ends = np.argwhere(edges == 1), np.argwhere(edges == -1)
    return "".join(
        f"M{x} {y}h{end - x}v1H{x}z" for (y, x), (_, end) in zip(starts.tolist(), ends.tolist(), strict=True)
    )
