"""Colours that go together: those that a seed chooses, and those that a style derives from two."""

import colorsys
import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from avatar_gen.drawing.contrast import GRAPHICS_CONTRAST, contrast
from avatar_gen.drawing.drawing import StyleInput
from avatar_gen.drawing.oklab import Oklab, direction, to_colour, to_oklab
from avatar_gen.drawing.palette import Colour, Palette
from avatar_gen.drawing.palettes import drawable_on
from avatar_gen.drawing.seed import Chance

_CACHED = 4096
"""Results that are cached. The curated palettes have few pairs of colours, so most mixes recur."""

_STEP = 0.01
"""The step of lightness by which a foreign colour moves away from a primary colour that is too similar."""


class _Range(NamedTuple):
    low: float
    high: float


class _Pairing(NamedTuple):
    """Ranges in Oklab for a pair of colours, and the possible rotations of the foreign colour's hue."""

    lightness: _Range
    chroma: _Range
    foreign_lightness: _Range
    foreign_chroma: _Range
    turns: tuple[int, ...]


_PAIRINGS = (
    # Vivid on a pale tint.
    _Pairing(_Range(0.53, 0.61), _Range(0.17, 0.23), _Range(0.93, 0.97), _Range(0.02, 0.05), (0, 0, -60, 60)),
    # Deep on a pastel.
    _Pairing(
        _Range(0.36, 0.48), _Range(0.13, 0.20), _Range(0.82, 0.90), _Range(0.07, 0.12), (-50, 0, 50, 180)
    ),
    # Bright on dark.
    _Pairing(
        _Range(0.74, 0.84), _Range(0.13, 0.18), _Range(0.25, 0.34), _Range(0.07, 0.13), (-70, 0, 40, 180)
    ),
    # Light on vivid.
    _Pairing(
        _Range(0.86, 0.93), _Range(0.08, 0.16), _Range(0.46, 0.56), _Range(0.15, 0.22), (-100, -40, 40, 150)
    ),
    # Ink on vivid.
    _Pairing(
        _Range(0.28, 0.36), _Range(0.09, 0.15), _Range(0.74, 0.84), _Range(0.12, 0.18), (-150, -60, 60, 110)
    ),
)

_LIGHT_PAIRINGS = (_PAIRINGS[2], _PAIRINGS[3])
"""The pairings for yellow hues, which look muddy when dark."""

ACCENTS = (-75, -50, -30, 30, 50, 75)
"""Rotations, in degrees, from a hue to hues that go with it."""

_ACCENT_CHROMA = 0.14
"""The lowest chroma of an accent, unless it is made of greys."""

_DISTINCT = 0.16
"""A difference of lightness that is visible in the smallest shapes."""

_YELLOW_LIGHTNESS = 0.76
"""The lowest lightness of a yellow accent."""

_TO_ORANGE, _ORANGE_AT = 42, 0.3
"""The rotation of a yellow in degrees, at this loss of lightness and more."""

_NEAR = (-10, 0, 0, 10)
"""Rotations of the foreign colour's hue, in degrees, if the request names a hue."""


def seed_colours(seed: str, hue: int | None = None) -> tuple[Colour, Colour]:
    """The primary and the foreign colour that a seed chooses, `GRAPHICS_CONTRAST` or more apart.

    With a hue, 0 to 359 as in CSS's `hsl()`, the primary colour is of it and the foreign one near it.
    """
    chance = Chance("colours", seed)
    any_hue, which = chance.below(360), chance.below(4)
    degrees = any_hue if hue is None else _hue_of_css(hue)
    pairing = chance.choice(_LIGHT_PAIRINGS if _colour(degrees, 0, 1).is_yellow() else _PAIRINGS)
    turn = (pairing.turns if hue is None else _NEAR)[which]
    if hue is None and pairing in _LIGHT_PAIRINGS and _colour(degrees + turn, 0, 1).is_yellow():
        turn += 180
    primary = _colour(degrees, chance.between(*pairing.lightness), chance.between(*pairing.chroma))
    lightness, chroma = pairing.foreign_lightness, pairing.foreign_chroma
    foreign = _colour(degrees + turn, chance.between(*lightness), chance.between(*chroma))
    return to_colour(primary), _parted(foreign, to_colour(primary))


@lru_cache(_CACHED)
def blend(one: Colour, other: Colour, part: float) -> Colour:
    """Return the colour that lies `part` (0 to 1) of the way from one colour to another, in Oklab."""
    return to_colour(to_oklab(one).mixed(to_oklab(other), part))


_CLEAN_CHROMA = 0.55
"""The lowest chroma of a clean mix, as a part of the chroma of its paler end."""


@lru_cache(_CACHED)
def mixes_cleanly(one: Colour, other: Colour) -> bool:
    """Return whether a gradient between two colours in sRGB avoids brown, olive and grey."""
    ends = to_oklab(one), to_oklab(other)
    for quarters in (1, 2, 3):
        pairs = zip(one, other, strict=True)
        mix = to_oklab(Colour(*(((4 - quarters) * a + quarters * b) // 4 for a, b in pairs)))
        expected = min(end.chroma() for end in ends)
        if mix.is_muddy() or mix.chroma() < _CLEAN_CHROMA * expected:
            return False
    return True


def lit(colour: Colour, lightness: float) -> Colour:
    """Return a colour at another lightness, 0 to 1, with the same hue and at most the same chroma.

    A yellow turns towards orange as it gets darker, because a dark yellow looks muddy.
    """
    oklab = to_oklab(colour)
    if oklab.is_yellow():
        darker = min(max(oklab.lightness - lightness, 0.0), _ORANGE_AT) / _ORANGE_AT
        oklab = oklab.turned(-round(darker * _TO_ORANGE))
    return to_colour(oklab.with_lightness(lightness))


def half(colour: Colour, one: Colour, other: Colour) -> Colour:
    """Return a colour at the mean lightness of two others. Unlike a mix of two hues, it is not greyish."""
    return lit(colour, (to_oklab(one).lightness + to_oklab(other).lightness) / 2)


def midtone(primary: Colour, foreign: Colour) -> Colour:
    """Return a colour between two others: their mix, or if that is muddy, a shade of the primary colour."""
    if mixes_cleanly(primary, foreign):
        return blend(primary, foreign, 0.5)
    return half(primary, primary, foreign)


def accent(primary: Colour, foreign: Colour, degrees: int) -> Colour:
    """Return a third colour of a different lightness: the hue of the more vivid colour, rotated by degrees.

    The accent of two greys is a grey.
    """
    both = to_oklab(primary), to_oklab(foreign)
    hue = max(both, key=Oklab.chroma).turned(degrees)
    hue = hue.with_chroma(max(hue.chroma(), min(_ACCENT_CHROMA, 4 * hue.chroma())))
    low, high = sorted(each.lightness for each in both)
    if high - low > 2 * _DISTINCT:
        lightness = (low + high) / 2
    else:
        lightness = high + _DISTINCT if low + high < 1.1 else low - _DISTINCT
    light_is_free = all(abs(each.lightness - _YELLOW_LIGHTNESS) > _DISTINCT / 2 for each in both)
    if hue.is_yellow() and light_is_free:
        lightness = max(lightness, _YELLOW_LIGHTNESS)
    return to_colour(hue.with_lightness(lightness))


def third_colour(chance: Chance, style_input: StyleInput) -> Colour:
    """Return a colour to use beside the primary and the foreign one. It draws one number.

    It is a colour of the palette with enough contrast to the ground, or else an `accent`.
    """
    primary, foreign, number = style_input.primary, style_input.foreign, chance.below(len(ACCENTS))
    drawable = drawable_on(foreign, style_input.palette)
    others = [colour for colour in drawable if colour != primary]
    return others[number % len(others)] if others else accent(primary, foreign, ACCENTS[number])


def ink(primary: Colour, foreign: Colour) -> Colour:
    """Return the primary colour very dark or very light, whichever differs more from both colours."""
    both = to_oklab(primary).lightness, to_oklab(foreign).lightness
    return lit(primary, max((0.22, 0.96), key=lambda lightness: min(abs(lightness - each) for each in both)))


def shadow(colour: Colour) -> Colour:
    """Return a colour as it looks in shadow."""
    return lit(colour, 0.82 * to_oklab(colour).lightness)


def silhouette(colour: Colour) -> Colour:
    """Return a colour as it looks against the light."""
    return lit(colour, min(0.65 * to_oklab(colour).lightness, 0.32))


def eye(colour: Colour) -> tuple[Colour, Colour]:
    """Return the white and the pupil of an eye, both tinted with the face's colour."""
    hue = to_oklab(colour)
    white, pupil = hue.with_chroma(0.01).with_lightness(0.985), hue.with_chroma(0.04).with_lightness(0.2)
    return to_colour(white), to_colour(pupil)


def line_on(colour: Colour) -> Colour:
    """Return the colour of lines on a colour: the white or the pupil of its eye, whichever contrasts more."""
    return max(eye(colour), key=lambda line: contrast(colour, line))


def by_lightness(one: Colour, other: Colour) -> tuple[Colour, Colour]:
    """Return both colours, the darker one first."""
    return (one, other) if to_oklab(one).lightness <= to_oklab(other).lightness else (other, one)


def palette(*colours: Colour) -> Palette:
    """Return a palette of these colours."""
    return np.array(colours, dtype=np.uint8)


def _colour(degrees: int, lightness: float, chroma: float) -> Oklab:
    cosine, sine = direction(degrees)
    return Oklab(lightness, chroma * cosine, chroma * sine)


def _hue_of_css(hue: int) -> int:
    """Convert a hue of CSS's `hsl()` to the hue in Oklab of `hsl(hue 70% 60%)`, in degrees.

    Lighter, darker and paler colours of the result are within 11 degrees of the requested hue.
    """
    channels = colorsys.hls_to_rgb(hue / 360, 0.6, 0.7)
    _, red, yellow = to_oklab(Colour(*(round(255 * channel) for channel in channels)))
    return round(math.degrees(math.atan2(yellow, red))) % 360


def _parted(foreign: Oklab, primary: Colour) -> Colour:
    """Return the foreign colour, made lighter or darker until its contrast is `GRAPHICS_CONTRAST`."""
    colour = to_colour(foreign)
    if contrast(primary, colour) >= GRAPHICS_CONTRAST:
        return colour
    step = _STEP if foreign.lightness > to_oklab(primary).lightness else -_STEP
    while contrast(primary, colour) < GRAPHICS_CONTRAST:
        foreign = foreign.with_lightness(foreign.lightness + step)
        colour = to_colour(foreign)
    return colour
