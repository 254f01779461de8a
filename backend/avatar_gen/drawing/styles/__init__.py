"""The styles by name. A new one is a file here and a line in `STYLES`."""

from avatar_gen.drawing.drawing import Drawing, Look, Style
from avatar_gen.drawing.seed import Chance
from avatar_gen.drawing.styles.gradient import GRADIENT
from avatar_gen.drawing.styles.initials import INITIALS
from avatar_gen.drawing.styles.pixelize import PIXELIZE
from avatar_gen.drawing.styles.wave import WAVE

_ALL = (
    PIXELIZE,
    WAVE,
    GRADIENT,
    INITIALS,
)

STYLES: dict[str, Style] = {style.name: style for style in _ALL}


def draw(style: str, seed: str, look: Look) -> Drawing:
    """Draw the avatar that `style`, one of `STYLES`, makes of a seed: any text that UTF-8 can write."""
    return STYLES[style].draw(Chance(style, seed), look)
