"""`GET /api/{id}`: the picture of a stored avatar."""

import re
from hashlib import blake2b
from uuid import UUID

from starlette.types import Scope

from avatar_gen.api.front import Address, Headers, Picture, has_already
from avatar_gen.api.requests import PictureParameters, parse_query
from avatar_gen.avatars import Avatars, StoredPicture
from avatar_gen.imaging import MEDIA_TYPES
from avatar_gen.imaging.vips import VERSION
from avatar_gen.record import format_time

CACHE_CONTROL = b"public, max-age=3600"
"""A stored picture never changes, but it can be deleted: an hour later nobody shows it any more."""

_PATH = re.compile(r"/api/[0-9a-fA-F]{8}(?:-?[0-9a-fA-F]{4}){3}-?[0-9a-fA-F]{12}")


async def _get_picture(scope: Scope) -> Picture:
    """A picture, or 304 where the client has it already."""
    avatars: Avatars = scope["app"].state.avatars
    parameters = parse_query(scope["query_string"], PictureParameters)
    stored = avatars.find(str(UUID(scope["path"].removeprefix("/api/"))), parameters.size)
    etag = _etag(stored.png, parameters)
    headers = _headers(stored, etag)
    if has_already(scope, etag):
        return Picture(304, headers)
    content = await avatars.convert(etag, stored.png, parameters.filter, parameters.format)
    headers += (
        (b"content-type", MEDIA_TYPES[parameters.format].encode()),
        (b"content-length", b"%d" % len(content)),
    )
    return Picture(200, headers, content)


STORED_PICTURE = Address(
    "/api/{id}",
    lambda scope: _PATH.fullmatch(scope["path"]),
    _get_picture,
    others=("DELETE",),
)


def _headers(stored: StoredPicture, etag: bytes) -> Headers:
    avatar = stored.avatar
    return [
        (b"etag", etag),
        (b"cache-control", CACHE_CONTROL),
        (b"x-avatar-id", avatar.id.encode()),
        (b"x-created-at", format_time(avatar.created_ms).encode()),
        (b"x-version", avatar.version.encode()),
    ]


def _etag(png: bytes, parameters: PictureParameters) -> bytes:
    """Says what the answer is made of, so that nothing has to be made to know it.

    Another libvips may write other bytes in every format but PNG, which is ours.
    """
    encoder = "" if parameters.format == "png" else f"-{VERSION}"
    made_of = blake2b(png, digest_size=12).hexdigest()
    return f'"{made_of}-{parameters.filter or "plain"}.{parameters.format}{encoder}"'.encode()
