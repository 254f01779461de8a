"""SVG documents around the elements that a drawing has."""

import re
from collections.abc import Sequence
from typing import Literal

from avatar_gen.drawing.drawing import Svg
from avatar_gen.drawing.palette import Palette
from avatar_gen.drawing.shapes import ground

Shape = Literal["square", "circle", "rounded"]

ROUNDING = 1 / 6
"""The radius of a rounded picture's corners, in widths of the picture."""


def document(svg: Svg, palette: Palette, px: int, shape: Shape, unique: str) -> str:
    """An SVG file, px wide, cut to a shape. `unique` begins every id in it."""
    side = svg.side
    colours = to_hex(palette)
    elements = svg.paint(colours, unique)
    if svg.ground is not None:
        elements = ground(side, colours[svg.ground]) + elements
    if shape != "square":
        radius = side / 2 if shape == "circle" else side * ROUNDING
        elements = (
            f'<clipPath id="{unique}z"><rect width="{side}" height="{side}" rx="{radius:.6g}"/></clipPath>'
            f'<g clip-path="url(#{unique}z)">{elements}</g>'
        )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{px}" height="{px}" viewBox="0 0 {side} {side}">'
        f"{elements}</svg>"
    )


_TAG = re.compile("<[^<>]*>")
_ID = re.compile(r'(\bid="|url\(#|href="#)')


def with_own_ids(document: str, unique: str) -> str:
    """An SVG file whose ids all begin so, by which it does not meet others on one page."""
    return _TAG.sub(lambda tag: _ID.sub(rf"\g<1>{unique}", tag[0]), document)


def filtered(document: str, values: str, unique: str) -> str:
    """An SVG file, all of it through a `feColorMatrix` of these values."""
    root, opening, elements = document.partition(">")
    matrix = f'<feColorMatrix values="{values}"/>'
    return (
        f'{root}{opening}<filter id="{unique}" x="0" y="0" width="1" height="1"'
        f' color-interpolation-filters="sRGB">{matrix}</filter>'
        f'<g filter="url(#{unique})">{elements.removesuffix("</svg>")}</g></svg>'
    )


def to_hex(palette: Palette) -> Sequence[str]:
    """A palette's colours as `#rrggbb`."""
    return [f"#{red:02x}{green:02x}{blue:02x}" for red, green, blue in palette.tolist()]
