"""Compare the pixels of every vector style with Chromium's: docs/decisions/0009 has the result.

    .venv/bin/python -m tools.renderers [--all]

It prints the mean difference of each style, of 255 and on white, for three seeds at 128 and 512 px, and ends
with status 1 if one is above 2. `--all` prints what ThorVG and librsvg each would draw as well.
"""

import io
import re
import shutil
import sys
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyvips
from PIL import Image
from playwright.sync_api import Page, sync_playwright

from avatar_gen import imaging
from avatar_gen.drawing import dicebear
from avatar_gen.drawing.drawing import Vector
from avatar_gen.drawing.styles import STYLES, draw
from avatar_gen.drawing.svg import document
from avatar_gen.imaging import thorvg
from avatar_gen.imaging.svg import rasterise
from avatar_gen.services.render_options import RenderOptions

SEEDS = ("ada", "Grace Hopper", "7f3c")
SIZES = (128, 512)
HIGHEST = 2.0

FAMILY = re.compile('font-family="[^"]*"')
FONT_FILES = ((400, "letters-regular.ttf"), (700, "letters-bold.ttf"))
FONTS = "".join(
    f"@font-face{{font-family:Letters;font-weight:{weight};src:url(data:font/ttf;base64,"
    f"{b64encode((Path(imaging.__path__[0]) / 'fonts' / file).read_bytes()).decode()})}}"
    for weight, file in FONT_FILES
)
"""The fonts that this service writes with, for Chromium."""

Renderer = Callable[[str, int], np.ndarray]


def documents(px: int) -> Iterator[tuple[str, str]]:
    """The style and the SVG of three seeds of every style that needs a renderer."""
    for seed in SEEDS:
        for style in STYLES:
            drawing = draw(style, seed, RenderOptions().style_input(style, seed))
            if isinstance(drawing, Vector):
                yield style, document(drawing.at(px), drawing.palette, px, "square", "x")
        for style in dicebear.names():
            yield f"dicebear/{style}", dicebear.draw_svg(style, {"seed": seed, "size": px})


def on_white(pixels: np.ndarray) -> np.ndarray:
    """Colours as they show on a white page."""
    colours, alpha = pixels[:, :, :3].astype(float), pixels[:, :, 3:] / 255
    blended: np.ndarray = colours * alpha + 255 * (1 - alpha)
    return blended


def in_chromium(page: Page, svg: str, px: int) -> np.ndarray:
    """What a browser shows."""
    svg = FAMILY.sub('font-family="Letters"', svg)
    page.set_content(f'<style>{FONTS}</style><body style="margin:0;background:#fff">{svg}</body>')
    page.evaluate("document.fonts.ready")
    shot = page.screenshot(clip={"x": 0, "y": 0, "width": px, "height": px})
    return np.asarray(Image.open(io.BytesIO(shot)).convert("RGB"), dtype=float)


def by_librsvg(svg: str, _px: int) -> np.ndarray:
    """What librsvg draws by itself."""
    return np.asarray(pyvips.Image.svgload_buffer(svg.encode()).numpy())


def compare(renderers: dict[str, Renderer]) -> dict[str, dict[tuple[str, int], float]]:
    """The mean difference to Chromium of each style and size, by renderer."""
    differences: dict[str, dict[tuple[str, int], list[float]]] = {name: {} for name in renderers}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 600, "height": 600})
        for px in SIZES:
            for style, svg in documents(px):
                shown = in_chromium(page, svg, px)
                for name, render in renderers.items():
                    difference = float(np.abs(on_white(render(svg, px)) - shown).mean())
                    differences[name].setdefault((style, px), []).append(difference)
        browser.close()
    return {
        name: {each: float(np.mean(values)) for each, values in found.items()}
        for name, found in differences.items()
    }


def main() -> int:
    """Print the table. Return 1 if a style differs by more than `HIGHEST`."""
    renderers: dict[str, Renderer] = {"service": rasterise}
    if "--all" in sys.argv:
        renderers |= {"thorvg": thorvg.draw, "librsvg": by_librsvg}
    found = compare(renderers)
    for style, px in found["service"]:
        figures = "  ".join(f"{name} {values[style, px]:6.2f}" for name, values in found.items())
        print(f"{style:28s} {px:4d} px  {figures}")
    for px in SIZES:
        values = sorted(value for (_, size), value in found["service"].items() if size == px)
        print(f"{px} px: median {np.median(values):.2f}, highest {values[-1]:.2f}")
    return int(max(found["service"].values()) > HIGHEST)


if __name__ == "__main__":
    sys.exit(main())
