"""The styles by name. A new style is a file here and a line in `_ALL`."""

from functools import cache
from typing import NamedTuple

from avatar_gen.drawing.drawing import Drawing, Flat, Style, StyleInput, Svg, without_ground
from avatar_gen.drawing.palette import Colour
from avatar_gen.drawing.seed import Chance
from avatar_gen.drawing.styles.bauhaus import BAUHAUS
from avatar_gen.drawing.styles.blocks import BLOCKS
from avatar_gen.drawing.styles.bloom import BLOOM
from avatar_gen.drawing.styles.gradient import GRADIENT
from avatar_gen.drawing.styles.initials import INITIALS
from avatar_gen.drawing.styles.marble import MARBLE
from avatar_gen.drawing.styles.pixelize import PIXELIZE
from avatar_gen.drawing.styles.retro import RETRO
from avatar_gen.drawing.styles.rings import RINGS
from avatar_gen.drawing.styles.smile import SMILE
from avatar_gen.drawing.styles.sunset import SUNSET
from avatar_gen.drawing.styles.wave import WAVE

_ALL = (
    PIXELIZE,
    WAVE,
    GRADIENT,
    INITIALS,
    BLOCKS,
    RINGS,
    BAUHAUS,
    MARBLE,
    SUNSET,
    RETRO,
    BLOOM,
    SMILE,
)

STYLES: dict[str, Style] = {style.name: style for style in _ALL}


def draw(style: str, seed: str, style_input: StyleInput) -> Drawing:
    """Draw an avatar. `style` is a key of `STYLES`. `seed` is any text that UTF-8 can encode."""
    drawing = STYLES[style].draw(Chance(style, seed), style_input)
    return without_ground(drawing) if style_input.transparent else drawing


class Traits(NamedTuple):
    """Properties of every drawing of a style."""

    svg: Svg | None
    """The elements of a drawing. None if the style has no SVG."""
    exact: bool
    """Whether it is drawn without an SVG renderer, in less than a millisecond."""
    colours: int
    """The number of colours in the palette."""

    @property
    def has_svg(self) -> bool:
        """Return whether the style can be written as SVG."""
        return self.svg is not None


@cache
def traits(style: str) -> Traits:
    """Return the properties of a style. The first call draws an avatar to find out."""
    drawing = draw(style, "", StyleInput(Colour(0, 0, 0), Colour(255, 255, 255)))
    return Traits(drawing.svg, isinstance(drawing, Flat), len(drawing.palette))
