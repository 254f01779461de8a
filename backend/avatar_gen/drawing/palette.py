"""Colours: how they are named, and the schemes that people choose from."""

import re
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL.ImageColor import colormap as CSS_COLOURS  # noqa: N812 - a table that does not change
from PIL.ImageColor import getrgb

Palette = NDArray[np.uint8]
"""Colours by index, shape (n, 3), n at most 256: sRGB red, green, blue, each 0-255."""

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
    """Two colours that go together, each as it is written."""

    name: str
    primary: str
    foreign: str


class UnknownColour(ValueError):
    """The text names no colour."""


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
"""The service's own names; where CSS has the same name for another colour, these win."""

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

_HEX = re.compile(r"#(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})")


def parse_colour(text: str) -> Colour:
    """Read `#rgb`, `#rrggbb` or a name, in any case.

    Raises `UnknownColour` with a sentence that says what there is.
    """
    if _HEX.fullmatch(text):
        digits = text[1:]
        return Colour.from_hex(digits if len(digits) == 6 else "".join(d + d for d in digits))
    # Not all that lower() makes an ASCII letter of was one: the Kelvin sign becomes a k.
    name = text.lower() if text.isascii() else ""
    if name in OWN_COLOURS:
        return Colour.from_hex(OWN_COLOURS[name])
    if name in CSS_COLOURS:
        return Colour(*getrgb(name)[:3])
    raise UnknownColour(
        f"is no colour; give #rgb, #rrggbb, a CSS colour name, or one of {', '.join(OWN_COLOURS)}"
    )
