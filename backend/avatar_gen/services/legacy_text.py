"""Texts of the old service's records, made to fit the fields of an avatar."""

import re

from avatar_gen.avatar import JSON_NAMES, MAX_NAME_LENGTH, MAX_SEED_LENGTH, MAX_VERSION_LENGTH

_MAX_LENGTHS = {"seed": MAX_SEED_LENGTH, "version": MAX_VERSION_LENGTH}
_NOT_IN_A_HEADER = re.compile(r"[^ -~]")


def fit_text(field: str, value: object, changes: list[str]) -> str | None:
    """Return the text that can be stored for a value of the old database, or None for none.

    `changes` receives a clause for each change: bytes that are not UTF-8, NUL characters, a text that is too
    long, and in a version whatever cannot stand in the header that carries it.
    """
    if value is None or value in ("", b""):
        return None
    name = JSON_NAMES[field]
    text = _as_text(name, value, changes)
    if "\0" in text:
        text = text.replace("\0", "")
        changes.append(f"its {name} has NUL characters, which are left out")
    if field == "version" and _NOT_IN_A_HEADER.search(text):
        text = _NOT_IN_A_HEADER.sub("", text)
        changes.append(f"its {name} has other characters than printable ASCII, which are left out")
    max_length = _MAX_LENGTHS.get(field, MAX_NAME_LENGTH)
    if len(text) > max_length:
        text = text[:max_length]
        changes.append(f"its {name} is longer than {max_length} characters and is cut off")
    return text or None


def _as_text(name: str, value: object, changes: list[str]) -> str:
    if isinstance(value, str):
        # The driver hides bytes that are not UTF-8 in surrogates.
        value = value.encode("utf-8", "surrogateescape") if _has_surrogates(value) else value
    if isinstance(value, str):
        return value
    data = value if isinstance(value, bytes) else str(value).encode()
    try:
        return data.decode()
    except UnicodeDecodeError:
        changes.append(f"its {name} is not UTF-8: bytes that cannot be read are replaced")
        return data.decode(errors="replace")


def _has_surrogates(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False
