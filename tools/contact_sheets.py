"""Draw the contact sheets of docs/decisions/0010: `make sheets`.

There is one sheet of all styles for each size at which avatars are shown, and one of the darkest and the
lightest hundred of 5,000 pictures of `smile`.
"""

import io
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import numpy as np
from PIL import Image

from avatar_gen.drawing.styles import STYLES, draw
from avatar_gen.imaging.pipeline import draw_png
from avatar_gen.services.render_options import RenderOptions

FOLDER = Path(__file__).parents[1] / "docs" / "decisions"

COLUMNS = {24: 36, 64: 12, 256: 4}
"""The pictures in a row of each sheet, by their width in px."""

NAMES = """
Ada Lovelace, Grace Hopper, Alan Turing, Radia Perlman, Edsger Dijkstra, Barbara Liskov, Donald Knuth,
Margaret Hamilton, Dennis Ritchie, Frances Allen, Ken Thompson, John Backus
"""
PEOPLE = [name.strip() for name in NAMES.split(",")]

GAP = 4
QUALITY = 80
SMILES = 5_000


def avatar(style: str, seed: str, px: int) -> Image.Image:
    """Return an avatar in the colours that its seed chooses."""
    drawing = draw(style, seed, RenderOptions(name=seed).style_input(style, seed))
    return Image.open(io.BytesIO(draw_png(drawing, px))).convert("RGB")


def sheet(pictures: Iterable[Image.Image], columns: int) -> Image.Image:
    """Return pictures of one size in rows, on white."""
    shown = list(pictures)
    step = shown[0].width + GAP
    canvas = Image.new("RGB", (columns * step + GAP, -(-len(shown) // columns) * step + GAP), "white")
    for number, picture in enumerate(shown):
        row, column = divmod(number, columns)
        canvas.paste(picture, (GAP + column * step, GAP + row * step))
    return canvas


def all_styles(px: int) -> Iterator[Image.Image]:
    """Yield a row of each style; at the largest size, one picture of each."""
    for number, style in enumerate(STYLES):
        for column in range(COLUMNS[px] if px < 256 else 1):
            round_, person = divmod(column + number, len(PEOPLE))
            # Letters need a name. A number behind it would not change them.
            yield avatar(style, PEOPLE[person] + " ." * round_, px)


def smiles_by_lightness() -> list[Image.Image]:
    """Return pictures of `smile`, the darkest first."""
    pictures = (avatar("smile", f"user{number}", 32) for number in range(SMILES))
    return sorted(pictures, key=lambda picture: float(np.asarray(picture).mean()))


def save(picture: Image.Image, name: str) -> None:
    """Write a sheet as lossy WebP, and print its weight."""
    path = FOLDER / f"0010-{name}.webp"
    picture.save(path, "WEBP", quality=QUALITY, method=6)
    print(f"{path.name}: {path.stat().st_size:,} bytes")


def main() -> None:
    """Write all sheets."""
    for px, columns in COLUMNS.items():
        save(sheet(all_styles(px), columns), f"{px}-px")
    smiles = smiles_by_lightness()
    save(sheet((*islice(smiles, 100), *smiles[-100:]), 20), "smile-darkest-and-lightest")


if __name__ == "__main__":
    main()
