"""`initials`: the letters of a name."""

import math
from collections.abc import Sequence

import numpy as np

from avatar_gen.drawing.contrast import legible
from avatar_gen.drawing.drawing import Style, StyleInput, Svg, Vector
from avatar_gen.drawing.glyphs import EM, Glyph, glyph
from avatar_gen.drawing.initials import in_writing_order, initials
from avatar_gen.drawing.seed import Chance

_SIZES = {1: 0.6, 2: 0.48}
"""The height of a line by how many letters there are, in widths of the picture; a capital is 5/7 of it."""

_REACH = 0.43
"""How far letters may reach from the centre, in widths of the picture: they stay clear of a circle."""

_SOMEBODY = '<circle cx="50" cy="40" r="18"/><path d="M14 100c0-24 16-36 36-36s36 12 36 36v9h-72z"/>'
"""Head and shoulders, in a picture 100 wide, for a name without letters."""


def _draw(chance: Chance, style_input: StyleInput) -> Vector:  # noqa: ARG001 - a style takes both
    """Letters in the foreign colour, where that can be read on the primary one; the seed has no say in it."""
    palette = np.array(
        (style_input.primary, legible(style_input.primary, style_input.foreign, *style_input.palette)),
        dtype=np.uint8,
    )
    letters = initials(style_input.text)
    side, shapes = _set(letters) if letters else (100, _SOMEBODY)

    def paint(colours: Sequence[str], _unique: str) -> str:
        ground = f'<rect width="{side}" height="{side}" fill="{colours[0]}"/>'
        return f'{ground}<g fill="{colours[1]}">{shapes}</g>'

    return Vector(palette, Svg(side, paint))


def _set(letters: Sequence[str]) -> tuple[int, str]:
    """The side of a picture that is as wide as letters need, in their units, and they about its middle."""
    glyphs = [glyph(letter) for letter in in_writing_order(letters)]
    starts = [0, *(drawn.advance for drawn in glyphs[:-1])]
    left, right = glyphs[0].box[0], starts[-1] + glyphs[-1].box[2]
    middle = (left + right) / 2, (min(g.top for g in glyphs) + max(g.bottom for g in glyphs)) / 2

    reach = max(_reach(drawn, start, middle) for drawn, start in zip(glyphs, starts, strict=True))
    side = math.ceil(max(EM / _SIZES[len(glyphs)], reach / _REACH))
    x, y = (round(side / 2 - centre) for centre in middle)
    paths = [drawn.at(x + start, y) for drawn, start in zip(glyphs, starts, strict=True)]
    return side, "".join(f'<path d="{path}"/>' for path in paths)


def _reach(drawn: Glyph, start: int, middle: tuple[float, float]) -> float:
    """How far from the middle the ink of a glyph may be at most: the farthest corner about it."""
    left, top, right, bottom = drawn.box
    across = max(middle[0] - start - left, start + right - middle[0])
    along = max(middle[1] - top, bottom - middle[1])
    return math.sqrt(across * across + along * along)


INITIALS = Style("initials", "Initials", _draw, frozenset({"text"}))
