"""What is in an object: the record of an avatar, and its pictures by their width in px, or its photograph."""

import json
from collections.abc import Mapping
from typing import NamedTuple

from avatar_gen.avatar import Avatar, avatar_as_json, read_avatar
from avatar_gen.errors import ObjectDamaged
from avatar_gen.objects.container import Damaged, digest_of, pack, unpack

_FORMAT, _PHOTO_FORMAT = 1, 2
"""The formats of drawings and of photographs. A release that reads only one reports the other as unknown."""

_RECORD = "avatar.json"
_PHOTO = "photo.jpg"


class Photo(NamedTuple):
    """A stored photograph."""

    jpeg: bytes
    digest: str
    """The SHA-256 of its object, in hexadecimal digits."""


class AvatarObject(NamedTuple):
    """An object that was read."""

    avatar: Avatar
    pictures: Mapping[int, bytes]
    """PNG files by their width in px. A photograph has none."""
    photo: Photo | None = None


def write_photo(avatar: Avatar, jpeg: bytes) -> bytes:
    """Return the object of a photograph."""
    record = {"format": _PHOTO_FORMAT, **avatar_as_json(avatar)}
    return pack({_RECORD: json.dumps(record, ensure_ascii=False).encode(), _PHOTO: jpeg})


def write_object(avatar: Avatar, pictures: Mapping[int, bytes]) -> bytes:
    """Return the object of an avatar."""
    record = {"format": _FORMAT, **avatar_as_json(avatar)}
    files = {f"{px}.png": png for px, png in pictures.items()}
    return pack({_RECORD: json.dumps(record, ensure_ascii=False).encode(), **files})


def read_object(avatar_id: str, data: bytes) -> AvatarObject:
    """Return what is in the object of this avatar.

    Raises `ObjectDamaged`, and no other error, for bytes that this release cannot have written.
    """
    try:
        files = unpack(data)
        avatar = _read_record(files.pop(_RECORD))
        jpeg = files.pop(_PHOTO, None)
        pictures = {int(name.removesuffix(".png")): png for name, png in files.items()}
    except (Damaged, KeyError, OverflowError, RecursionError, TypeError, ValueError) as error:
        raise ObjectDamaged from error
    if avatar.id != avatar_id:
        raise ObjectDamaged from Damaged(f"this is the object of {avatar.id}")
    return AvatarObject(avatar, pictures, None if jpeg is None else Photo(jpeg, digest_of(data)))


def _read_record(content: bytes) -> Avatar:
    fields = json.loads(content)
    if not isinstance(fields, dict):
        raise TypeError("its record is not a JSON object")
    if fields["format"] > _PHOTO_FORMAT:
        raise ValueError(f"it has format {fields['format']}, which is newer than this release")
    return read_avatar(fields)
