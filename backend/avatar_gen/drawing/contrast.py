"""How well one colour can be seen on another, as WCAG 2 measures it."""

from avatar_gen.drawing.oklab import luminance
from avatar_gen.drawing.palette import Colour

GRAPHICS_CONTRAST = 3
"""The lowest ratio that WCAG 2 accepts for graphics and large letters."""

LIGHT, DARK = Colour(255, 255, 255), Colour(17, 24, 39)


def contrast(one: Colour, other: Colour) -> float:
    """Return WCAG's contrast ratio, 1 to 21.

    https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio
    """
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def legible(ground: Colour, preferred: Colour) -> Colour:
    """Return `preferred` if it can be read on the ground, else white or nearly black."""
    if contrast(ground, preferred) >= GRAPHICS_CONTRAST:
        return preferred
    return max(LIGHT, DARK, key=lambda colour: contrast(ground, colour))
