"""Look for pictures that resemble a hooked cross: `python -m tools.hooked_crosses STYLE... [--seeds N]`.

Each picture is compared with templates of a hooked cross: both directions, upright and rotated by 45 degrees,
in several sizes and places, with thick and thin arms. The score is the highest normalised correlation of a
template with a colour channel, whether the cross is lighter or darker than its ground: 1 is a perfect cross.
The command prints the worst seeds of each style and draws the worst hundred on one sheet, and on one for four
styles.
"""

import argparse
import io
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from avatar_gen.drawing.drawing import Flat, StyleInput
from avatar_gen.drawing.styles import STYLES, draw
from avatar_gen.drawing.svg import document
from avatar_gen.imaging.pipeline import draw_png
from avatar_gen.imaging.svg import rasterise
from avatar_gen.services.render_options import RenderOptions

PX = 32

HANDEDNESS = 0.1
"""A hooked cross correlates this much more with its own template than with the mirrored one."""

THICK = ("#.###", "#.#..", "#####", "..#.#", "###.#")
THIN = ("#..####", "#..#...", "#..#...", "#######", "...#..#", "...#..#", "####..#")

_PLACES = (
    *((scale, 0.0, 0.0) for scale in (1.0, 0.85, 0.7)),
    *((0.5, x, y) for x in (-0.25, 0.0, 0.25) for y in (-0.25, 0.0, 0.25)),
)
"""Sizes and offsets from the centre, in widths of the picture."""

_BATCH = 1000

Scores = NDArray[np.float64]


@cache
def _templates() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return templates and the areas that they cover, shape (n, px * px).

    Outside its area a template is 0.
    """
    shapes, areas = [], []
    for rows in (THICK, THIN):
        for mirrored in (rows, rows[::-1]):
            cross = np.array([[cell == "#" for cell in row] for row in mirrored])
            for degrees in (0, 45):
                for scale, x, y in _PLACES:
                    shape, area = _template(cross, degrees, scale, (x, y))
                    shapes.append(shape.ravel())
                    areas.append(area.ravel())
    return np.array(shapes), np.array(areas, dtype=np.float64)


def _template(
    cross: NDArray[np.bool_], degrees: int, scale: float, offset: tuple[float, float]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    centres = (np.arange(PX) + 0.5) / PX - 0.5
    x, y = (np.add.outer(0 * centres, centres) - offset[0], np.add.outer(centres, 0 * centres) - offset[1])
    turn = np.radians(degrees)
    u, v = (x * np.cos(turn) + y * np.sin(turn)) / scale, (y * np.cos(turn) - x * np.sin(turn)) / scale
    area = (np.abs(u) < 0.5) & (np.abs(v) < 0.5)
    cells = len(cross)
    column, row = (np.clip(((each + 0.5) * cells).astype(int), 0, cells - 1) for each in (u, v))
    shape = np.where(area, cross[row, column], 0.0)
    shape = np.where(area, shape - shape[area].mean(), 0.0)
    return shape / np.linalg.norm(shape), area


def scores(pictures: NDArray[np.uint8]) -> Scores:
    """Return the score, 0 to 1, of each picture, shape (n, px, px, 3)."""
    shapes, areas = _templates()
    channels = pictures.reshape(len(pictures), PX * PX, 3).astype(np.float64)
    found = np.zeros(len(pictures))
    for channel in (*np.moveaxis(channels, 2, 0), channels.mean(axis=2)):
        sums, squares = channel @ areas.T, (channel * channel) @ areas.T
        spread = np.sqrt(np.maximum(squares - sums * sums / areas.sum(axis=1), 0))
        # A difference of ten levels is not visible as a shape.
        floor = 10 * np.sqrt(areas.sum(axis=1))
        # One axis for the kinds of cross, one for both directions, one for the rest.
        correlations = np.abs(channel @ shapes.T) / np.maximum(spread, floor)
        matches = correlations.reshape(len(pictures), 2, 2, -1)
        handed = matches - matches[:, :, ::-1] > HANDEDNESS
        found = np.maximum(found, np.where(handed, matches, 0).max(axis=(1, 2, 3)))
    return found


def picture(style: str, seed: str, style_input: StyleInput | None = None) -> NDArray[np.uint8]:
    """Return the pixels of an avatar, shape (px, px, 3). Without an input the seed chooses the colours."""
    drawing = draw(style, seed, style_input or RenderOptions().style_input(style, seed))
    if isinstance(drawing, Flat):
        return drawing.palette[drawing.at(PX).pixels()]
    return rasterise(document(drawing.at(PX), drawing.palette, PX, "square", "x"), PX)[:, :, :3]


def score_seeds(style: str, seeds: Sequence[str], style_input: StyleInput | None = None) -> Scores:
    """Return the score of each seed's avatar."""
    batches = (seeds[start : start + _BATCH] for start in range(0, len(seeds), _BATCH))
    return np.concatenate(
        [scores(np.stack([picture(style, seed, style_input) for seed in batch])) for batch in batches]
    )


def sheet(style: str, seeds: list[str], px: int = 64) -> Image.Image:
    """Return avatars side by side, ten in a row."""
    canvas = Image.new("RGB", (10 * (px + 4), -(-len(seeds) // 10) * (px + 4)), "white")
    for number, seed in enumerate(seeds):
        row, column = divmod(number, 10)
        png = draw_png(draw(style, seed, RenderOptions().style_input(style, seed)), px)
        canvas.paste(Image.open(io.BytesIO(png)), (column * (px + 4), row * (px + 4)))
    return canvas


def combined(sheets: Sequence[Image.Image]) -> Image.Image:
    """Return sheets at half their size, two in a row."""
    small = [each.reduce(2) for each in sheets]
    width, height = small[0].width + 8, small[0].height + 8
    canvas = Image.new("RGB", (2 * width - 8, -(-len(small) // 2) * height - 8), "white")
    for number, each in enumerate(small):
        row, column = divmod(number, 2)
        canvas.paste(each, (column * width, row * height))
    return canvas


def main() -> None:
    """Check styles and write a sheet of the worst pictures of each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("styles", nargs="*", default=[*STYLES], metavar="STYLE")
    parser.add_argument("--seeds", type=int, default=100_000)
    parser.add_argument("--sheets", type=Path, default=Path(), help="the folder for sheets")
    options = parser.parse_args()
    sheets = []
    for style in options.styles:
        found = score_seeds(style, [f"user{number}" for number in range(options.seeds)])
        worst = np.argsort(-found)[:100].tolist()
        sheets.append(sheet(style, [f"user{number}" for number in worst]))
        sheets[-1].save(options.sheets / f"{style}-worst.png")
        listed = ", ".join(f"user{number} {found[number]:.3f}" for number in worst[:5])
        print(f"{style}: {listed}; {(found > 0.6).sum()} of {options.seeds} above 0.6", flush=True)
    for number, start in enumerate(range(0, len(sheets), 4), 1):
        combined(sheets[start : start + 4]).save(
            options.sheets / f"worst-{number}.webp", quality=40, method=6
        )


if __name__ == "__main__":
    main()
