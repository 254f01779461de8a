"""Colours, their names, and the colour schemes of two colours."""

import re
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL.ImageColor import colormap as CSS_COLOURS  # noqa: N812 - a table that does not change
from PIL.ImageColor import getrgb

Palette = NDArray[np.uint8]
"""Colours by index, shape (n, 3) with n at most 256: sRGB red, green and blue, 0-255."""

Filter = Callable[[Palette], Palette]


class Colour(NamedTuple):
    """An opaque sRGB colour, each channel 0-255."""

    red: int
    green: int
    blue: int

    @classmethod
    def from_hex(cls, digits: str) -> "Colour":
        """Read six hexadecimal digits."""
        return cls(*bytes.fromhex(digits))


class Scheme(NamedTuple):
    """A named pair of colours, in the spelling that the API returns."""

    name: str
    primary: str
    foreign: str


class UnknownColour(ValueError):
    """The text is not a colour."""


DEFAULT_PRIMARY = "#3B82F6"
DEFAULT_FOREIGN = "#60A5FA"

OWN_COLOURS = {
    "green": "22C55E",
    "lightgreen": "86EFAC",
    "blue": "3B82F6",
    "lightblue": "60A5FA",
    "red": "EF4444",
    "pink": "F472B6",
    "purple": "A855F7",
    "violet": "C084FC",
    "orange": "F97316",
    "yellow": "FDE047",
    "teal": "14B8A6",
    "cyan": "06B6D4",
    "indigo": "6366F1",
    "rose": "F43F5E",
    "emerald": "10B981",
}
"""The service's own colour names. They override CSS colours of the same name."""

SCHEMES = {
    scheme.name: scheme
    for scheme in (
        Scheme("green", "green", "lightgreen"),
        Scheme("blue", "blue", "lightblue"),
        Scheme("red", "red", "pink"),
        Scheme("orange", "orange", "yellow"),
        Scheme("purple", "purple", "violet"),
        Scheme("teal", "teal", "cyan"),
        Scheme("indigo", "indigo", "blue"),
        Scheme("pink", "pink", "rose"),
        Scheme("emerald", "emerald", "green"),
        Scheme("default", "#3b82f6", "#ef4444"),
        Scheme("monochrome", "#333333", "#666666"),
        Scheme("vibrant", "#FF6B35", "#F7931E"),
        Scheme("pastel", "#FFB3BA", "#FFDFBA"),
        Scheme("ocean", "#0077BE", "#00A8CC"),
        Scheme("sunset", "#FF8C42", "#FF6B35"),
        Scheme("forest", "#2E8B57", "#32CD32"),
        Scheme("royal", "#6A0DAD", "#8A2BE2"),
    )
}

_HEX = re.compile(r"#?([0-9a-fA-F]{3}|[0-9a-fA-F]{6})")


def parse_colour(text: str) -> Colour:
    """Parse `rgb` or `rrggbb`, with or without `#`, or a name, in any case.

    Raises `UnknownColour`, whose message lists what is accepted.
    """
    if hexadecimal := _HEX.fullmatch(text):
        digits = hexadecimal[1]
        return Colour.from_hex(digits if len(digits) == 6 else "".join(d + d for d in digits))
    # lower() turns some other characters into ASCII letters: the Kelvin sign becomes "k".
    name = text.lower() if text.isascii() else ""
    if name in OWN_COLOURS:
        return Colour.from_hex(OWN_COLOURS[name])
    if name in CSS_COLOURS:
        return Colour(*getrgb(name)[:3])
    if name == "transparent":
        raise UnknownColour("is not a colour. Pictures by URL have background=transparent")
    raise UnknownColour(
        f"is not a colour. Use #rgb, #rrggbb, a CSS colour name, or one of {', '.join(OWN_COLOURS)}"
    )
