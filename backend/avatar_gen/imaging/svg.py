"""SVG to pixels by librsvg, which libvips brings: docs/decisions/0009 has its figures beside resvg's."""

import os
import re
from functools import cache
from pathlib import Path

import numpy as np
import pyvips

from avatar_gen.errors import InvalidRequest
from avatar_gen.imaging.vips import Pixels

_MARGIN = 1 / 4
"""Of the picture's width, drawn on every side of it and cut off again where it has a filter. librsvg filters
what is on its canvas alone, so that a blur that reaches beyond fades towards the border: DiceBear's `glass`
was off by 16 of 255 from what a browser draws, and is by 0.7; by 0.4 with a margin of 3/5, for twice the
time."""

_FONTS = Path(__file__).parent / "fonts"

# Without a configuration fontconfig writes errors to standard error, in the middle of a JSON log. With the
# system's, letters depend on the machine. The C library reads this variable when it is first used.
os.putenv("FONTCONFIG_FILE", str(_FONTS / "fonts.conf"))

_FAMILY = re.compile('font-family="[^"]*"')
_TEXT = re.compile("<text[^>]*>([^<]*)</text>")
_WRITABLE = re.compile("[A-ZªºÀ-\u024f\u0300-\u036f\u0370-\u03e1\u03f0-\u03ff\u0400-\u052f\u1e00-\u1eff]*")
"""What our fonts have, of the letters in upper case and their marks."""


def rasterise(document: str, px: int) -> Pixels:
    """The pixels of an SVG file that is `px` wide, with alpha; takes milliseconds, and belongs in the `Pool`.

    Raises `InvalidRequest` for text that there is no font for.
    """
    pixels: Pixels = _open(document, px).numpy()
    return pixels


def writes_letters() -> bool:
    """Whether letters are drawn: without a font all of them are the same box, or nothing."""
    template = (
        '<svg xmlns="http://www.w3.org/2000/svg" width="32" height="32">'
        '<text x="4" y="28" font-size="28" font-family="any">{}</text></svg>'
    )
    first, second, nothing = (rasterise(template.format(letter), 32) for letter in ("A", "O", ""))
    return not np.array_equal(first, second) and bool((first != nothing).any() and (second != nothing).any())


def _open(document: str, px: int) -> pyvips.Image:
    if "<text" in document:
        document = _in_our_font(document)
    if "<filter" not in document:
        return pyvips.Image.svgload_buffer(document.encode())
    margin = int(px * _MARGIN)
    width = px + 2 * margin
    inner = document.replace("<svg ", f'<svg x="{margin}" y="{margin}" overflow="visible" ', 1)
    outer = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{width}">{inner}</svg>'
    return pyvips.Image.svgload_buffer(outer.encode()).crop(margin, margin, px, px)


def _in_our_font(document: str) -> str:
    """The document with all text in a font that is there on every machine, and the same.

    Without a font librsvg draws boxes, and says nothing.
    """
    if not all(_WRITABLE.fullmatch(text) for text in _TEXT.findall(document)):
        raise InvalidRequest(
            "The letters of this avatar are there as svg alone; other formats have Latin, Greek and Cyrillic."
        )
    return _FAMILY.sub(f'font-family="{_load_fonts()}"', document)


@cache
def _load_fonts() -> str:
    """Make our fonts known to librsvg; their family."""
    family = "Avatar Letters"
    for name in ("letters-regular.ttf", "letters-bold.ttf"):
        # libvips adds the file to those that fontconfig knows in this process, where librsvg finds it too.
        pyvips.Image.text("A", font=family, fontfile=str(_FONTS / name))
    return family
