"""`GET /api/{id}`: the picture of a stored avatar."""

import re
from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING

from starlette.types import Scope

from avatar_gen.api.pictures import Headers, Picture, PictureRoute, answer
from avatar_gen.api.requests import StoredPictureParameters, parse_query
from avatar_gen.avatar import CANONICAL_ID, GIVEN_ID, Avatar, format_time, stored_id
from avatar_gen.imaging import EXTENSIONS, MADE_BY, MEDIA_TYPES
from avatar_gen.imaging.photographs import DECODER
from avatar_gen.imaging.png import width_of
from avatar_gen.services.validation import refuse

if TYPE_CHECKING:
    from avatar_gen.services.avatars import Avatars, StoredPicture

CACHE_CONTROL = b"public, max-age=3600"
"""A stored picture never changes, but it can be deleted. One hour later, no cache has it."""

_PATH = re.compile(rf"/api/({GIVEN_ID})(?:\.([0-9A-Za-z]{{1,16}}))?")


async def _get_picture(scope: Scope) -> Picture:
    """Return the picture, or 304 if the client has it."""
    avatars: Avatars = scope["app"].state.avatars
    parameters = parse_query(scope["query_string"], StoredPictureParameters)
    avatar_id, format_name = _read_path(scope["path"], parameters)
    px = parameters.width
    stored = await avatars.find(avatar_id, px)
    etag = _etag(stored, px, parameters.filter, format_name)
    return await answer(
        scope,
        etag,
        _headers(stored.avatar),
        MEDIA_TYPES[format_name],
        lambda: avatars.make(etag, stored, px, filter_name=parameters.filter, format_name=format_name),
    )


def _other_methods(scope: Scope) -> tuple[str, ...]:
    """Return DELETE for an avatar. A path with an extension is only a picture of it."""
    return () if "." in scope["path"] else ("DELETE",)


STORED_PICTURE_ROUTE = PictureRoute(
    "/api/{id}",
    lambda scope: _PATH.fullmatch(scope["path"]),
    _get_picture,
    other_methods=_other_methods,
)


def _read_path(path: str, parameters: StoredPictureParameters) -> tuple[str, str]:
    """Return an id in its stored form, and the format. Raises `InvalidRequest`."""
    match = _PATH.fullmatch(path)
    assert match  # noqa: S101 - the route matches
    avatar_id, extension = match.groups()
    if not CANONICAL_ID.fullmatch(avatar_id):
        avatar_id = stored_id(avatar_id)
    if extension is None:
        return avatar_id, parameters.format
    format_name = EXTENSIONS.get(extension.lower())
    if format_name not in MEDIA_TYPES:
        refuse("id", f"may end in {', '.join(f'.{each}' for each in _EXTENSIONS)}, or in no extension")
    if "format" in parameters.model_fields_set and parameters.format != format_name:
        refuse("format", "and the extension of the id differ")
    return avatar_id, format_name


_EXTENSIONS = [extension for extension, format_name in EXTENSIONS.items() if format_name in MEDIA_TYPES]


@lru_cache(maxsize=1024)
def _headers(avatar: Avatar) -> Headers:
    return [
        (b"cache-control", CACHE_CONTROL),
        (b"x-avatar-id", avatar.id.encode()),
        (b"x-created-at", format_time(avatar.created_ms).encode()),
        (b"x-version", avatar.version.encode()),
    ]


def _etag(stored: "StoredPicture", px: int, filter_name: str | None, format_name: str) -> bytes:
    """Return the ETag of a picture, computed from its source and its options without making the picture.

    A stored PNG is sent unchanged, and an indexed one is filtered without an encoder. Every other picture
    depends on the release of an encoder, and a photograph also on the release of a decoder.
    """
    encoder = "" if stored.is_unencoded(px, format_name, filter_name) else f"-{MADE_BY[format_name]}"
    if stored.photo:
        source = f"{stored.photo.digest[:24]}-{px}"
        encoder += f"-{DECODER}"
    else:
        source = blake2b(stored.data, digest_size=12).hexdigest()
        if px != width_of(stored.data):
            source += f"-{px}"
    return f'"{source}-{filter_name or "plain"}.{format_name}{encoder}"'.encode()
