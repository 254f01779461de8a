"""`GET /{version}/{style}/{format}`: DiceBear's styles, at the URLs of DiceBear's own HTTP API."""

import asyncio
import re
from typing import TYPE_CHECKING

from starlette.types import Scope

from avatar_gen.api.pictures import IMMUTABLE, Picture, PictureRoute, answer
from avatar_gen.api.render_urls import UrlParameters, split_parameters
from avatar_gen.errors import StyleNotServed
from avatar_gen.imaging import MEDIA_TYPES
from avatar_gen.services.rendering import DICEBEAR_TYPES
from avatar_gen.services.style_families import find_dicebear_style
from avatar_gen.services.validation import refuse

if TYPE_CHECKING:
    from avatar_gen.services.rendering import Renderer

FORMATS = {
    "svg": "svg",
    "json": "json",
    "jpg": "jpeg",
    **{format_name: format_name for format_name in MEDIA_TYPES},
}

VERSIONS = ("10.x", "10")

# Only what looks like a release, so that this route takes no other route's URLs.
_PATH = re.compile(r"/([0-9]{1,2}(?:\.(?:x|[0-9]{1,2}))?)/([^/]+)/([^/]+)")


async def _get_dicebear_picture(scope: Scope) -> Picture:
    """Return the picture, or 304 without drawing it if the client has it."""
    match = _PATH.fullmatch(scope["path"])
    assert match  # noqa: S101 - the route matched by it
    version, name, extension = match.groups()
    if version not in VERSIONS:
        raise StyleNotServed("DiceBear's styles are here as of its release 10: /10.x/{style}/{format}.")
    licences: frozenset[str] = scope["app"].state.dicebear_licences
    style = find_dicebear_style(name, licences)
    if not style.is_ready(licences):
        # Loading reads files, which must not block the event loop.
        await asyncio.to_thread(style.prepare, licences)
    if extension not in FORMATS:
        refuse("format", f"must be one of {', '.join(FORMATS)}")
    _, options = split_parameters(scope["query_string"], UrlParameters)
    request = style.read_as_dicebear(options, FORMATS[extension])
    renderer: Renderer = scope["app"].state.renderer
    key = request.key()
    etag = f'"{key.hex()}-{request.made_by}"'.encode()
    headers = [
        (b"cache-control", IMMUTABLE),
        (b"content-disposition", b'inline; filename="avatar.%s"' % extension.encode()),
    ]
    return await answer(
        scope, etag, headers, DICEBEAR_TYPES[request.format_name], lambda: renderer.render(request, key)
    )


DICEBEAR_ROUTE = PictureRoute(
    "/{version}/{style}/{format}", lambda scope: _PATH.fullmatch(scope["path"]), _get_dicebear_picture
)
