"""Redraw the picture at the top of the README: `make gallery`."""

import io
from itertools import cycle
from pathlib import Path

from PIL import Image

from avatar_gen.drawing.filters import FILTERS
from avatar_gen.drawing.frames import Shape
from avatar_gen.drawing.styles import STYLES, draw
from avatar_gen.imaging.pipeline import draw_png
from avatar_gen.services.render_options import RenderOptions

TARGET = Path(__file__).parent / "gallery.png"
PEOPLE = ["Ada Lovelace", "Grace Hopper", "Alan Turing", "Radia Perlman", "Edsger Dijkstra"]
SHAPES: list[Shape] = ["square", "circle", "rounded", "circle"]
PX, GAP = 72, 8


def avatar(style: str, name: str, column: int, shape: Shape, filter_name: str = "") -> Image.Image:
    """Return an avatar in the colours that its name chooses."""
    # The seed differs in each style, so that the columns have different colours.
    seed = f"{name} {column}"
    drawing = draw(style, seed, RenderOptions(angle=30 * column, name=name).style_input(style, seed))
    png = draw_png(drawing, PX, FILTERS.get(filter_name), shape)
    return Image.open(io.BytesIO(png)).convert("RGBA")


def gallery() -> Image.Image:
    """Return a column for each style: four people in three shapes, and one with a filter."""
    rows = [
        [avatar(style, person, column, shape) for column, style in enumerate(STYLES)]
        for person, shape in zip(PEOPLE, SHAPES, strict=False)
    ]
    filters = zip(STYLES, cycle(reversed(FILTERS)), strict=False)
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
