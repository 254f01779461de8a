"""SVG documents around the elements of a drawing."""

import re
from collections.abc import Sequence

from avatar_gen.drawing.drawing import Svg
from avatar_gen.drawing.frames import FRAMES, Shape
from avatar_gen.drawing.palette import Palette
from avatar_gen.drawing.shapes import ground


def document(svg: Svg, palette: Palette, px: int, shape: Shape, unique: str) -> str:
    """Return an SVG file, `px` wide, cut to a shape. Every id starts with `unique`."""
    side = svg.side
    colours = to_hex(palette)
    elements = svg.paint(colours, unique)
    if svg.ground is not None:
        elements = ground(side, colours[svg.ground]) + elements
    if frame := FRAMES[shape]:
        elements = _clipped(elements, frame.element(side), unique)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{px}" height="{px}" viewBox="0 0 {side} {side}">'
        f"{elements}</svg>"
    )


def framed(document: str, shape: Shape, unique: str) -> str:
    """Return an SVG file, with a view box from (0, 0), cut to a shape. The new id starts with `unique`."""
    frame, box = FRAMES[shape], _VIEW_BOX.search(document)
    if frame is None or box is None:
        return document
    root, opening, elements = document.partition(">")
    clipped = _clipped(elements.removesuffix("</svg>"), frame.element(int(box[1])), unique)
    return f"{root}{opening}{clipped}</svg>"


def _clipped(elements: str, element: str, unique: str) -> str:
    return f'<clipPath id="{unique}z">{element}</clipPath><g clip-path="url(#{unique}z)">{elements}</g>'


_VIEW_BOX = re.compile('viewBox="0 0 ([0-9]+) [0-9]+"')
_TAG = re.compile("<[^<>]*>")
_ID = re.compile(r'(\bid="|url\(#|href="#)')


def with_own_ids(document: str, unique: str) -> str:
    """Return an SVG file whose ids all start with `unique`, so that they differ from others on a page."""
    return _TAG.sub(lambda tag: _ID.sub(rf"\g<1>{unique}", tag[0]), document)


def filtered(document: str, values: str, unique: str) -> str:
    """Return an SVG file with a `feColorMatrix` of these values around all of it."""
    root, opening, elements = document.partition(">")
    matrix = f'<feColorMatrix values="{values}"/>'
    return (
        f'{root}{opening}<filter id="{unique}" x="0" y="0" width="1" height="1"'
        f' color-interpolation-filters="sRGB">{matrix}</filter>'
        f'<g filter="url(#{unique})">{elements.removesuffix("</svg>")}</g></svg>'
    )


def to_hex(palette: Palette) -> Sequence[str]:
    """Return a palette's colours as `#rrggbb`."""
    return [f"#{red:02x}{green:02x}{blue:02x}" for red, green, blue in palette.tolist()]
