"""The styles by name. A new one is a file here and a line in `STYLES`."""

from collections.abc import Callable

from avatar_gen.drawing.drawing import Drawing, Look
from avatar_gen.drawing.seed import Chance
from avatar_gen.drawing.styles.gradient import gradient
from avatar_gen.drawing.styles.pixelize import pixelize
from avatar_gen.drawing.styles.wave import wave

Style = Callable[[Chance, Look], Drawing]

STYLES: dict[str, Style] = {"pixelize": pixelize, "wave": wave, "gradient": gradient}


def draw(style: str, seed: str, look: Look) -> Drawing:
    """Draw the avatar that `style`, one of `STYLES`, makes of a seed: any text that UTF-8 can write."""
    return STYLES[style](Chance(style, seed), look)
