"""Files of API keys: what is wrong in one is said in one line, which shows no key."""

from pathlib import Path

import pytest

from avatar_gen.errors import SettingsError
from avatar_gen.security.api_keys import MAX_KEY_LENGTH, Keys, hash_of, new_key, read_keys
from avatar_gen.settings.schema import ApiKey, Auth

KEY, OTHER = new_key(), new_key()


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", "this file has no API key; `avatar-gen keys new` makes one"),
        ("# nothing\n\n", "this file has no API key; `avatar-gen keys new` makes one"),
        ("secret7f3a", "line 1: expected NAME KEY PERMISSIONS"),
        ("\n{key}x", "line 2: expected NAME KEY PERMISSIONS"),
        ("a b {key}", "line 1: expected NAME KEY PERMISSIONS"),
        ("{key} {key}", "line 1: expected NAME KEY PERMISSIONS"),
        ("{key} read", "line 1: expected NAME KEY PERMISSIONS"),
        ("{key} list write", "line 1: expected NAME KEY PERMISSIONS"),
        ("nämé {key}", "line 1: expected NAME KEY PERMISSIONS"),
        ("secret7f3a" * 4 + " {key}", "line 1: expected NAME KEY PERMISSIONS"),
        ("a {key}\na {other}", "app.auth: two API keys have the same name"),
        ("a {key}\nb {key}", "app.auth: two API keys have the same hash"),
    ],
)
def test_what_is_wrong_in_a_file_is_one_line(tmp_path: Path, text: str, line: str) -> None:
    path = tmp_path / "keys"
    path.write_text(text.format(key=KEY, other=OTHER), encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        read_keys(Auth(api_keys_file=path))
    said = str(caught.value)
    assert line in said
    assert "\n" not in said
    assert KEY not in said
    assert "secret7f3a" not in said


def test_without_keys_there_are_none() -> None:
    assert read_keys(Auth()) is None


def test_a_key_is_found_by_all_of_it_alone() -> None:
    keys = Keys(tuple(ApiKey(sha256=hash_of(key)) for key in (KEY, OTHER)))
    for key in (KEY, OTHER):
        found = keys.find(key.encode())
        assert found
        assert found.label == hash_of(key)[:8]
    for wrong in (
        b"",
        KEY[:-1].encode(),
        KEY.encode() + b"x",
        hash_of(KEY).encode(),
        b"\xff",
        new_key().encode(),
    ):
        assert keys.find(wrong) is None
    long = "x" * (MAX_KEY_LENGTH + 1)
    assert Keys((ApiKey(sha256=hash_of(long)),)).find(long.encode()) is None


def test_keys_are_long_and_never_the_same() -> None:
    made = {new_key() for _ in range(1000)}
    assert len(made) == 1000
    assert {len(key) for key in made} == {47}
