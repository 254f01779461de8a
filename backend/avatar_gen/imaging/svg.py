"""SVG to pixels: by ThorVG if it can draw all of a document, else by librsvg, which libvips brings."""

import os
import re
from functools import cache
from pathlib import Path

import numpy as np
import pyvips

from avatar_gen.errors import InvalidRequest, Problem
from avatar_gen.imaging import thorvg
from avatar_gen.imaging.vips import Pixels

_DRAWN = "svg|g|defs|use|path|rect|circle|ellipse|line|polyline|polygon|clipPath|mask|[a-z]+Gradient|stop"
"""The elements that ThorVG draws as browsers do: docs/decisions/0009."""

_INERT = "!--|[a-z]+:|metadata|title|desc"
"""What draws nothing: comments, metadata, and texts for screen readers."""

_BEYOND_THORVG = re.compile(
    rf"<(?!/|{_INERT}|(?:{_DRAWN})[\s/>])"
    "|mix-blend-mode|filter"
    # Colours with alpha in hexadecimal digits.
    "|#[0-9a-fA-F]{4}(?:[0-9a-fA-F]{4})?[^0-9a-zA-Z_-]"
)
"""What ThorVG does not draw, or not as browsers do."""

_MARGIN = 1 / 4
"""In widths of the picture: drawn on every side of a document with a filter, and cut off again. librsvg
filters only what is on its canvas, so a blur that reaches beyond fades towards the border."""

_FONTS = Path(__file__).parent / "fonts"

# Without a configuration fontconfig writes errors to standard error, in the middle of a JSON log. With the
# system's, letters depend on the machine. The C library reads this variable when it is first used.
os.putenv("FONTCONFIG_FILE", str(_FONTS / "fonts.conf"))

_FAMILY = re.compile('font-family="[^"]*"')
_TEXT = re.compile("<text[^>]*>([^<]*)</text>")
_WRITABLE = re.compile("[A-ZªºÀ-\u024f\u0300-\u036f\u0370-\u03e1\u03f0-\u03ff\u0400-\u052f\u1e00-\u1eff]*")
"""The characters of this service's fonts: letters in upper case and their marks."""


def rasterise(document: str, px: int, *, smooth_edges: bool = False) -> Pixels:
    """Return the pixels of an SVG file that is `px` wide, with straight alpha.

    ThorVG moves the edges of upright rectangles to whole pixels. `smooth_edges` is for drawings in which such
    an edge touches another shape: librsvg draws them.

    It blocks: run it in the `Pool`. Raises `InvalidRequest` for text without a font.
    """
    if not smooth_edges and suits_thorvg(document):
        return thorvg.draw(document, px)
    pixels: Pixels = _by_librsvg(document, px).numpy()
    return pixels


def suits_thorvg(document: str) -> bool:
    """Return whether ThorVG draws all of a document as browsers do."""
    return not _BEYOND_THORVG.search(document)


def writes_letters() -> bool:
    """Return whether letters are drawn. Without a font, all of them are the same box, or nothing."""
    template = (
        '<svg xmlns="http://www.w3.org/2000/svg" width="32" height="32">'
        '<text x="4" y="28" font-size="28" font-family="any">{}</text></svg>'
    )
    first, second, nothing = (rasterise(template.format(letter), 32) for letter in ("A", "O", ""))
    return not np.array_equal(first, second) and bool((first != nothing).any() and (second != nothing).any())


def _by_librsvg(document: str, px: int) -> pyvips.Image:
    if "<text" in document:
        document = _in_own_font(document)
    if "<filter" not in document:
        return pyvips.Image.svgload_buffer(document.encode())
    margin = int(px * _MARGIN)
    width = px + 2 * margin
    inner = document.replace("<svg ", f'<svg x="{margin}" y="{margin}" overflow="visible" ', 1)
    outer = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{width}">{inner}</svg>'
    return pyvips.Image.svgload_buffer(outer.encode()).crop(margin, margin, px, px)


def _in_own_font(document: str) -> str:
    """Return the document with all text in a font that is the same on every machine.

    librsvg draws boxes for what a font lacks, and reports no error.
    """
    if not all(_WRITABLE.fullmatch(text) for text in _TEXT.findall(document)):
        raise InvalidRequest(
            "Only svg can show the letters of this avatar; other formats have Latin, Greek and Cyrillic.",
            (Problem("seed", "must have letters of Latin, Greek or Cyrillic in formats other than svg"),),
        )
    return _FAMILY.sub(f'font-family="{_load_fonts()}"', document)


@cache
def _load_fonts() -> str:
    """Make this service's fonts known to librsvg. Return their family."""
    family = "Avatar Letters"
    for name in ("letters-regular.ttf", "letters-bold.ttf"):
        # libvips adds the file to fontconfig's in this process, where librsvg finds it too.
        pyvips.Image.text("A", font=family, fontfile=str(_FONTS / name))
    return family
