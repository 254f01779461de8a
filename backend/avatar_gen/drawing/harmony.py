"""Colours that go together: two that a seed chooses, and more that a style makes of two."""

import colorsys
import math
from typing import NamedTuple

import numpy as np

from avatar_gen.drawing.contrast import LEGIBLE, contrast
from avatar_gen.drawing.oklab import Oklab, direction, to_colour, to_oklab
from avatar_gen.drawing.palette import Colour, Palette
from avatar_gen.drawing.seed import Chance

_STEP = 0.01
"""Of lightness, by which a foreign colour is moved away from one that it is too near to."""


class _Range(NamedTuple):
    low: float
    high: float


class _Pairing(NamedTuple):
    """Two colours in Oklab: lightness and chroma of each, and how far the foreign one's hue may be turned."""

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
    # Bright on the dark of night.
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
"""For a yellow, which is mud when dark; nor is the dark colour beside a light one to be yellow."""

ACCENTS = (-75, -50, -30, 30, 50, 75)
"""Degrees from a hue to those that go with it."""

_LEAST_ACCENT = 0.14
"""The chroma of a third colour, but for one made of greys."""

_TOLD_APART = 0.16
"""A difference of lightness that is seen in the smallest shapes."""

_LEAST_YELLOW = 0.76
"""How light a third colour is whose hue is mud when dark."""

_NEAR = (-10, 0, 0, 10)
"""Degrees by which a foreign colour may leave a hue that was asked for."""


def seed_colours(seed: str, hue: int | None = None) -> tuple[Colour, Colour]:
    """The primary and the foreign colour that a seed chooses, `LEGIBLE` or more apart.

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


def blend(one: Colour, other: Colour, part: float) -> Colour:
    """What lies `part`, 0 to 1, of the way from one colour to another."""
    return to_colour(to_oklab(one).mixed(to_oklab(other), part))


def lit(colour: Colour, lightness: float) -> Colour:
    """A colour at a lightness from 0 to 1, as vivid as it can be up to what it was."""
    return to_colour(to_oklab(colour).with_lightness(lightness))


def half(colour: Colour, one: Colour, other: Colour) -> Colour:
    """A colour, half-way between two in lightness: as light as their mix, without the grey of mixed hues."""
    return lit(colour, (to_oklab(one).lightness + to_oklab(other).lightness) / 2)


def accent(primary: Colour, foreign: Colour, degrees: int) -> Colour:
    """A third colour, told from both by its lightness: the hue of the more vivid one, turned.

    Of two greys it is a third grey.
    """
    both = to_oklab(primary), to_oklab(foreign)
    hue = max(both, key=Oklab.chroma).turned(degrees)
    hue = hue.with_chroma(max(hue.chroma(), min(_LEAST_ACCENT, 4 * hue.chroma())))
    low, high = sorted(each.lightness for each in both)
    if high - low > 2 * _TOLD_APART:
        lightness = (low + high) / 2
    else:
        lightness = high + _TOLD_APART if low + high < 1.1 else low - _TOLD_APART
    light_is_free = all(abs(each.lightness - _LEAST_YELLOW) > _TOLD_APART / 2 for each in both)
    if hue.is_yellow() and light_is_free:
        lightness = max(lightness, _LEAST_YELLOW)
    return to_colour(hue.with_lightness(lightness))


def ink(primary: Colour, foreign: Colour) -> Colour:
    """The primary colour's hue, very dark or very light, whichever is told from both colours better."""
    both = to_oklab(primary).lightness, to_oklab(foreign).lightness
    return lit(primary, max((0.22, 0.96), key=lambda lightness: min(abs(lightness - each) for each in both)))


def shadow(colour: Colour) -> Colour:
    """A colour where less light falls on it."""
    return lit(colour, 0.82 * to_oklab(colour).lightness)


def silhouette(colour: Colour) -> Colour:
    """A colour against the light."""
    return lit(colour, min(0.65 * to_oklab(colour).lightness, 0.32))


def eye(colour: Colour) -> tuple[Colour, Colour]:
    """The white and the pupil of an eye in a face of a colour, both with a touch of it."""
    hue = to_oklab(colour)
    white, pupil = hue.with_chroma(0.01).with_lightness(0.985), hue.with_chroma(0.04).with_lightness(0.2)
    return to_colour(white), to_colour(pupil)


def line_on(colour: Colour) -> Colour:
    """What is drawn with on a colour: the white or the black of its eye, whichever contrasts more."""
    return max(eye(colour), key=lambda line: contrast(colour, line))


def by_lightness(one: Colour, other: Colour) -> tuple[Colour, Colour]:
    """Both, the darker one first."""
    return (one, other) if to_oklab(one).lightness <= to_oklab(other).lightness else (other, one)


def palette(*colours: Colour) -> Palette:
    """A palette of these colours."""
    return np.array(colours, dtype=np.uint8)


def _colour(degrees: int, lightness: float, chroma: float) -> Oklab:
    cosine, sine = direction(degrees)
    return Oklab(lightness, chroma * cosine, chroma * sine)


def _hue_of_css(hue: int) -> int:
    """The hue in Oklab, in degrees, of one in CSS's `hsl()`: that of `hsl(hue 70% 60%)`.

    Colours that are lighter, darker or less vivid are within 11 degrees of the hue asked for, too.
    """
    channels = colorsys.hls_to_rgb(hue / 360, 0.6, 0.7)
    _, red, yellow = to_oklab(Colour(*(round(255 * channel) for channel in channels)))
    return round(math.degrees(math.atan2(yellow, red))) % 360


def _parted(foreign: Oklab, primary: Colour) -> Colour:
    """The foreign colour, moved away from the primary one in lightness until it is `LEGIBLE` off."""
    colour = to_colour(foreign)
    if contrast(primary, colour) >= LEGIBLE:
        return colour
    step = _STEP if foreign.lightness > to_oklab(primary).lightness else -_STEP
    while contrast(primary, colour) < LEGIBLE:
        foreign = foreign.with_lightness(foreign.lightness + step)
        colour = to_colour(foreign)
    return colour
