"""Redraw the names in docs/initials.md: `make gallery`."""

import io
from pathlib import Path

from PIL import Image

from avatar_gen.drawing.drawing import StyleInput
from avatar_gen.drawing.palette import SCHEMES, parse_colour
from avatar_gen.drawing.styles import draw
from avatar_gen.imaging.pipeline import draw_png

TARGET = Path(__file__).parent / "initials.png"

NAMES = (
    """
Ada Lovelace|Łukasz Żuk|Nguyễn Ế|Max Weber|3 doors|Madonna
Ада Лавлейс|Жанна Щукина|Їжак Ґудзь|Άλφα Ωμέγα|Սերժ Թան|გია ყანჩელი
דוד לוי|שרה|أحمد علي|محمد|پری ژاله|٣ أبواب
किरण श्रीदेवी|मोहन गांधी|क्षमा|พิมพ์ ดี|Ægir Øre|ẞ Ǆ
王小明|歐陽 娜娜|龔|张 伟|山田 太郎|さくら
アダ・ラブレス|김민수|김 민수|O'Brien|ada.lovelace@example.org|42 7
""".strip()
    .replace("\n", "|")
    .split("|")
)
COLUMNS, GAP, SIZES = 12, 8, (64, 24, 16)
SCHEMES_IN_TURN = ["ocean", "vibrant", "green", "purple", "royal", "pastel", "forest"]


def avatar(name: str, scheme: str, px: int) -> Image.Image:
    """One avatar, cut to a circle, as most pages do."""
    _, primary, foreign = SCHEMES[scheme]
    style_input = StyleInput(parse_colour(primary), parse_colour(foreign), text=name)
    png = draw_png(draw("initials", name, style_input), px, None, "circle")
    return Image.open(io.BytesIO(png)).convert("RGBA")


def sheet(px: int) -> Image.Image:
    """All names at one size, side by side."""
    step = px + GAP
    canvas = Image.new("RGB", (COLUMNS * step + GAP, len(NAMES) // COLUMNS * step + GAP), "white")
    for number, name in enumerate(NAMES):
        picture = avatar(name, SCHEMES_IN_TURN[number % len(SCHEMES_IN_TURN)], px)
        row, column = divmod(number, COLUMNS)
        canvas.paste(picture, (GAP + column * step, GAP + row * step), picture)
    return canvas


def sheets() -> Image.Image:
    """The names at several sizes, one sheet below the other."""
    drawn = [sheet(px) for px in SIZES]
    canvas = Image.new("RGB", (drawn[0].width, sum(each.height for each in drawn)), "white")
    top = 0
    for each in drawn:
        canvas.paste(each, (0, top))
        top += each.height
    return canvas


if __name__ == "__main__":
    sheets().save(TARGET, optimize=True)
    print(f"{TARGET}: {TARGET.stat().st_size:,} bytes")
