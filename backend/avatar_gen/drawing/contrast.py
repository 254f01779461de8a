"""How well one colour is seen on another."""

from avatar_gen.drawing.oklab import luminance
from avatar_gen.drawing.palette import Colour

LEGIBLE = 3
"""The least ratio that WCAG 2 asks of large letters and of graphics."""

LIGHT, DARK = Colour(255, 255, 255), Colour(17, 24, 39)


def contrast(one: Colour, other: Colour) -> float:
    """WCAG's contrast ratio, 1 to 21.

    https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio
    """
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def legible(ground: Colour, wish: Colour) -> Colour:
    """The wish, if it can be read on the ground; else white or nearly black, whichever is seen better."""
    if contrast(ground, wish) >= LEGIBLE:
        return wish
    return max(LIGHT, DARK, key=lambda colour: contrast(ground, colour))
