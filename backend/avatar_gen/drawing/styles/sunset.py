"""`sunset`: a banded sky, a sun, and land or sea in front of it."""

from collections.abc import Callable, Sequence

from avatar_gen.drawing.contrast import contrast
from avatar_gen.drawing.drawing import Style, StyleInput, Svg, Vector
from avatar_gen.drawing.harmony import (
    blend,
    by_lightness,
    half,
    lit,
    palette,
    silhouette,
    third_colour,
)
from avatar_gen.drawing.oklab import to_oklab
from avatar_gen.drawing.palette import Colour
from avatar_gen.drawing.seed import Chance
from avatar_gen.drawing.shapes import disc, ground, path

_SIDE = 64

_MIX = ((0.0, 0.0), (1 / 3, 0.0), (2 / 3, 0.0), (1.0, 0.0), (1.0, 0.3))
"""The mix of each band of the sky from the top: how far from the dark colour to the third colour, and then to
the light colour. The sun has the light colour, so it is lighter than every band."""

_SKY = range(len(_MIX))
_SUN, _FAR, _NEAR = range(len(_MIX), len(_MIX) + 3)

_SUN_CONTRAST = 2.0
"""If the two colours have a lower contrast than this, the sun is lighter than both."""

_VIVID = 0.05
"""The lowest chroma of a band of the sky that does not look grey."""

_Paint = Callable[[Sequence[str]], str]


def _draw(chance: Chance, style_input: StyleInput) -> Vector:
    dark, light = by_lightness(style_input.primary, style_input.foreign)
    sky = _sky(third_colour(chance, style_input), dark, light)
    sun = light if contrast(light, dark) > _SUN_CONTRAST else lit(light, 0.95)
    land = silhouette(dark)
    colours = palette(*sky, sun, blend(land, sky[-1], 0.45), land)

    horizon = 40 + chance.below(7)
    x, radius = 22 + chance.below(21), 8 + chance.below(6)
    y = horizon - radius + chance.below(radius // 2 + 1) - chance.below(5)
    sky_at = chance.choice((_bands, _bands, _halos))(chance, horizon, x, y, radius)
    scene = chance.choice((_sea, _hills, _peaks, _dunes))(chance, horizon, x, radius)

    def paint(fills: Sequence[str], _unique: str) -> str:
        return ground(_SIDE, fills[0]) + sky_at(fills) + disc(x, y, radius, fills[_SUN]) + scene(fills)

    return Vector(colours, Svg(_SIDE, paint))


def _sky(third: Colour, dark: Colour, light: Colour) -> list[Colour]:
    """Return the bands of the sky from the top.

    They go from dark through the third colour to light, unless that mix is muddy or grey.
    """
    skies: list[list[Colour]] = []
    for colour in (third, light, dark):
        skies.append(_mixed(half(colour, dark, light), dark, light))
        if _is_vivid(skies[-1]):
            return skies[-1]
    return max(skies, key=_vividness)


def _mixed(glow: Colour, dark: Colour, light: Colour) -> list[Colour]:
    return [blend(blend(dark, glow, to_glow), light, to_light) for to_glow, to_light in _MIX]


def _is_vivid(sky: list[Colour]) -> bool:
    return _vividness(sky) > _VIVID and not any(to_oklab(band).is_muddy() for band in sky)


def _vividness(sky: list[Colour]) -> float:
    return min(to_oklab(band).chroma() for band in sky[1:])


def _bands(chance: Chance, horizon: int, _x: int, _y: int, _radius: int) -> _Paint:
    """Paint bands of sky, each narrower than the one above."""
    first = 9 + chance.below(6)
    tops = [first + (horizon - first) * tenths // 10 for tenths in (0, 4, 7, 9)]
    return lambda fills: "".join(
        path(f"M0 {top}h{_SIDE}V{_SIDE}H0z", fills[band]) for band, top in zip(_SKY[1:], tops, strict=True)
    )


def _halos(chance: Chance, _horizon: int, x: int, y: int, radius: int) -> _Paint:
    """Paint bands of sky around the sun."""
    width = (34 + chance.below(5) - radius) // (len(_SKY) - 1)
    return lambda fills: "".join(
        disc(x, y, radius + width * (len(_SKY) - band), fills[band]) for band in _SKY[1:]
    )


def _sea(chance: Chance, horizon: int, sun_x: int, radius: int) -> _Paint:
    """Paint water with the reflection of the sun."""
    bars = []
    for y in range(horizon + 2 + chance.below(2), _SIDE - 5, 4):
        width = max(2, radius - (y - horizon) // 3 - chance.below(5))
        x = sun_x + chance.below(5) - 2
        bars.append(f"M{x - width} {y}h{2 * width}v2h{-2 * width}z")
    return lambda fills: (
        path(f"M0 {horizon}h{_SIDE}V{_SIDE}H0z", fills[_NEAR]) + path("".join(bars), fills[_SUN])
    )


def _hills(chance: Chance, horizon: int, _x: int, _radius: int) -> _Paint:
    outlines = [
        f"M0 {y}C{12 + chance.below(12)} {y - 10 + chance.below(16)} {38 + chance.below(12)} "
        f"{y - 10 + chance.below(18)} {_SIDE} {y - 4 + chance.below(8)}V{_SIDE}H0z"
        for y in (horizon, horizon + 9)
    ]
    return _land(outlines)


def _peaks(chance: Chance, horizon: int, _x: int, _radius: int) -> _Paint:
    outlines = [
        f"M0 {y}L{6 + chance.below(10)} {y - 4 - chance.below(9)}L{20 + chance.below(6)} {y + 3}"
        f"L{32 + chance.below(10)} {y - 6 - chance.below(10)}L{46 + chance.below(6)} {y + 2}"
        f"L{54 + chance.below(6)} {y - 2 - chance.below(6)}L{_SIDE} {y}V{_SIDE}H0z"
        for y in (horizon + 2, horizon + 13)
    ]
    return _land(outlines)


def _dunes(chance: Chance, horizon: int, _x: int, _radius: int) -> _Paint:
    rise, fall = horizon + chance.below(6), horizon + 6 + chance.below(8)
    crest = 14 + chance.below(36)
    far = f"M0 {horizon}Q{crest} {horizon - 2 - chance.below(4)} {_SIDE} {rise}V{_SIDE}H0z"
    slopes = f"Q{crest} {fall - 4} {crest} {fall - 6}Q{crest + 4} {fall + 6} {_SIDE} {fall + 8}"
    return _land([far, f"M0 {fall}{slopes}V{_SIDE}H0z"])


def _land(outlines: Sequence[str]) -> _Paint:
    """Paint two layers of land. The far one is lighter, as in haze."""
    far, near = outlines
    return lambda fills: path(far, fills[_FAR]) + path(near, fills[_NEAR])


SUNSET = Style("sunset", "Sunset", _draw)
