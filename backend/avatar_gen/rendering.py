"""The use case of avatars by URL: draw what an address says, and keep what memory has room for."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from typing import NamedTuple

import numpy as np

from avatar_gen.cache import PictureCache
from avatar_gen.drawing.drawing import DEFAULT_ANGLE, Look
from avatar_gen.drawing.filters import FILTERS, grayscale
from avatar_gen.drawing.harmony import seed_colours
from avatar_gen.drawing.palette import Colour
from avatar_gen.drawing.styles import draw, traits
from avatar_gen.drawing.svg import Shape
from avatar_gen.figures import Figures
from avatar_gen.imaging import MADE_BY
from avatar_gen.imaging.drawings import MOST_CUT, draw_picture
from avatar_gen.imaging.pool import Pool
from avatar_gen.sketches import DEFAULT_PX, Sketch

QUICK_PX = 256
"""A flat drawing of this width or less is written as PNG in at most 0.5 ms, so on the event loop: a hop to a
thread costs 0.1 ms, and waits for the interpreter's lock."""


@dataclass(frozen=True)
class Appearance:
    """How a picture is to look, apart from its style, seed and format. Names are known ones."""

    px: int = DEFAULT_PX
    primary: Colour | None = None
    """None for each colour that the seed is to choose."""
    foreign: Colour | None = None
    hue: int | None = None
    """0 to 359: what such colours are kept to."""
    angle: float = DEFAULT_ANGLE
    text: str | None = None
    """What a style that writes takes its letters from; None: the seed."""
    filter: str | None = None
    shape: Shape = "square"

    @cached_property
    def canonical(self) -> bytes:
        """The same for all ways to ask for the same."""
        primary, foreign = (colour and tuple(colour) for colour in (self.primary, self.foreign))
        said = (self.px, primary, foreign, self.hue, self.angle, self.text, self.filter, self.shape)
        return repr(said).encode("utf-8", "backslashreplace")

    def look(self, seed: str) -> Look:
        """What to draw with; takes as long as choosing colours does."""
        primary, foreign = self._colours(seed)
        return Look(primary, foreign, self.angle, seed if self.text is None else self.text)

    def _colours(self, seed: str) -> tuple[Colour, Colour]:
        if self.primary and self.foreign:
            return self.primary, self.foreign
        chosen = seed_colours(seed, self.hue)
        given = self.primary or self.foreign
        if given is None:
            return chosen
        # Of the seed's two the one that stands out from the colour that was given: they stand out from each
        # other, so one of them does.
        lumas = grayscale(np.array((given, *chosen), dtype=np.uint8))[:, 0].astype(int)
        other = chosen[int(np.argmax(np.abs(lumas[1:] - lumas[0])))]
        return (given, other) if self.primary else (other, given)


class Rendition(NamedTuple):
    """A picture that is asked for."""

    style: str
    seed: str
    media: str
    """One of `imaging.DRAWN_TYPES`."""
    options: Appearance

    @property
    def made_by(self) -> str:
        """The releases of all that has a say in the file's bytes."""
        return MADE_BY[self.media]

    def key(self) -> bytes:
        """16 bytes that no other picture has."""
        made_of = (self.style.encode(), self.media.encode(), self.options.canonical, self.seed.encode())
        return blake2b(b"\0".join(made_of), digest_size=16).digest()

    def is_quick(self) -> bool:
        """Whether it may be drawn on the event loop."""
        if self.media != "png":
            return self.media == "svg"
        kind = traits(self.style)
        cut_in_no_time = self.options.shape == "square" or kind.colours <= MOST_CUT
        return self.options.px <= QUICK_PX and kind.exact and cut_in_no_time

    def draw(self) -> bytes:
        """The file."""
        options = self.options
        return draw_picture(
            draw(self.style, self.seed, options.look(self.seed)),
            options.px,
            media=self.media,
            recolour=FILTERS.get(options.filter or ""),
            shape=options.shape,
            # An id begins with a letter.
            unique=f"a{self.key().hex()[:15]}" if self.media == "svg" else "",
        )


class Renderer:
    """Draws pictures, here or in the pool, and remembers them."""

    def __init__(self, pool: Pool, cache: PictureCache, figures: Figures) -> None:
        self._pool = pool
        self._cache = cache
        self._figures = figures

    async def render(self, wanted: Rendition | Sketch, key: bytes) -> bytes:
        """The file that was asked for; `key` is its own. Raises `Overloaded`."""
        style = wanted.style if isinstance(wanted, Rendition) else f"dicebear/{wanted.style}"
        return await self.encode(key, wanted.draw, (style, wanted.media), quick=wanted.is_quick())

    async def encode(
        self, key: bytes, make: Callable[[], bytes], kind: tuple[str, str], *, quick: bool = False
    ) -> bytes:
        """The picture under a key, made where it is not remembered: on the event loop if that is quick.

        `kind` is the style and the format that it counts as. Raises `Overloaded`.
        """
        picture = self._cache.get(key)
        if picture is not None:
            return picture
        if not quick:
            return await self._cache.get_or_make(key, lambda: self._in_pool(make, kind))
        await self._pool.line.turn()
        # It may have been made while we waited.
        picture = self._cache.get(key)
        if picture is not None:
            return picture
        picture = make()
        self._figures.renders[kind] += 1
        return self._cache.put(key, picture)

    async def _in_pool(self, make: Callable[[], bytes], kind: tuple[str, str]) -> bytes:
        picture = await self._pool.run(make)
        self._figures.renders[kind] += 1
        return picture
