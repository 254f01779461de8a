"""Curated palettes: sets of five colours, from which the seed chooses those of a picture."""

from functools import lru_cache
from typing import NamedTuple

from avatar_gen.drawing.contrast import GRAPHICS_CONTRAST, contrast
from avatar_gen.drawing.oklab import distance
from avatar_gen.drawing.palette import Colour
from avatar_gen.drawing.seed import Chance

SIZE = 5

LOWEST_DISTANCE = 0.08
"""The lowest distance of two colours of a palette in Oklab: closer colours look like one."""


class UnusablePalette(ValueError):
    """The colours do not make a palette. The message says why."""


class CuratedPalette(NamedTuple):
    """Five colours by name."""

    name: str
    colours: tuple[Colour, ...]


class ChosenColours(NamedTuple):
    """The colours of one picture."""

    primary: Colour
    foreign: Colour
    """The ground. It has a contrast of `GRAPHICS_CONTRAST` or more with the primary colour."""
    palette: tuple[Colour, ...]
    """All colours of the palette."""


@lru_cache(maxsize=1024)
def drawable_on(ground: Colour, colours: tuple[Colour, ...]) -> tuple[Colour, ...]:
    """Return the colours that have a contrast of `GRAPHICS_CONTRAST` or more with the ground."""
    return tuple(colour for colour in colours if contrast(ground, colour) >= GRAPHICS_CONTRAST)


@lru_cache(maxsize=256)
def grounds(palette: CuratedPalette) -> list[tuple[Colour, tuple[Colour, ...]]]:
    """Return each colour that can be the ground, with the colours that can be drawn on it.

    A ground has two or more such colours, each with a contrast of `GRAPHICS_CONTRAST` or more.
    """
    pairs = [(ground, drawable_on(ground, palette.colours)) for ground in palette.colours]
    return [(ground, drawable) for ground, drawable in pairs if len(drawable) > 1]


def choose(seed: str, palette: CuratedPalette | None = None) -> ChosenColours:
    """Return the colours that a seed chooses: from the given palette, or from one of `PALETTES`."""
    chance = Chance("palettes", seed)
    any_palette = chance.choice(_ALL)
    ground, drawable = chance.choice(grounds(palette or any_palette))
    return ChosenColours(chance.choice(drawable), ground, (palette or any_palette).colours)


def build_palette(name: str, colours: tuple[Colour, ...]) -> CuratedPalette:
    """Return a palette. Raises `UnusablePalette` if the colours break a rule."""
    if len(colours) != SIZE:
        raise UnusablePalette(f"must have {SIZE} colours")
    for number, colour in enumerate(colours):
        for other in colours[:number]:
            if distance(colour, other) < LOWEST_DISTANCE:
                raise UnusablePalette(f"has two colours that look alike: {_hex(other)} and {_hex(colour)}")
    palette = CuratedPalette(name, colours)
    for colour in colours:
        if not drawable_on(colour, colours):
            raise UnusablePalette(
                f"has no colour with a contrast of {GRAPHICS_CONTRAST}:1 to {_hex(colour)}: "
                "make one of the others lighter or darker"
            )
    if not grounds(palette):
        raise UnusablePalette(
            f"needs a colour that has a contrast of {GRAPHICS_CONTRAST}:1 to two of the others"
        )
    return palette


def _hex(colour: Colour) -> str:
    return f"#{bytes(colour).hex()}"


_TABLE = """
sorbet     fff3e6 ffb59e d93d4a 8e3b8a 2b1b3d
lagoon     e8fbf6 7fe0d0 12848a 1f5fa8 0b2545
orchard    fff8e1 f6c445 d2492a 2f7a4a 1c3a3a
meadow     f4fbe8 b7e07a 2a8a4c 17708c 0e3b2e
dusk       ffe9d6 ff9e7a c8446b 6b3fa0 241a4a
harbor     eef4fa 9cc7ec 2b6cb0 d1495b 12263f
citrus     fffbe6 ffd84d d9541e 1f7f74 123b3a
berry      ffeff5 f7a8c9 c22d6b 7a2e8e 2d0f3a
glacier    f0f9ff a9ddf3 1f80ad 4a52a5 0f2a47
sahara     fbf1e3 f2c28b c2562d 86365a 2e2a4b
fjord      eaf6f3 8fd3c4 1e7f86 c8503a 14304a
plum       f8effa d9b3ec 8a45b8 b83a6a 2a1240
neon       12122b 2be4c0 ff5da2 ffd23f 7a68ff
arcade     101426 4cc9f0 ff4a9a fee440 a67bff
festival   fff6e5 ffc53d d93a36 1a7f9c 2e1f56
picnic     fffdf2 f9d65c d93f3f 2a7d55 22345c
mint       effcf5 a3e8c5 17806a 4c5fc9 16324f
coral      fff1ec ffb3a1 d44a3c 1c7c8c 123047
kiosk      fdf6ec f4b942 d0452f 1b7f79 1e2a4a
velvet     fbeaf0 f0a6b8 b8264e 5b2a86 1e1038
ember      fff2d9 ffb347 d1431f 8c1c3b 2a1024
aurora     e6fff7 7cf0c9 118076 6a4bc4 16183f
porcelain  f5f8fc b8cde8 3466a9 bd5538 1b2c47
blossom    fff5f7 fbc2d4 cf4675 2f7f6c 2b2d4e
canyon     fceee1 f3ae7d be4b34 5d5a9c 2a2440
lemonade   fffce0 f9e26b d6456f 2d79a8 283a63
iris       f3f2ff c0bcf7 5b50d0 b43e8f 1e1a4b
reef       e9faff 74d3ea 0e7c99 d94f39 0d2b45
pine       f1f7ee a8cfa0 2f7a52 7d559e 17332b
cocoa      fbf3ec e3bd9b ab5038 2f6f78 33202a
tulip      fff4f0 ffb0b8 d63a55 2f7d46 3a1730
midnight   0e1230 8fb4ff ffb86b ff6f91 6ee7b7
"""

_ALL = tuple(
    build_palette(name, tuple(map(Colour.from_hex, colours)))
    for name, *colours in map(str.split, _TABLE.strip().splitlines())
)

PALETTES = {palette.name: palette for palette in _ALL}
"""The built-in palettes by name. The order decides which palette a seed chooses."""
