"""Redraw the contact sheets in docs/styles: `make gallery`."""

import io
from pathlib import Path

from PIL import Image

from avatar_gen.drawing.frames import Shape
from avatar_gen.drawing.styles import STYLES, draw
from avatar_gen.imaging.pipeline import draw_png
from avatar_gen.services.render_options import RenderOptions

FOLDER = Path(__file__).parent / "styles"
SIDE = 6
PEOPLE = """
Ada Lovelace, Grace Hopper, Alan Turing, Edsger Dijkstra, Barbara Liskov, Donald Knuth,
Margaret Hamilton, Dennis Ritchie, Frances Allen, Ken Thompson, Radia Perlman, John Backus,
Katherine Johnson, Tony Hoare, Jean Bartik, Niklaus Wirth, Adele Goldberg, John McCarthy,
Shafi Goldwasser, Claude Shannon, Annie Easley, Leslie Lamport, Hedy Lamarr, Vint Cerf,
Lynn Conway, Robin Milner, Karen Spärck Jones, Ivan Sutherland, Mary Kenneth Keller, Kristen Nygaard,
Sophie Wilson, Ole-Johan Dahl, Evelyn Berezin, Andrei Ershov, Elizabeth Feinler, Konrad Zuse
"""
NAMES = [name.strip() for name in PEOPLE.split(",")]
SHAPES: tuple[Shape, ...] = ("square", "square", "circle", "square", "circle", "rounded")
"""The shapes of the six columns."""

SOFT = {"gradient", "marble"}
"""Styles whose sheets are too large as lossless files."""


def avatar(style: str, number: int, px: int, shape: Shape) -> Image.Image:
    """Return an avatar in the colours that its name chooses."""
    name = NAMES[number]
    drawing = draw(style, name, RenderOptions(angle=360 * number / len(NAMES)).style_input(style, name))
    return Image.open(io.BytesIO(draw_png(drawing, px, None, shape))).convert("RGBA")


def sheet(style: str, px: int, gap: int, shape: Shape | None = None, page: str = "white") -> Image.Image:
    """Return avatars of a style, six by six, in one shape or in all shapes."""
    width = SIDE * (px + gap) + gap
    canvas = Image.new("RGB", (width, width), page)
    for number in range(len(NAMES)):
        row, column = divmod(number, SIDE)
        picture = avatar(style, number, px, shape or SHAPES[column])
        canvas.paste(picture, (gap + column * (px + gap), gap + row * (px + gap)), picture)
    return canvas


def small(style: str) -> Image.Image:
    """Return a sheet at 64 px, and at 24 px on a light and on a dark page."""
    sheets = (
        sheet(style, 64, 10),
        sheet(style, 24, 10, "square"),
        sheet(style, 24, 10, "circle", "#18181b"),
    )
    width, height = sheets[0].size
    canvas = Image.new("RGB", (width + 10 + sheets[1].width, height), "white")
    canvas.paste(sheets[0], (0, 0))
    canvas.paste(sheets[1], (width + 10, 0))
    canvas.paste(sheets[2], (width + 10, height - sheets[2].height))
    return canvas


def large(style: str) -> Image.Image:
    """Return a sheet at 256 px."""
    return sheet(style, 256, 24)


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for style in STYLES:
        for name, picture in ((style, small(style)), (f"{style}-256", large(style))):
            target = FOLDER / f"{name}.webp"
            picture.save(target, lossless=style not in SOFT, quality=90, method=6)
            print(f"{target}: {target.stat().st_size:,} bytes")
