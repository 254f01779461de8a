"""Which colour can be read on another."""

from avatar_gen.drawing.oklab import contrast
from avatar_gen.drawing.palette import Colour

LEGIBLE = 3
"""The least ratio that WCAG 2 asks of large letters and of graphics."""

LIGHT, DARK = Colour(255, 255, 255), Colour(17, 24, 39)


def legible(ground: Colour, wish: Colour) -> Colour:
    """The wish, if it can be read on the ground; else white or nearly black, whichever is seen better."""
    if contrast(ground, wish) >= LEGIBLE:
        return wish
    return max(LIGHT, DARK, key=lambda colour: contrast(ground, colour))
