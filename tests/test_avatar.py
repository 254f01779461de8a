"""The one list of an avatar's fields, and what is derived from it."""

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import String

from avatar_gen.avatar import (
    AVATAR_FIELDS,
    JSON_NAMES,
    MAX_NAME_LENGTH,
    MAX_OPTIONS_LENGTH,
    MAX_SEED_LENGTH,
    MAX_VERSION_LENGTH,
    SPEC_FIELDS,
    Avatar,
    AvatarSpec,
    avatar_as_json,
    read_avatar,
    write_options,
)
from avatar_gen.database.tables import stored_avatars

ID = "0a1b2c3d-0000-4000-8000-000000000000"
AVATAR = Avatar(
    "wave",
    "red",
    "#fff",
    "ocean",
    "☃",
    0.5,
    "lagoon",
    '{"eyesVariant":["a"]}',
    id=ID,
    created_ms=1_700_000_000_123,
)
TEXTS = {
    "generator_type": MAX_NAME_LENGTH,
    "primary_color": MAX_NAME_LENGTH,
    "foreign_color": MAX_NAME_LENGTH,
    "color_scheme": MAX_NAME_LENGTH,
    "seed": MAX_SEED_LENGTH,
    "palette": MAX_NAME_LENGTH,
    "version": MAX_VERSION_LENGTH,
}


def test_the_table_has_the_same_fields_with_the_same_limits() -> None:
    assert {column.name for column in stored_avatars.columns} == set(AVATAR_FIELDS)
    lengths = {each.name: each.type.length for each in stored_avatars.columns if type(each.type) is String}
    assert lengths == {**TEXTS, "options": MAX_OPTIONS_LENGTH}


def test_an_avatar_carries_every_option() -> None:
    spec = AvatarSpec("gradient", "red", "blue", "ocean", "ada", 45.0, "lagoon", "{}")
    avatar = spec.as_avatar(ID)
    assert [getattr(avatar, name) for name in SPEC_FIELDS] == [getattr(spec, name) for name in SPEC_FIELDS]
    assert avatar.id == ID


def test_what_is_written_as_json_is_read() -> None:
    assert read_avatar(avatar_as_json(AVATAR)) == AVATAR
    assert set(avatar_as_json(AVATAR)) == {*JSON_NAMES.values(), "createdAt"}


@pytest.mark.parametrize(("field", "longest"), TEXTS.items())
def test_a_text_has_a_longest(field: str, longest: int) -> None:
    texts: dict[str, Any] = {field: ("x" if field == "version" else "😀") * longest}
    whole = replace(AVATAR, **texts)
    assert read_avatar(avatar_as_json(whole)) == whole
    name = JSON_NAMES[field]
    texts = {field: "x" * (longest + 1)}
    with pytest.raises(ValueError, match=f"^its {name} has more than {longest} characters$"):
        read_avatar(avatar_as_json(replace(AVATAR, **texts)))


def test_options_are_an_object_in_json_and_one_text_for_equal_ones() -> None:
    record = avatar_as_json(AVATAR)
    assert record["options"] == {"eyesVariant": ["a"]}
    turned = {**record, "options": {"b": 1, "a": ["☃"]}}
    assert read_avatar(turned).options == '{"a":["☃"],"b":1}' == write_options({"a": ["☃"], "b": 1})
    wrong_ones: list[object] = ["{}", [], 5, True]
    for wrong in wrong_ones:
        with pytest.raises(ValueError, match=r"^its options is not a JSON object$"):
            read_avatar({**record, "options": wrong})
    with pytest.raises(ValueError, match=r"^its options has more than 8192 characters$"):
        read_avatar({**record, "options": {"a": "x" * 8192}})
    with pytest.raises(ValueError, match="Out of range float values"):
        read_avatar({**record, "options": {"a": float("nan")}})


@pytest.mark.parametrize("name", ["id", "createdAt", "generatorType"])
def test_what_every_release_wrote_must_be_there(name: str) -> None:
    values = avatar_as_json(AVATAR)
    del values[name]
    with pytest.raises(ValueError, match=f"^it has no {name}$"):
        read_avatar(values)


@pytest.mark.parametrize("name", ["primaryColor", "seed", "angle"])
def test_an_option_may_be_missing(name: str) -> None:
    values = avatar_as_json(AVATAR)
    del values[name]
    assert avatar_as_json(read_avatar(values))[name] is None


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("id", ID.upper(), "its id is not a UUID in lower case"),
        ("id", f"{ID}\n", "its id is not a UUID in lower case"),
        ("createdAt", "1969-12-31T23:59:59.999Z", "its createdAt is before 1970"),
        ("createdAt", "yesterday", "its createdAt is not an ISO 8601 time"),
        ("createdAt", 5, "its createdAt is not an ISO 8601 time"),
        ("createdAt", "0001-01-01T00:00:00+14:00", "its createdAt is not an ISO 8601 time"),
        ("seed", 7, "its seed is not text"),
        ("seed", b"ada", "its seed is not text"),
        ("seed", "a\0b", "its seed must not contain the NUL character"),
        ("primaryColor", "\ud800", "its primaryColor must be valid Unicode text"),
        ("angle", True, "its angle is not a number"),
        ("angle", "45", "its angle is not a number"),
        ("angle", float("nan"), "its angle is not a finite number"),
        ("angle", 360.5, "its angle is more than 360"),
        ("angle", -1, "its angle is less than 0"),
        ("generatorType", None, "its generatorType is not text"),
    ],
)
def test_a_value_out_of_its_limits_is_named(name: str, value: Any, reason: str) -> None:  # noqa: ANN401
    with pytest.raises(ValueError, match=r"^its ") as caught:
        read_avatar({**avatar_as_json(AVATAR), name: value})
    assert str(caught.value) == reason


def test_every_time_that_is_accepted_makes_a_cursor_that_the_list_accepts() -> None:
    for text in ("1970-01-01T00:00:00.000Z", "9999-12-31T23:59:59.999Z"):
        avatar = read_avatar({**avatar_as_json(AVATAR), "createdAt": text})
        assert type(avatar.cursor).parse(str(avatar.cursor)) == avatar.cursor
        assert avatar_as_json(avatar)["createdAt"] == text
