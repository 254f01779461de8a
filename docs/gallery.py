"""Redraw the pictures in the docs: `make gallery`."""

import io
from pathlib import Path

from PIL import Image

from avatar_gen.drawing.drawing import Look
from avatar_gen.drawing.filters import FILTERS
from avatar_gen.drawing.palette import SCHEMES, parse_colour
from avatar_gen.drawing.styles import draw
from avatar_gen.imaging.drawings import draw_png

TARGET = Path(__file__).parent / "gallery.png"
NAMES = ["ada", "grace", "alan", "edsger", "barbara", "donald", "margaret", "dennis"]
PX, GAP = 96, 12


def avatar(style: str, seed: str, scheme: str, angle: float = 90, filter_name: str = "") -> Image.Image:
    """One avatar, through the service's own PNG writer."""
    _, primary, foreign = SCHEMES[scheme]
    drawing = draw(style, seed, Look(parse_colour(primary), parse_colour(foreign), angle))
    return Image.open(io.BytesIO(draw_png(drawing, PX, FILTERS.get(filter_name))))


def sheet(rows: list[list[Image.Image]]) -> Image.Image:
    """Pictures side by side on white."""
    width = len(rows[0]) * (PX + GAP) + GAP
    canvas = Image.new("RGB", (width, len(rows) * (PX + GAP) + GAP), "white")
    for y, row in enumerate(rows):
        for x, picture in enumerate(row):
            canvas.paste(picture, (GAP + x * (PX + GAP), GAP + y * (PX + GAP)))
    return canvas


def gallery() -> Image.Image:
    """Three styles in eight schemes, and one avatar through every filter."""
    schemes = ["ocean", "vibrant", "green", "purple", "teal", "pink", "royal", "default"]
    chosen = list(zip(NAMES, schemes, strict=True))
    rows = [
        [avatar("pixelize", name, scheme) for name, scheme in chosen],
        [avatar("wave", name, scheme) for name, scheme in chosen],
        [avatar("gradient", name, scheme, angle=45 * i) for i, (name, scheme) in enumerate(chosen)],
        [
            avatar(style, "ada", "sunset", filter_name=filter_name)
            for style in ("pixelize", "wave")
            for filter_name in ("", *FILTERS)
        ],
    ]
    return sheet(rows)


if __name__ == "__main__":
    gallery().save(TARGET, optimize=True)
    print(f"{TARGET}: {TARGET.stat().st_size:,} bytes")
