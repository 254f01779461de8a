"""`GET /{version}/{style}/{format}`: DiceBear's styles, at the addresses of DiceBear's own HTTP API."""

import asyncio
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from starlette.types import Scope

from avatar_gen.api.picture_routes import FOR_EVER, Address, Picture, answer
from avatar_gen.api.requests import LONGEST, split_query
from avatar_gen.drawing import dicebear
from avatar_gen.drawing.dicebear_options import OptionRefused, Value, read_options
from avatar_gen.errors import InvalidRequest, Problem, StyleNotServed
from avatar_gen.imaging import MEDIA_TYPES
from avatar_gen.services.rendering import DICEBEAR_TYPES, DicebearRequest

if TYPE_CHECKING:
    from avatar_gen.services.rendering import Renderer

FORMATS = {"svg": "svg", "json": "json", "jpg": "jpeg", **{media: media for media in MEDIA_TYPES}}

VERSIONS = ("10.x", "10")

# Only what looks like a release, so that no other address is taken for a style's.
_PATH = re.compile(r"/([0-9]{1,2}(?:\.(?:x|[0-9]{1,2}))?)/([^/]+)/([^/]+)")


async def load(style: str, scope: Scope) -> None:
    """Have a style ready, and be sure that it may be served. Raises `StyleNotServed`.

    The first one takes 75 ms, which the event loop need not wait for.
    """
    licences: frozenset[str] = scope["app"].state.dicebear_licences
    if (style, licences) not in _ready:
        await asyncio.to_thread(require_style, style, licences)
        _ready.add((style, licences))


_ready: set[tuple[str, frozenset[str]]] = set()


def require_style(style: str, licences: frozenset[str]) -> None:
    """Have a style ready that may be drawn under these licences. Raises `StyleNotServed`."""
    if style not in dicebear.names():
        names = (name for name in dicebear.names() if dicebear.artwork(name).licence in licences)
        there = ", ".join(names) or "none, by the setting dicebear.licenses"
        raise StyleNotServed(f"There is no such style of DiceBear's here; there are {there}.")
    licence = dicebear.artwork(style).licence
    if licence not in licences:
        raise StyleNotServed(
            f"This style is licensed as {licence}, which the setting dicebear.licenses does not include here."
        )
    dicebear.options(style)


def read_dicebear_options(style: str, pairs: Iterable[tuple[str, str]]) -> dict[str, Value]:
    """The options of a style, by its schema. Raises `InvalidRequest`."""
    try:
        return read_options(dicebear.options(style), pairs)
    except OptionRefused as refused:
        problem = Problem(refused.option or "query", str(refused))
        raise InvalidRequest(f"{problem.field} {problem.message}.", (problem,)) from None


async def _get_dicebear_picture(scope: Scope) -> Picture:
    """An avatar, or 304 where the client has it already, which takes no drawing to know."""
    match = _PATH.fullmatch(scope["path"])
    assert match  # noqa: S101 - this address was chosen by it
    version, style, extension = match.groups()
    if version not in VERSIONS:
        raise StyleNotServed("DiceBear's styles are here as of its release 10: /10.x/{style}/{format}.")
    await load(style, scope)
    if extension not in FORMATS:
        raise InvalidRequest(f"The format must be one of {', '.join(FORMATS)}.")
    options = read_dicebear_options(style, split_query(scope["query_string"], LONGEST))
    sketch = DicebearRequest(style, options, FORMATS[extension])
    renderer: Renderer = scope["app"].state.renderer
    key = sketch.key()
    etag = f'"{key.hex()}-{sketch.made_by}"'.encode()
    headers = [
        (b"cache-control", FOR_EVER),
        (b"content-disposition", b'inline; filename="avatar.%s"' % extension.encode()),
        (b"x-robots-tag", b"noindex"),
    ]
    return await answer(
        scope, etag, headers, DICEBEAR_TYPES[sketch.media], lambda: renderer.render(sketch, key)
    )


DICEBEAR_ROUTE = Address(
    "/{version}/{style}/{format}", lambda scope: _PATH.fullmatch(scope["path"]), _get_dicebear_picture
)
