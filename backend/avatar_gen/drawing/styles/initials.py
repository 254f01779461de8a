"""`initials`: the letters of a name."""

import math
from collections.abc import Sequence

import numpy as np

from avatar_gen.drawing.contrast import legible
from avatar_gen.drawing.drawing import Letters, Style, StyleInput, Svg, Vector
from avatar_gen.drawing.glyphs import EM, Glyph, Weight, glyph, typeface
from avatar_gen.drawing.initials import in_writing_order, initials
from avatar_gen.drawing.seed import Chance

_SIZES = {1: 0.6, 2: 0.48, 3: 0.38}
"""The height of a line by the number of letters, in widths of the picture. A capital has 5/7 of it."""

_REACH = 0.43
"""How far letters may extend from the centre, in widths of the picture. They stay inside a circle."""

_PERSON = '<circle cx="50" cy="40" r="18"/><path d="M14 100c0-24 16-36 36-36s36 12 36 36v9h-72z"/>'
"""Head and shoulders, in a picture 100 wide, for a name without letters."""

_GROUND, _INK = 0, 1


def _draw(chance: Chance, style_input: StyleInput) -> Vector:  # noqa: ARG001 - every style takes both
    """Draw letters in a colour that can be read on the primary one. The seed has no influence.

    Without a ground, the letters have the primary colour.
    """
    primary, options = style_input.primary, style_input.letters
    ink = primary if style_input.transparent else legible(primary, style_input.foreign, *style_input.palette)
    letters = initials(style_input.text, options)
    svg = _svg(letters, options)
    small = _svg(letters[:1], options) if options.length is None and len(letters) > 1 else None
    return Vector(np.array((primary, ink), dtype=np.uint8), svg, small)


def _svg(letters: Sequence[str], options: Letters) -> Svg:
    side, shapes = _set(letters, options) if letters else (100, _PERSON)
    return Svg(side, lambda colours, _unique: f'<g fill="{colours[_INK]}">{shapes}</g>', _GROUND)


def _set(letters: Sequence[str], options: Letters) -> tuple[int, str]:
    """Return the side of a picture that fits the letters, in font units, and the paths of the letters."""
    weight: Weight = "bold"
    if not options.bold and all(letter in typeface("regular") for letter in letters):
        weight = "regular"
    glyphs = [glyph(letter, weight) for letter in in_writing_order(letters)]
    starts = [0]
    for drawn in glyphs[:-1]:
        starts.append(starts[-1] + drawn.advance)
    left, right = glyphs[0].box[0], starts[-1] + glyphs[-1].box[2]
    middle = (left + right) / 2, (min(g.top for g in glyphs) + max(g.bottom for g in glyphs)) / 2

    reach = max(_reach(drawn, start, middle) for drawn, start in zip(glyphs, starts, strict=True))
    side = math.ceil(max(EM / _SIZES[len(glyphs)], reach / _REACH))
    x, y = (round(side / 2 - centre) for centre in middle)
    paths = [drawn.at(x + start, y) for drawn, start in zip(glyphs, starts, strict=True)]
    return side, "".join(f'<path d="{path}"/>' for path in paths)


def _reach(drawn: Glyph, start: int, middle: tuple[float, float]) -> float:
    """Return the distance from the middle to the farthest corner of a glyph's box."""
    left, top, right, bottom = drawn.box
    across = max(middle[0] - start - left, start + right - middle[0])
    along = max(middle[1] - top, bottom - middle[1])
    return math.sqrt(across * across + along * along)


INITIALS = Style("initials", "Initials", _draw, frozenset({"text"}), ground="primary")
