"""`GET /api/render/...`: pictures by URL, which are not stored."""

import asyncio

from starlette.types import Scope

from avatar_gen.api.pictures import IMMUTABLE, Picture, PictureRoute, answer_drawn
from avatar_gen.api.render_urls import PREFIX, read_render_url, split_render_url
from avatar_gen.imaging import DRAWN_TYPES


async def _get_render(scope: Scope) -> Picture:
    """Return the picture, or 304 without drawing it if the client has it."""
    licences: frozenset[str] = scope["app"].state.dicebear_licences
    url = split_render_url(scope["raw_path"])
    if not url.style.is_ready(licences):
        # Loading reads files, which must not block the event loop.
        await asyncio.to_thread(url.style.prepare, licences)
    accept = b",".join(value for name, value in scope["headers"] if name == b"accept")
    request = read_render_url(url, scope["query_string"], accept)
    headers = [(b"cache-control", IMMUTABLE)]
    media_type = DRAWN_TYPES[request.format_name]
    return await answer_drawn(scope, request, headers, media_type, negotiated=url.format_name is None)


RENDER_ROUTE = PictureRoute(
    "/api/render/{style}/{seed}", lambda scope: scope["raw_path"].startswith(PREFIX), _get_render
)
