"""`GET /api/render/...`: pictures by URL, of which nothing is stored."""

from starlette.types import Scope

from avatar_gen.api.addresses import PREFIX, read_address
from avatar_gen.api.front import Address, Picture, has_already
from avatar_gen.imaging import DRAWN_TYPES
from avatar_gen.rendering import MADE_BY, Renderer

CACHE_CONTROL = b"public, max-age=31536000, immutable"
"""What an address shows is never changed: docs/decisions/0010."""

CONTENT_POLICY = b"default-src 'none'; style-src 'unsafe-inline'; sandbox"
"""For an SVG that is opened as a page: nothing runs in it, nothing is fetched."""


async def _get_rendition(scope: Scope) -> Picture:
    """A picture, or 304 where the client has it already, which takes no drawing to know."""
    renderer: Renderer = scope["app"].state.renderer
    accept = next((value for name, value in scope["headers"] if name == b"accept"), b"")
    wanted, negotiated = read_address(scope["raw_path"], scope["query_string"], accept)
    key = wanted.key()
    etag = b'"%s-%s"' % (key.hex().encode(), MADE_BY[wanted.media].encode())
    headers = [(b"etag", etag), (b"cache-control", CACHE_CONTROL)]
    if negotiated:
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
