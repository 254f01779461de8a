import json
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avatar_gen.avatar import Avatar
from avatar_gen.errors import ObjectDamaged
from avatar_gen.objects.avatar_object import read_object, write_object, write_photo
from avatar_gen.objects.container import pack, unpack

ID = "0a1b2c3d-0000-4000-8000-000000000000"
AVATAR = Avatar("wave", id=ID, created_ms=1_700_000_000_123, seed="☃", color_scheme="ocean", angle=0.5)


def test_what_is_written_is_read() -> None:
    assert read_object(ID, write_object(AVATAR, {16: b"small", 512: b"large"})) == (
        AVATAR,
        {16: b"small", 512: b"large"},
        None,
    )


def test_a_photograph_is_read_as_it_was_written() -> None:
    data = write_photo(AVATAR, b"jpeg")
    digest = sha256(data.partition(b"sha256=")[0]).hexdigest()
    assert read_object(ID, data) == (AVATAR, {}, (b"jpeg", digest))
    # Releases without photographs say that they do not know the format, not that the object is damaged.
    assert json.loads(unpack(data)["avatar.json"])["format"] == 2


def test_the_record_is_for_people_too() -> None:
    record = unpack(write_object(AVATAR, {}))["avatar.json"].decode()
    assert json.loads(record) == {
        "format": 1,
        "createdAt": "2023-11-14T22:13:20.123Z",
        "id": ID,
        "version": "0.0.1",
        "generatorType": "wave",
        "primaryColor": None,
        "foreignColor": None,
        "colorScheme": "ocean",
        "seed": "☃",
        "angle": 0.5,
        "palette": None,
        "options": None,
    }
    assert "☃" in record


def test_fields_that_a_later_release_added_are_no_fault_of_older_objects() -> None:
    record = {
        "format": 1,
        "id": ID,
        "createdAt": "2023-11-14T22:13:20.123Z",
        "generatorType": "wave",
        "version": "1",
    }
    read = read_object(ID, pack({"avatar.json": json.dumps({**record, "mood": "good"}).encode()}))
    assert read.avatar == Avatar("wave", id=ID, created_ms=1_700_000_000_123, version="1")


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"avatar.json": b"[]"},
        {"avatar.json": b"{}"},
        {"avatar.json": b"{"},
        {"avatar.json": b'{"format": 3}'},
        {"avatar.json": b'{"format": 1, "createdAt": "yesterday"}'},
        {"avatar.json": b"{}", "x.png": b""},
        {"avatar.json": b'"text"'},
        {"avatar.json": b'{"format": [1]}'},
        {"avatar.json": b'{"format": 1e999}'},
        {"avatar.json": b"[" * 100_000},
        {"avatar.json": b'{"format": 1, "createdAt": 5, "id": "x", "generatorType": 7}'},
        {"avatar.json": b'{"format": 1, "createdAt": "0001-01-01T00+14:00", "id": "", "generatorType": ""}'},
    ],
)
def test_a_sealed_archive_of_something_else_is_no_object(files: dict[str, bytes]) -> None:
    with pytest.raises(ObjectDamaged):
        read_object(ID, pack(files))


def test_the_object_of_another_avatar_is_not_this_ones() -> None:
    with pytest.raises(ObjectDamaged) as caught:
        read_object(ID.replace("0a", "0b"), write_object(AVATAR, {}))
    assert str(caught.value.__cause__) == f"this is the object of {ID}"


@pytest.mark.parametrize(
    "archive",
    [
        b"PK\3\4",
        b"PK\3\4" + b"\xff" * 26,
        b"PK\3\4" + b"\0" * 22 + b"\3\0\0\0\xff\xfe\xfd",
        b"",
        b"PK\5\6",
    ],
)
def test_sealed_bytes_that_are_no_archive_are_damaged(archive: bytes) -> None:
    sealed = archive + b"sha256=" + sha256(archive).hexdigest().encode()
    with pytest.raises(ObjectDamaged):
        read_object(ID, sealed)


@given(st.binary(max_size=200))
def test_no_sealed_record_raises_anything_else(record: bytes) -> None:
    with pytest.raises(ObjectDamaged):
        read_object(ID, pack({"avatar.json": record}))
