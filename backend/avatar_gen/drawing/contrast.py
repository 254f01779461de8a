"""How well one colour can be seen on another, as WCAG 2 measures it."""

from avatar_gen.drawing.oklab import luminance
from avatar_gen.drawing.palette import Colour

GRAPHICS_CONTRAST = 3
"""The lowest ratio that WCAG 2 accepts for graphics and large letters."""

TEXT_CONTRAST = 4.5
"""The lowest ratio that WCAG 2 accepts for letters of any size."""

LIGHT, DARK, BLACK = Colour(255, 255, 255), Colour(17, 24, 39), Colour(0, 0, 0)


def contrast(one: Colour, other: Colour) -> float:
    """Return WCAG's contrast ratio, 1 to 21.

    https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio
    """
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def legible(ground: Colour, *preferred: Colour) -> Colour:
    """Return the first preferred colour whose letters can be read on the ground, `TEXT_CONTRAST` or more.

    If there is none, return white or nearly black, whichever contrasts more, or black if neither suffices.
    One of black and white has a ratio of 4.58 or more with every colour.
    """
    fallback = sorted((LIGHT, DARK), key=lambda colour: contrast(ground, colour), reverse=True)
    candidates = (*preferred, *fallback, BLACK)
    return next(colour for colour in candidates if contrast(ground, colour) >= TEXT_CONTRAST)
