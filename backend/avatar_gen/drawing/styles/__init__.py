"""The styles by name. A new one is a file here and a line in `STYLES`."""

from avatar_gen.drawing.drawing import Drawing, Look, Style
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


def draw(style: str, seed: str, look: Look) -> Drawing:
    """Draw the avatar that `style`, one of `STYLES`, makes of a seed: any text that UTF-8 can write."""
    return STYLES[style].draw(Chance(style, seed), look)
