"""The Oklab colour space, in which equal distances look equal, so mixes and rotated hues look right.

The constants are from https://bottosson.github.io/posts/oklab/. The module uses only sums, products and
quotients, which IEEE 754 makes equal on every machine. A C library's powers may differ in their last bit.
"""

import math
from bisect import bisect_right
from functools import lru_cache
from typing import NamedTuple

from avatar_gen.drawing.palette import Colour

_GREY = 1e-4
"""A colour with a lower chroma than this counts as grey."""

_YELLOW, _YELLOWNESS = 97, 0.82
"""The hue of yellow in degrees, and the cosine of the 35 degrees on both sides that count as yellow."""

_MUD, _MUDDINESS = 90, 0.70
"""The hue between brown and olive in degrees, and the cosine of the 45 degrees on both sides."""

_MUDDY_CHROMA, _MUDDY_LIGHTNESS = (0.025, 0.13), 0.72
"""A brown or an olive has a chroma in this range and at most this lightness."""

_FINEST = 2**30
"""1.0 in the integers that sines and cosines are rounded to."""


class Oklab(NamedTuple):
    """A colour. It is grey if `red` and `yellow` are 0."""

    lightness: float
    """From 0, black, to 1, white."""
    red: float
    """Redness, or greenness if negative. About -0.3 to 0.3."""
    yellow: float
    """Yellowness, or blueness if negative. About -0.3 to 0.3."""

    def mixed(self, other: "Oklab", part: float) -> "Oklab":
        """Return the colour that lies `part` (0 to 1) of the way to another colour."""
        return Oklab(*(one + part * (two - one) for one, two in zip(self, other, strict=True)))

    def turned(self, degrees: int) -> "Oklab":
        """Return the colour with its hue rotated by degrees, at the same lightness and chroma."""
        cosine, sine = direction(degrees)
        return Oklab(
            self.lightness,
            self.red * cosine - self.yellow * sine,
            self.red * sine + self.yellow * cosine,
        )

    def with_lightness(self, lightness: float) -> "Oklab":
        """Return the colour at another lightness."""
        return Oklab(lightness, self.red, self.yellow)

    def chroma(self) -> float:
        """Return how vivid the colour is: 0 for grey, about 0.3 at most."""
        return math.sqrt(self.red * self.red + self.yellow * self.yellow)

    def with_chroma(self, chroma: float) -> "Oklab":
        """Return the colour with another chroma. Grey stays grey."""
        now = self.chroma()
        scale = chroma / now if now > _GREY else 0.0
        return Oklab(self.lightness, self.red * scale, self.yellow * scale)

    def is_yellow(self) -> bool:
        """Return whether the hue is between orange and lime, which look muddy when dark."""
        cosine, sine = direction(_YELLOW)
        chroma = self.chroma()
        return chroma > _GREY and self.red * cosine + self.yellow * sine > _YELLOWNESS * chroma

    def is_muddy(self) -> bool:
        """Return whether the colour is brown or olive."""
        cosine, sine = direction(_MUD)
        chroma = self.chroma()
        dull = _MUDDY_CHROMA[0] < chroma < _MUDDY_CHROMA[1] and self.lightness < _MUDDY_LIGHTNESS
        return dull and self.red * cosine + self.yellow * sine > _MUDDINESS * chroma


@lru_cache(maxsize=1024)
def direction(degrees: int) -> tuple[float, float]:
    """Return the cosine and sine of a whole number of degrees, rounded to be equal on every machine."""
    radians = math.radians(degrees % 360)
    return round(math.cos(radians) * _FINEST) / _FINEST, round(math.sin(radians) * _FINEST) / _FINEST


@lru_cache(maxsize=4096)
def to_oklab(colour: Colour) -> Oklab:
    """Convert a colour to Oklab."""
    red, green, blue = (_LINEAR[channel] for channel in colour)
    long = _root(0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue, 3)
    medium = _root(0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue, 3)
    short = _root(0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue, 3)
    return Oklab(
        0.2104542553 * long + 0.7936177850 * medium - 0.0040720468 * short,
        1.9779984951 * long - 2.4285922050 * medium + 0.4505937099 * short,
        0.0259040371 * long + 0.7827717662 * medium - 0.8086757660 * short,
    )


def to_colour(oklab: Oklab) -> Colour:
    """Convert to sRGB. A colour outside sRGB keeps its lightness and hue and loses chroma."""
    lightness = min(max(oklab.lightness, 0.0), 1.0)
    scale = 1.0
    if not _fits(*_linear(lightness, oklab.red, oklab.yellow)):
        low, high = 0.0, 1.0
        for _ in range(12):
            middle = (low + high) / 2
            if _fits(*_linear(lightness, oklab.red * middle, oklab.yellow * middle)):
                low = middle
            else:
                high = middle
        scale = low
    red, green, blue = _linear(lightness, oklab.red * scale, oklab.yellow * scale)
    return Colour(bisect_right(_BORDERS, red), bisect_right(_BORDERS, green), bisect_right(_BORDERS, blue))


def distance(one: Colour, other: Colour) -> float:
    """Return how different two colours look: 0.02 is just visible, 1 is black beside white."""
    return math.dist(to_oklab(one), to_oklab(other))


def luminance(colour: Colour) -> float:
    """Return WCAG's relative luminance, 0 to 1.

    https://www.w3.org/TR/WCAG22/#dfn-relative-luminance
    """
    red, green, blue = (_LINEAR[channel] for channel in colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _root(number: float, degree: int) -> float:
    """Return the root of a number from 0 to 1.

    Newton's method approaches it from above and stops when it rises.
    """
    if number <= 0:
        return 0.0
    root = 1.0
    while True:
        power = 1.0
        for _ in range(degree - 1):
            power *= root
        nearer = ((degree - 1) * root + number / power) / degree
        if nearer >= root:
            return root
        root = nearer


def _decoded(channel: float) -> float:
    """Return the linear light, 0 to 1, of an sRGB channel: `((c + 0.055) / 1.055) ** 2.4`."""
    part = channel / 255
    if part <= 0.04045:
        return part / 12.92
    base = (part + 0.055) / 1.055
    fifth = _root(base, 5)
    return base * base * fifth * fifth


_LINEAR = [_decoded(channel) for channel in range(256)]
_BORDERS = [_decoded(channel + 0.5) for channel in range(255)]
"""The linear light halfway between each channel value and the next."""


def _linear(lightness: float, red: float, yellow: float) -> tuple[float, float, float]:
    """Return linear red, green and blue. They are outside 0 to 1 for a colour outside sRGB."""
    long = lightness + 0.3963377774 * red + 0.2158037573 * yellow
    medium = lightness - 0.1055613458 * red - 0.0638541728 * yellow
    short = lightness - 0.0894841775 * red - 1.2914855480 * yellow
    long, medium, short = long * long * long, medium * medium * medium, short * short * short
    return (
        4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
    )


_LOWEST, _HIGHEST = -1e-4, 1 + 1e-4


def _fits(red: float, green: float, blue: float) -> bool:
    return _LOWEST <= red <= _HIGHEST and _LOWEST <= green <= _HIGHEST and _LOWEST <= blue <= _HIGHEST
