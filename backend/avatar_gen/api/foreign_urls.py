"""Pictures under the URLs of other avatar services, drawn in styles of this service."""

import asyncio
import contextlib
import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from starlette.types import Scope

from avatar_gen.api.pictures import IMMUTABLE, Picture, PictureRoute, answer_drawn
from avatar_gen.api.requests import split_query
from avatar_gen.drawing.palettes import CuratedPalette
from avatar_gen.errors import StyleNotServed
from avatar_gen.imaging import DRAWN_TYPES
from avatar_gen.services.found_style import FoundStyle, Pairs
from avatar_gen.services.render_options import MAX_PX, MIN_PX
from avatar_gen.services.rendering import PictureRequest, RenderRequest
from avatar_gen.services.style_families import find_style

_MAX_QUERY = 8192
"""The longest query string, in bytes."""


class ForeignPicture(NamedTuple):
    """A picture of this service that stands for one of another service."""

    styles: Sequence[str]
    """The first one that is served is drawn. The last one is always served."""
    options: Pairs
    seed: str
    seed_field: str
    """The name of the seed in the URLs of the other service."""
    format_name: str
    """One of `imaging.DRAWN_TYPES`."""
    negotiated: bool = False
    """Whether the header `Accept` decides on the format."""
    palette: CuratedPalette | None = None
    """The client's own colours, for this service's own styles."""


Reader = Callable[[Scope], ForeignPicture]
"""Returns the picture that a request asks for. Raises `InvalidRequest`."""


class ForeignForm(NamedTuple):
    """A form of URL at another service."""

    path_format: str
    """The route's name in the log and in the statistics."""
    path: re.Pattern[bytes]
    """The paths as they are sent, percent-encoded."""
    read: Reader


def split_foreign_query(query: bytes) -> list[tuple[str, str]]:
    """Return the names and values in a query string. Raises `InvalidRequest`."""
    return split_query(query, _MAX_QUERY)


def nearest_px(px: int) -> int:
    """Return the width of a picture by URL that is nearest to the one that was asked for."""
    return min(max(px, MIN_PX), MAX_PX)


def picture_route(path_format: str, matches: Callable[[Scope], object], read: Reader) -> PictureRoute:
    """Return the route of the pictures that `read` returns."""

    async def get(scope: Scope) -> Picture:
        return await _get_picture(scope, read(scope))

    return PictureRoute(path_format, matches, get)


async def _get_picture(scope: Scope, picture: ForeignPicture) -> Picture:
    """Return the picture, or 304 without drawing it if the client has it."""
    request = _request(await _served_style(scope, picture.styles), picture)
    headers = [(b"cache-control", IMMUTABLE)]
    media_type = DRAWN_TYPES[request.format_name]
    return await answer_drawn(scope, request, headers, media_type, negotiated=picture.negotiated)


async def _served_style(scope: Scope, names: Sequence[str]) -> FoundStyle:
    licences: frozenset[str] = scope["app"].state.dicebear_licences
    for name in names:
        style = find_style(name)
        with contextlib.suppress(StyleNotServed):
            if not style.is_ready(licences):
                # Loading reads files, which must not block the event loop.
                await asyncio.to_thread(style.prepare, licences)
            return style
    raise AssertionError("the last style is one of the service's own")


def _request(style: FoundStyle, picture: ForeignPicture) -> PictureRequest:
    request = style.read(picture.options, picture.format_name).with_seed(
        picture.seed, field=picture.seed_field
    )
    if picture.palette is not None and isinstance(request, RenderRequest):
        return request.with_palette(picture.palette)
    return request
