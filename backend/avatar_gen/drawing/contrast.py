"""How well one colour is seen on another."""

from avatar_gen.drawing.palette import Colour

LEGIBLE = 3
"""The least ratio that WCAG 2 asks of large letters and of graphics."""

LIGHT, DARK = Colour(255, 255, 255), Colour(17, 24, 39)


def _linear(channel: int) -> int:
    """Light of a channel, 0 to 2**20: whole, so that no machine's power function decides about a colour."""
    share = channel / 255
    return round(2**20 * (share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4))


_LINEAR = [_linear(channel) for channel in range(256)]


def contrast(one: Colour, other: Colour) -> float:
    """The ratio of their luminances, from 1 to 21: https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: Colour) -> float:
    red, green, blue = (_LINEAR[channel] for channel in colour)
    return (2126 * red + 7152 * green + 722 * blue) / (10000 << 20)


def legible(ground: Colour, wish: Colour) -> Colour:
    """The wish, if it can be read on the ground; else white or nearly black, whichever is seen better."""
    if contrast(ground, wish) >= LEGIBLE:
        return wish
    return max(LIGHT, DARK, key=lambda colour: contrast(ground, colour))
