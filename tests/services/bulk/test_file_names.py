import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avatar_gen.services.bulk.file_names import file_name


@pytest.mark.parametrize("text", ["ada", "ada@example.org", "a.b-c_d+e", "4711", "x" * 100, "con1"])
def test_what_any_system_can_write_is_its_own_name(text: str) -> None:
    assert file_name(text) == text


@pytest.mark.parametrize(
    ("text", "begins"),
    [
        ("Ada Lovelace", "ada-lovelace-"),
        ("Zoë Müller", "zoe-muller-"),
        ("ADA@EXAMPLE.ORG", "ada-example-org-"),
        ("../../etc/passwd", "etc-passwd-"),
        ("C:\\Windows", "c-windows-"),
        ("con", "con-"),
        ("nul.txt", "nul-txt-"),
        ("lpt9", "lpt9-"),
        (".hidden", "hidden-"),
        ("ends.", "ends-"),
        ("..", ""),
        ("山田太郎", ""),
        ("", ""),
        ("x" * 101, "x" * 60 + "-"),
        ("ada-0123456789ab", "ada-0123456789ab-"),
        ("0123456789ab", "0123456789ab-"),
        ("new\nline", "new-line-"),
    ],
)
def test_other_text_is_written_as_far_as_it_can_be_with_a_hash(text: str, begins: str) -> None:
    name = file_name(text)
    assert name[:-12] == begins
    assert re.fullmatch("[0-9a-f]{12}", name[-12:])


@given(st.lists(st.text() | st.text("aA.-0f", max_size=4), unique=True))
def test_every_name_is_safe_and_unique_in_any_case(texts: list[str]) -> None:
    names = [file_name(text) for text in texts]
    assert len({name.lower() for name in names}) == len(texts)
    for name in names:
        assert re.fullmatch(r"[a-z0-9](?:[a-z0-9._@+-]*[a-z0-9])?", name)
        assert len(name) <= 100


def test_a_name_is_for_ever() -> None:
    """Another one would draw every list anew, beside what is there."""
    assert file_name("Ada Lovelace") == "ada-lovelace-d958e5f86d8b"
