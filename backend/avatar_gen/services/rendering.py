"""The use case of avatars by URL: draw what an address says, and keep what memory has room for."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from typing import NamedTuple

from avatar_gen import __version__
from avatar_gen.drawing import dicebear
from avatar_gen.drawing.contrast import contrast
from avatar_gen.drawing.dicebear_options import Value
from avatar_gen.drawing.drawing import DEFAULT_ANGLE, StyleInput
from avatar_gen.drawing.filters import FILTERS, in_svg
from avatar_gen.drawing.harmony import seed_colours
from avatar_gen.drawing.palette import Colour
from avatar_gen.drawing.palettes import choose
from avatar_gen.drawing.styles import draw, traits
from avatar_gen.drawing.svg import Shape, filtered, with_own_ids
from avatar_gen.imaging import MADE_BY, MEDIA_TYPES, memory_of
from avatar_gen.imaging.pictures import MOST_CUT, draw_picture
from avatar_gen.imaging.pool import Pool
from avatar_gen.imaging.svg import encode_svg
from avatar_gen.runtime.cache import PictureCache
from avatar_gen.telemetry.request_statistics import RequestStatistics

DICEBEAR_TYPES = {"svg": "image/svg+xml", "json": "application/json", **MEDIA_TYPES}
"""The formats of DiceBear's HTTP API."""

DEFAULT_PX = 128
MAX_PX = 1024
"""The width of a picture by URL, of whatever style, where none is asked for, and the largest."""


QUICK_PX = 256
"""A flat drawing of this width or less is written as PNG in at most 0.5 ms, so on the event loop: a hop to a
thread costs 0.1 ms, and waits for the interpreter's lock."""


@dataclass(frozen=True)
class RenderOptions:
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

    def style_input(self, seed: str) -> StyleInput:
        """What to draw with; takes as long as choosing colours does."""
        primary, foreign, palette = self._colours(seed)
        text = seed if self.text is None else self.text
        return StyleInput(primary, foreign, self.angle, text, palette)

    def _colours(self, seed: str) -> tuple[Colour, Colour, tuple[Colour, ...]]:
        """Return the primary and the foreign colour, and the curated palette that they are from, if any."""
        if self.primary and self.foreign:
            return self.primary, self.foreign, ()
        given = self.primary or self.foreign
        if given is None and self.hue is None:
            return choose(seed)
        chosen = seed_colours(seed, self.hue)
        if given is None:
            return *chosen, ()
        # The colours of the seed contrast with each other, so one of them contrasts with the given colour.
        other = max(chosen, key=lambda colour: contrast(given, colour))
        return (given, other, ()) if self.primary else (other, given, ())


class RenderRequest(NamedTuple):
    """A picture that is asked for."""

    style: str
    seed: str
    media: str
    """One of `imaging.DRAWN_TYPES`."""
    options: RenderOptions

    @property
    def made_by(self) -> str:
        """The releases of all that has a say in the file's bytes."""
        return MADE_BY[self.media]

    @property
    def memory(self) -> int:
        """The most bytes that making the file takes."""
        return memory_of(self.options.px, self.media)

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
            draw(self.style, self.seed, options.style_input(self.seed)),
            options.px,
            media=self.media,
            recolour=FILTERS.get(options.filter or ""),
            shape=options.shape,
            # An id begins with a letter.
            unique=f"a{self.key().hex()[:15]}" if self.media == "svg" else "",
        )


@dataclass(frozen=True, slots=True)
class DicebearRequest:
    """An avatar of a style of DiceBear's that is asked for."""

    style: str
    options: Mapping[str, Value]
    """What the style's `options` read, the seed among them."""
    media: str
    """One of `DICEBEAR_TYPES`."""
    filter: str | None = None
    own_ids: bool = False
    """Whether an SVG is to have ids that no other has; DiceBear's own may."""

    @property
    def made_by(self) -> str:
        """The releases of all that has a say in the file's bytes."""
        return f"{dicebear.RELEASE}-{MADE_BY.get(self.media, __version__)}"

    @property
    def memory(self) -> int:
        """The most bytes that making the file takes."""
        filtered = self.filter is not None or dicebear.has_filters(self.style)
        return memory_of(self._px, self.media, filtered=filtered)

    def key(self) -> bytes:
        """16 bytes that no other picture has."""
        made_of = json.dumps(["dicebear", self.style, self.media, self.filter, self.own_ids, self.options])
        return blake2b(made_of.encode(), digest_size=16).digest()

    def is_quick(self) -> bool:
        """Whether it may be drawn on the event loop: no, it takes milliseconds."""
        return False

    def draw(self) -> bytes:
        """The file. Raises `InvalidRequest` for letters that there is no font for."""
        if self.media == "json":
            return dicebear.draw_json(self.style, self.options).encode()
        if self.media == "svg":
            document = self._svg(self.options)
            if self.own_ids:
                document = with_own_ids(document, f"a{self.key().hex()[:15]}")
            return document.encode()
        return encode_svg(self._svg({**self.options, "size": self._px}), self._px, self.media)

    @property
    def _px(self) -> int:
        size = self.options.get("size", DEFAULT_PX)
        assert isinstance(size, int)  # noqa: S101 - it was read as a whole number
        return min(size, MAX_PX)

    def _svg(self, options: Mapping[str, Value]) -> str:
        document = dicebear.draw_svg(self.style, options)
        if self.filter is None:
            return document
        return filtered(document, in_svg(self.filter), f"f{self.key().hex()[:15]}")


class Renderer:
    """Draws pictures, here or in the pool, and remembers them."""

    def __init__(self, pool: Pool, cache: PictureCache, statistics: RequestStatistics) -> None:
        self._pool = pool
        self._cache = cache
        self._statistics = statistics

    async def render(self, wanted: RenderRequest | DicebearRequest, key: bytes) -> bytes:
        """The file that was asked for; `key` is its own. Raises `Overloaded`."""
        style = wanted.style if isinstance(wanted, RenderRequest) else f"dicebear/{wanted.style}"
        kind = (style, wanted.media)
        return await self.encode(key, wanted.draw, kind, memory=wanted.memory, quick=wanted.is_quick())

    async def encode(
        self,
        key: bytes,
        make: Callable[[], bytes],
        kind: tuple[str, str],
        *,
        memory: int,
        quick: bool = False,
    ) -> bytes:
        """The picture under a key, made where it is not remembered: on the event loop if that is quick.

        `kind` is the style and the format that it counts as, `memory` the most bytes that making it takes.
        Raises `Overloaded`.
        """
        picture = self._cache.get(key)
        if picture is not None:
            return picture
        if not quick:
            return await self._cache.get_or_make(key, lambda: self._in_pool(memory, make, kind))
        await self._pool.queue.acquire()
        # It may have been made while we waited.
        picture = self._cache.get(key)
        if picture is not None:
            return picture
        picture = make()
        self._statistics.renders[kind] += 1
        return self._cache.put(key, picture)

    async def _in_pool(self, memory: int, make: Callable[[], bytes], kind: tuple[str, str]) -> bytes:
        picture = await self._pool.run(memory, make)
        self._statistics.renders[kind] += 1
        return picture
