"""The use case of pictures by URL: draw what a request asks for, and cache it in memory."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import NamedTuple, Protocol

from avatar_gen import __version__
from avatar_gen.avatar import MAX_SEED_LENGTH
from avatar_gen.drawing import dicebear
from avatar_gen.drawing.dicebear_options import Value
from avatar_gen.drawing.filters import FILTERS, in_svg
from avatar_gen.drawing.frames import Shape
from avatar_gen.drawing.palette import Filter
from avatar_gen.drawing.palettes import CuratedPalette
from avatar_gen.drawing.styles import draw, traits
from avatar_gen.drawing.svg import filtered, framed, with_own_ids
from avatar_gen.imaging import MADE_BY, MEDIA_TYPES, memory_of
from avatar_gen.imaging.pipeline import MAX_CUT_COLOURS, draw_picture, encode_svg
from avatar_gen.imaging.pool import Pool
from avatar_gen.imaging.xmp import write_xmp
from avatar_gen.runtime.cache import PictureCache
from avatar_gen.runtime.compression import MAGIC, pack
from avatar_gen.services.render_options import DEFAULT_PX, MAX_PX, RenderOptions
from avatar_gen.services.validation import refuse
from avatar_gen.telemetry.request_statistics import RequestStatistics

DICEBEAR_TYPES = {"svg": "image/svg+xml", "json": "application/json", **MEDIA_TYPES}
"""The formats of DiceBear's HTTP API."""

_QUICK_PX = 256
"""A flat drawing of at most this width is encoded as PNG on the event loop, since a switch to a thread takes
longer: docs/decisions/0005."""

_QUICK_SHAPES_PX = 128
"""The same for a drawing of shapes, if ThorVG draws it. libvips never runs on the event loop."""

_COSTLY_PX = 256
"""Width from which drawing a picture takes longer than getting it from Redis: docs/decisions/0024."""


def is_quick(style: str, px: int) -> bool:
    """Return whether a PNG of a style of this service may be drawn on the event loop."""
    kind = traits(style)
    if kind.exact:
        return px <= _QUICK_PX
    return px <= _QUICK_SHAPES_PX and not (kind.svg and kind.svg.splits_pixels(px))


def _takes_long(px: int, format_name: str) -> bool:
    return format_name == "avif" or (format_name in MEDIA_TYPES and px >= _COSTLY_PX)


class PictureRequest(Protocol):
    """A picture that a client asks for, whatever the family of its style."""

    @property
    def format_name(self) -> str:
        """Return the format."""

    @property
    def label(self) -> str:
        """Return the style as the statistics name it."""

    @property
    def made_by(self) -> str:
        """Return the versions of the libraries that affect the file's bytes."""

    @property
    def memory(self) -> int:
        """Return the maximum memory for making the file, in bytes."""

    def with_seed(self, seed: str, *, letters: str | None = None, field: str = "seed") -> "PictureRequest":
        """Return the same request for another seed and, in styles that write, for the letters of a name.

        `field` is the client's name for the seed. Raises `InvalidRequest`, which names it.
        """

    def key(self) -> bytes:
        """Return the cache key: a hash, 16 bytes, of everything that decides the picture."""

    def is_quick(self) -> bool:
        """Return whether the picture may be drawn on the event loop."""

    def is_costly(self) -> bool:
        """Return whether all processes should share the picture, instead of drawing it each."""

    def draw(self) -> bytes:
        """Return the file. Raises `InvalidRequest` for letters that no font has."""


class RenderRequest(NamedTuple):
    """A picture in one of the service's own styles."""

    style: str
    seed: str
    format_name: str
    """One of `imaging.DRAWN_TYPES`."""
    options: RenderOptions

    @property
    def label(self) -> str:
        """Return the style as the statistics name it."""
        return self.style

    @property
    def made_by(self) -> str:
        """Return the versions of the libraries that affect the file's bytes."""
        return MADE_BY[self.format_name]

    @property
    def memory(self) -> int:
        """Return the maximum memory for making the file, in bytes."""
        return memory_of(self.options.size, self.format_name)

    def with_seed(self, seed: str, *, letters: str | None = None, field: str = "seed") -> "RenderRequest":
        """Return the same request for another seed. Raises `InvalidRequest`."""
        if len(seed) > MAX_SEED_LENGTH:
            refuse(field, f"must have at most {MAX_SEED_LENGTH} characters")
        options = self.options if letters is None else self.options.with_name(letters)
        return RenderRequest(self.style, seed, self.format_name, options)

    def with_palette(self, palette: CuratedPalette) -> "RenderRequest":
        """Return the same request in the colours of a palette, which has a ground in `palettes.grounds`."""
        return self._replace(options=self.options.with_palette(palette))

    def key(self) -> bytes:
        """Return the cache key: a hash, 16 bytes, of everything that decides the picture."""
        inputs = (self.style.encode(), self.format_name.encode(), self.options.canonical, self.seed.encode())
        return blake2b(b"\0".join(inputs), digest_size=16).digest()

    def is_quick(self) -> bool:
        """Return whether the picture may be drawn on the event loop."""
        if self.format_name != "png":
            return self.format_name == "svg"
        is_quick_to_cut = self.options.shape == "square" or traits(self.style).colours <= MAX_CUT_COLOURS
        return is_quick_to_cut and is_quick(self.style, self.options.size)

    def is_costly(self) -> bool:
        """Return whether all processes should share the picture, instead of drawing it each."""
        is_flat = self.format_name == "png" and traits(self.style).exact
        return not is_flat and _takes_long(self.options.size, self.format_name)

    def draw(self) -> bytes:
        """Return the file."""
        options = self.options
        return draw_picture(
            draw(self.style, self.seed, options.style_input(self.style, self.seed)),
            options.size,
            format_name=self.format_name,
            recolour=FILTERS.get(options.filter or ""),
            shape=options.shape,
            # An id begins with a letter.
            unique=f"a{self.key().hex()[:15]}" if self.format_name == "svg" else "",
        )


@dataclass(frozen=True, slots=True)
class DicebearRequest:
    """A picture in one of DiceBear's styles."""

    style: str
    options: Mapping[str, Value]
    """The values that the style's options read, sorted by name; the seed is one of them."""
    format_name: str
    """One of `DICEBEAR_TYPES`."""
    filter: str | None = None
    shape: Shape = "square"
    """The shape to cut to, if DiceBear's own options cannot."""
    own_ids: bool = False
    """Whether to make the ids in an SVG unique. DiceBear's own ids can clash on a page."""

    @property
    def label(self) -> str:
        """Return the style as the statistics name it."""
        return f"dicebear/{self.style}"

    @property
    def made_by(self) -> str:
        """Return the versions of the libraries that affect the file's bytes."""
        return f"{dicebear.release_of(self.style)}-{MADE_BY.get(self.format_name, __version__)}"

    @property
    def memory(self) -> int:
        """Return the maximum memory for making the file, in bytes."""
        return memory_of(self._px, self.format_name, filtered=dicebear.has_filters(self.style))

    def with_seed(self, seed: str, *, letters: str | None = None, field: str = "seed") -> "DicebearRequest":
        """Return the same request for another seed. Raises `InvalidRequest`, also for letters."""
        if letters is not None:
            refuse("name", "has no use in DiceBear's styles, which take their letters from the seed")
        if len(seed) > MAX_SEED_LENGTH:
            refuse(field, f"must have at most {MAX_SEED_LENGTH} characters")
        try:
            value = dicebear.options(self.style)["seed"].read([seed])
        except ValueError as error:
            refuse(field, str(error))
        return replace(self, options=dict(sorted({**self.options, "seed": value}.items())))

    def key(self) -> bytes:
        """Return the cache key: a hash, 16 bytes, of everything that decides the picture."""
        inputs = ["dicebear", self.style, self.format_name, self.filter, self.own_ids, self.options]
        if self.shape != "square":
            inputs.append(self.shape)
        return blake2b(json.dumps(inputs).encode(), digest_size=16).digest()

    def is_quick(self) -> bool:
        """Return False: every one takes milliseconds."""
        return False

    def is_costly(self) -> bool:
        """Return whether all processes should share the picture, instead of drawing it each."""
        return _takes_long(self._px, self.format_name)

    def draw(self) -> bytes:
        """Return the file. Raises `InvalidRequest` for letters that no font has."""
        if self.format_name == "json":
            return dicebear.draw_json(self.style, self.options).encode()
        if self.format_name == "svg":
            document = dicebear.draw_svg(self.style, self.options)
            document = framed(document, self.shape, f"s{self.key().hex()[:15]}")
            if self.filter is not None:
                document = filtered(document, in_svg(self.filter), f"f{self.key().hex()[:15]}")
            if self.own_ids:
                document = with_own_ids(document, f"a{self.key().hex()[:15]}")
            return document.encode()
        return self.draw_at(self._px, self.format_name, FILTERS.get(self.filter or ""))

    def draw_at(self, px: int, format_name: str, recolour: Filter | None) -> bytes:
        """Return the picture `px` wide, in a format of `imaging.MEDIA_TYPES`, with a filter if any."""
        document = dicebear.draw_svg(self.style, {**self.options, "size": px})
        xmp = write_xmp(dicebear.credits_of(self.style))
        return encode_svg(document, px, format_name, recolour=recolour, shape=self.shape, xmp=xmp)

    @property
    def _px(self) -> int:
        size = self.options.get("size", DEFAULT_PX)
        assert isinstance(size, int)  # noqa: S101 - the option is a whole number
        return min(size, MAX_PX)


class Renderer:
    """Draws pictures, on the event loop or in the pool, and caches them."""

    def __init__(self, pool: Pool, cache: PictureCache, statistics: RequestStatistics) -> None:
        self._pool = pool
        self._cache = cache
        self._statistics = statistics

    async def render(self, request: PictureRequest, key: bytes, *, packed: bool = False) -> bytes:
        """Return the file of a request, given the request's key, and compressed by gzip if `packed`.

        Raises `Overloaded`.
        """
        return await self.encode(
            key + MAGIC if packed else key,
            (lambda: pack(request.draw())) if packed else request.draw,
            (request.label, request.format_name),
            memory=request.memory,
            quick=request.is_quick(),
            costly=request.is_costly(),
        )

    async def encode(  # noqa: PLR0913
        self,
        key: bytes,
        make: Callable[[], bytes],
        kind: tuple[str, str],
        *,
        memory: int,
        quick: bool = False,
        costly: bool = False,
    ) -> bytes:
        """Return the picture with this key. If it is not cached, make it: on the event loop if it is quick.

        `kind` is the style and the format for the statistics, `memory` the bytes that making it may take.
        `costly` says whether all processes share it. Raises `Overloaded`.
        """
        picture = self._cache.get(key)
        if picture is not None:
            return picture
        if not quick:
            return await self._cache.get_or_make(
                key, lambda: self._in_pool(memory, make, kind), costly=costly
            )
        await self._pool.queue.acquire()
        # Another request may have made it in the meantime.
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
