"""Redraw the picture at the head of the README: `make gallery`."""

import io
from itertools import cycle
from pathlib import Path

from PIL import Image

from avatar_gen.drawing.drawing import StyleInput
from avatar_gen.drawing.filters import FILTERS
from avatar_gen.drawing.harmony import seed_colours
from avatar_gen.drawing.styles import STYLES, draw
from avatar_gen.drawing.svg import Shape
from avatar_gen.imaging.pictures import draw_png

TARGET = Path(__file__).parent / "gallery.png"
PEOPLE = ["Ada Lovelace", "Grace Hopper", "Alan Turing", "Radia Perlman", "Edsger Dijkstra"]
SHAPES: list[Shape] = ["square", "circle", "rounded", "circle"]
PX, GAP = 72, 8


def avatar(style: str, name: str, column: int, shape: Shape, filter_name: str = "") -> Image.Image:
    """One avatar in the colours that its name chooses, through the service's own writers."""
    # Another one in each style, so that not every column has the same colours.
    seed = f"{name} {column}"
    drawing = draw(style, seed, StyleInput(*seed_colours(seed), 30 * column, name))
    png = draw_png(drawing, PX, FILTERS.get(filter_name), shape)
    return Image.open(io.BytesIO(png)).convert("RGBA")


def gallery() -> Image.Image:
    """A column for each style: four people in three shapes, and one through a filter."""
    rows = [
        [avatar(style, person, column, shape) for column, style in enumerate(STYLES)]
        for person, shape in zip(PEOPLE, SHAPES, strict=False)
    ]
    filters = zip(STYLES, cycle(FILTERS), strict=False)
    rows.append(
        [avatar(style, PEOPLE[-1], column, "rounded", name) for column, (style, name) in enumerate(filters)]
    )
    canvas = Image.new("RGB", (len(STYLES) * (PX + GAP) + GAP, len(rows) * (PX + GAP) + GAP), "white")
    for y, row in enumerate(rows):
        for x, picture in enumerate(row):
            canvas.paste(picture, (GAP + x * (PX + GAP), GAP + y * (PX + GAP)), picture)
    return canvas


if __name__ == "__main__":
    gallery().save(TARGET, optimize=True)
    print(f"{TARGET}: {TARGET.stat().st_size:,} bytes")
