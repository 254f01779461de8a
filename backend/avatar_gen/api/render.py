"""`GET /api/render/...`: pictures by URL, of which nothing is stored."""

from typing import TYPE_CHECKING

from starlette.types import Scope

from avatar_gen.api.dicebear import load
from avatar_gen.api.picture_routes import FOR_EVER, Address, Picture, answer
from avatar_gen.api.render_urls import PREFIX, dicebear_name, read_render_url, split_render_url
from avatar_gen.imaging import DRAWN_TYPES

if TYPE_CHECKING:
    from avatar_gen.services.rendering import Renderer


async def _get_render(scope: Scope) -> Picture:
    """A picture, or 304 where the client has it already, which takes no drawing to know."""
    renderer: Renderer = scope["app"].state.renderer
    accept = b",".join(value for name, value in scope["headers"] if name == b"accept")
    parts = split_render_url(scope["raw_path"])
    if theirs := dicebear_name(parts.style):
        await load(theirs, scope)
    wanted = read_render_url(parts, scope["query_string"], accept)
    key = wanted.key()
    etag = f'"{key.hex()}-{wanted.made_by}"'.encode()
    headers = [(b"cache-control", FOR_EVER)]
    if parts.media is None:
        headers.append((b"vary", b"Accept"))
    return await answer(scope, etag, headers, DRAWN_TYPES[wanted.media], lambda: renderer.render(wanted, key))


RENDER_ROUTE = Address(
    "/api/render/{style}/{seed}", lambda scope: scope["raw_path"].startswith(PREFIX), _get_render
)
