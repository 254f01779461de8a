"""`GET /api/render/...`: pictures by URL, of which nothing is stored."""

from typing import TYPE_CHECKING

from starlette.types import Scope

from avatar_gen.api.addresses import PREFIX, dicebear_name, read_address, split_address
from avatar_gen.api.dicebear import load
from avatar_gen.api.front import CONTENT_POLICY, FOR_EVER, Address, Picture, has_already
from avatar_gen.imaging import DRAWN_TYPES

if TYPE_CHECKING:
    from avatar_gen.rendering import Renderer


async def _get_rendition(scope: Scope) -> Picture:
    """A picture, or 304 where the client has it already, which takes no drawing to know."""
    renderer: Renderer = scope["app"].state.renderer
    accept = next((value for name, value in scope["headers"] if name == b"accept"), b"")
    parts = split_address(scope["raw_path"])
    if theirs := dicebear_name(parts.style):
        await load(theirs, scope)
    wanted = read_address(parts, scope["query_string"], accept)
    key = wanted.key()
    etag = f'"{key.hex()}-{wanted.made_by}"'.encode()
    headers = [(b"etag", etag), (b"cache-control", FOR_EVER)]
    if parts.media is None:
        headers.append((b"vary", b"Accept"))
    if has_already(scope, etag):
        return Picture(304, headers)
    content = await renderer.render(wanted, key)
    headers += (
        (b"content-type", DRAWN_TYPES[wanted.media].encode()),
        (b"content-length", b"%d" % len(content)),
        (b"x-content-type-options", b"nosniff"),
    )
    if wanted.media == "svg":
        headers.append((b"content-security-policy", CONTENT_POLICY))
    return Picture(200, headers, content)


RENDITION = Address(
    "/api/render/{style}/{seed}", lambda scope: scope["raw_path"].startswith(PREFIX), _get_rendition
)
