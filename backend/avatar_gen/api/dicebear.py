"""`GET /{version}/{style}/{format}`: DiceBear's styles, at the URLs of DiceBear's own HTTP API.

The list of styles at `/{version}`, `options.json` and `definition.json` are those of release 4.13 of the API:
https://github.com/dicebear/api, CHANGELOG.md.
"""

import asyncio
import json
import re
from collections.abc import Callable, Mapping
from hashlib import blake2b
from urllib.parse import unquote

from starlette.types import Scope

from avatar_gen.api.compression import ETAG_SUFFIX, accepts_gzip, pack_list
from avatar_gen.api.pictures import IMMUTABLE, Picture, PictureRoute, answer, answer_drawn
from avatar_gen.api.render_urls import UrlParameters, split_parameters
from avatar_gen.api.requests import check_query
from avatar_gen.drawing import dicebear
from avatar_gen.drawing.dicebear_versions import OLD_VERSIONS
from avatar_gen.errors import StyleNotServed
from avatar_gen.imaging import MEDIA_TYPES
from avatar_gen.services.rendering import DICEBEAR_TYPES, DicebearRequest
from avatar_gen.services.style_families import find_dicebear_style, served_dicebear_styles
from avatar_gen.services.validation import refuse

FORMATS = {
    "svg": "svg",
    "json": "json",
    "jpg": "jpeg",
    **{format_name: format_name for format_name in MEDIA_TYPES},
}

VERSIONS = ("10.x", "10")

_LIST_CACHING = b"public, max-age=3600"
"""The value of DiceBear's API. The lists change with a release and with the settings."""

# Only what looks like a release, so that this route takes no other route's URLs.
_PATH = re.compile(rb"/([0-9]{1,2}(?:\.(?:x|[0-9]{1,2}))?)/([^/]+)/([^/]+)(?:/([^/]+))?/?")
_LIST = re.compile(rb"/([0-9]{1,2}\.x)/?")
"""The list of styles of a release. A number without `.x` is not one: it can be a text in RoboHash's URLs."""

_STYLE_FILES: Mapping[str, Callable[[str], bytes]] = {
    "definition.json": dicebear.definition_file,
    "options.json": dicebear.describe_options,
}


def _match(scope: Scope) -> re.Match[bytes] | None:
    return _PATH.fullmatch(scope["raw_path"]) or _LIST.fullmatch(scope["raw_path"])


async def _get(scope: Scope) -> Picture:
    """Return a picture, the list of styles, or a file about a style; 304 if the client has it."""
    match = _match(scope)
    assert match  # noqa: S101 - the route matched by it
    version, *rest = (unquote(each.decode("latin-1")) for each in match.groups(b"")[:3])
    serves_old = scope["app"].state.dicebear_old_versions
    is_old = version.removesuffix(".x") in OLD_VERSIONS and serves_old
    if not is_old and version not in VERSIONS:
        raise StyleNotServed(
            "DiceBear's styles are here as of its release 5: /5.x/{style}/{format} to /10.x/{style}/{format}."
            if serves_old
            else "DiceBear's styles are here as of its release 10, /10.x/{style}/{format}, and the setting"
            " dicebear.old_versions adds /5.x to /9.x."
        )
    licences: frozenset[str] = scope["app"].state.dicebear_licences
    # As in `/10.x/lorelei/svg/seed=Felix`.
    given = b"&".join(filter(None, (match[4] if rest else b"", scope["query_string"])))
    if not rest:
        check_query(given, has_parameters=False)
        # Reading the licence of each style takes long the first time.
        names = await asyncio.to_thread(served_dicebear_styles, licences)
        return await _send_json(scope, json.dumps({"styles": sorted(names)}).encode())
    name, file = rest
    style = find_dicebear_style(name, licences)
    if not style.is_ready(licences):
        # Loading reads files, which must not block the event loop.
        await asyncio.to_thread(style.prepare, licences)
    if file in _STYLE_FILES and not is_old:
        check_query(given, has_parameters=False)
        return await _send_json(scope, await asyncio.to_thread(_STYLE_FILES[file], name))
    if file not in FORMATS:
        refuse("format", f"must be one of {', '.join(FORMATS)}")
    _, options = split_parameters(given, UrlParameters)
    read = style.read_as_old_dicebear if is_old else style.read_as_dicebear
    return await _get_picture(scope, read(options, FORMATS[file]), file)


async def _get_picture(scope: Scope, request: DicebearRequest, extension: str) -> Picture:
    headers = [
        (b"cache-control", IMMUTABLE),
        (b"content-disposition", b'inline; filename="avatar.%s"' % extension.encode()),
    ]
    return await answer_drawn(scope, request, headers, DICEBEAR_TYPES[request.format_name])


async def _send_json(scope: Scope, content: bytes) -> Picture:
    packed = accepts_gzip(scope)

    async def make() -> bytes:
        return pack_list(content) if packed else content

    etag = f'"{blake2b(content, digest_size=16).hexdigest()}{ETAG_SUFFIX if packed else ""}"'.encode()
    headers = [(b"cache-control", _LIST_CACHING), (b"vary", b"Accept-Encoding")]
    return await answer(scope, etag, headers, "application/json", make)


DICEBEAR_ROUTE = PictureRoute("/{version}/{style}/{format}", _match, _get)
