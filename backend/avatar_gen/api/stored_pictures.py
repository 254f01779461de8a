"""`GET /api/{id}`: the picture of a stored avatar."""

import re
from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING
from uuid import UUID

from starlette.types import Scope

from avatar_gen.api.pictures import Headers, Picture, PictureRoute, answer
from avatar_gen.api.requests import StoredPictureParameters, parse_query
from avatar_gen.avatar import CANONICAL_ID, Avatar, format_time
from avatar_gen.imaging import MADE_BY, MEDIA_TYPES
from avatar_gen.imaging.png import is_indexed

if TYPE_CHECKING:
    from avatar_gen.services.avatars import Avatars

CACHE_CONTROL = b"public, max-age=3600"
"""A stored picture never changes, but it can be deleted. One hour later no cache shows it any more."""

_PATH = re.compile(r"/api/[0-9a-fA-F]{8}(?:-?[0-9a-fA-F]{4}){3}-?[0-9a-fA-F]{12}")


async def _get_picture(scope: Scope) -> Picture:
    """Return the picture, or 304 if the client has it."""
    avatars: Avatars = scope["app"].state.avatars
    parameters = parse_query(scope["query_string"], StoredPictureParameters)
    stored = await avatars.find(_canonical(scope["path"].removeprefix("/api/")), parameters.size)
    etag = _etag(stored.png, parameters)
    return await answer(
        scope,
        etag,
        _headers(stored.avatar),
        MEDIA_TYPES[parameters.format],
        lambda: avatars.convert(etag, stored.png, parameters.filter, parameters.format),
    )


STORED_PICTURE_ROUTE = PictureRoute(
    "/api/{id}",
    lambda scope: _PATH.fullmatch(scope["path"]),
    _get_picture,
    other_methods=("DELETE",),
)


def _canonical(avatar_id: str) -> str:
    """Return an id in its stored form, in lower case with dashes."""
    return avatar_id if CANONICAL_ID.fullmatch(avatar_id) else str(UUID(avatar_id))


@lru_cache(maxsize=1024)
def _headers(avatar: Avatar) -> Headers:
    return [
        (b"cache-control", CACHE_CONTROL),
        (b"x-avatar-id", avatar.id.encode()),
        (b"x-created-at", format_time(avatar.created_ms).encode()),
        (b"x-version", avatar.version.encode()),
    ]


def _etag(png: bytes, parameters: StoredPictureParameters) -> bytes:
    """Return a tag of what the answer is made of, so that the answer need not be made to know its tag.

    A stored PNG is sent unchanged, and an indexed one is filtered without an encoder. Everything else depends
    on an encoder's release.
    """
    is_unencoded = parameters.format == "png" and (parameters.filter is None or is_indexed(png))
    encoder = "" if is_unencoded else f"-{MADE_BY[parameters.format]}"
    digest = blake2b(png, digest_size=12).hexdigest()
    return f'"{digest}-{parameters.filter or "plain"}.{parameters.format}{encoder}"'.encode()
