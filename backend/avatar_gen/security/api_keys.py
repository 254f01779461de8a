"""API keys: how they are made, kept, and known again.

A file of keys has one a line: a key or its SHA-256; before it, if wished, its name; behind it, what it may:

    web    9f86d081...             # sha256, all 64 digits of it
    board  avk_...      list       # the key itself
"""

import re
import secrets
from collections import Counter
from hashlib import sha256
from hmac import compare_digest
from pathlib import Path

from pydantic import ValidationError

from avatar_gen.errors import SettingsError
from avatar_gen.settings.schema import ApiKey, Auth

LONGEST_KEY = 256
"""Bytes; a longer one is not even looked at."""

_KEY = re.compile(r"avk_[A-Za-z0-9_-]{43}")
_SECRET = re.compile(r"avk_[A-Za-z0-9_-]{43}|[0-9a-f]{64}")


def new_key() -> str:
    """A key of 256 random bits: so many that its plain hash gives nothing away, see docs/decisions/0013."""
    return f"avk_{secrets.token_urlsafe(32)}"


def hash_of(key: str) -> str:
    """What is kept of a key."""
    return sha256(key.encode()).hexdigest()


class Keys:
    """The keys that are known."""

    def __init__(self, keys: tuple[ApiKey, ...]) -> None:
        self._keys = keys

    def find(self, presented: bytes) -> ApiKey | None:
        """The key that this is; how long it takes tells nothing of it."""
        if len(presented) > LONGEST_KEY:
            return None
        digest = sha256(presented).hexdigest()
        found = None
        for key in self._keys:
            if compare_digest(key.sha256, digest):
                found = key
        return found


def read_keys(auth: Auth) -> Keys | None:
    """The keys of the settings and of their file; None where there are to be none. Raises `SettingsError`."""
    if not auth.on:
        return None
    keys = [*auth.api_keys]
    if auth.api_keys_file is not None:
        keys += _keys_in(auth.api_keys_file)
    for kind, values in (("name", (key.label for key in keys)), ("hash", (key.sha256 for key in keys))):
        if max(Counter(values).values()) > 1:
            raise SettingsError(f"app.auth: two API keys have the same {kind}")
    return Keys(tuple(keys))


def _keys_in(path: Path) -> list[ApiKey]:
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise SettingsError(f"{path}: the API keys cannot be read: {reason}") from None
    keys = []
    for number, line in enumerate(lines, 1):
        if words := line.partition("#")[0].split():
            try:
                keys.append(_parse(words))
            except (ValueError, ValidationError):
                raise SettingsError(
                    f"{path}: line {number}: expected NAME KEY RIGHTS, of which KEY alone must be there: as"
                    " `avatar-gen keys new` prints it, or its SHA-256; RIGHTS as in write,list,delete"
                ) from None
    if not keys:
        raise SettingsError(f"{path}: there is no API key in it; `avatar-gen keys new` makes one")
    return keys


def _parse(words: list[str]) -> ApiKey:
    """A line of a file. Raises `ValueError`."""
    (where,) = [number for number, word in enumerate(words) if _SECRET.fullmatch(word)]
    secret = words[where]
    digest = hash_of(secret) if _KEY.fullmatch(secret) else secret
    name, rights = words[:where], words[where + 1 :]
    if len(name) > 1 or len(rights) > 1:
        raise ValueError(words)
    return ApiKey.model_validate(
        {
            "sha256": digest,
            **({"name": name[0]} if name else {}),
            **({"may": rights[0].split(",")} if rights else {}),
        }
    )
