"""`GET /api/render/...`: pictures by URL, which are not stored."""

import asyncio
from typing import TYPE_CHECKING

from starlette.types import Scope

from avatar_gen.api.pictures import IMMUTABLE, Picture, PictureRoute, answer
from avatar_gen.api.render_urls import PREFIX, read_render_url, split_render_url
from avatar_gen.imaging import DRAWN_TYPES

if TYPE_CHECKING:
    from avatar_gen.services.rendering import Renderer


async def _get_render(scope: Scope) -> Picture:
    """Return the picture, or 304 without drawing it if the client has it."""
    renderer: Renderer = scope["app"].state.renderer
    licences: frozenset[str] = scope["app"].state.dicebear_licences
    url = split_render_url(scope["raw_path"])
    if not url.style.is_ready(licences):
        # Loading reads files, which must not block the event loop.
        await asyncio.to_thread(url.style.prepare, licences)
    accept = b",".join(value for name, value in scope["headers"] if name == b"accept")
    request = read_render_url(url, scope["query_string"], accept)
    key = request.key()
    etag = f'"{key.hex()}-{request.made_by}"'.encode()
    headers = [(b"cache-control", IMMUTABLE)]
    if url.format_name is None:
        headers.append((b"vary", b"Accept"))
    return await answer(
        scope, etag, headers, DRAWN_TYPES[request.format_name], lambda: renderer.render(request, key)
    )


RENDER_ROUTE = PictureRoute(
    "/api/render/{style}/{seed}", lambda scope: scope["raw_path"].startswith(PREFIX), _get_render
)
