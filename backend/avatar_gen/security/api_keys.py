"""API keys: how they are made, stored and found.

Each line of a file of keys has a key or its SHA-256. A name before it and permissions after it are optional:

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

MAX_KEY_LENGTH = 256
"""Bytes. Longer keys are refused without being hashed."""

_KEY = re.compile(r"avk_[A-Za-z0-9_-]{43}")
_SECRET = re.compile(r"avk_[A-Za-z0-9_-]{43}|[0-9a-f]{64}")


def new_key() -> str:
    """Return a key of 256 random bits. Its plain hash reveals nothing: see docs/decisions/0013."""
    return f"avk_{secrets.token_urlsafe(32)}"


def hash_of(key: str) -> str:
    """Return the SHA-256 of a key, which is all that is stored of it."""
    return sha256(key.encode()).hexdigest()


class Keys:
    """The configured API keys."""

    def __init__(self, keys: tuple[ApiKey, ...]) -> None:
        self._keys = keys

    def find(self, presented: bytes) -> ApiKey | None:
        """Return the key that a client presents, or None. The time for this reveals nothing about keys."""
        if len(presented) > MAX_KEY_LENGTH:
            return None
        digest = sha256(presented).hexdigest()
        found = None
        for key in self._keys:
            if compare_digest(key.sha256, digest):
                found = key
        return found


def read_keys(auth: Auth) -> Keys | None:
    """Return the keys of the settings and of their file, or None if none are set. Raises `SettingsError`."""
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
                    f"{path}: line {number}: expected NAME KEY PERMISSIONS: an optional name, a key from"
                    " `avatar-gen keys new` or its SHA-256, optional permissions such as write,list,delete"
                ) from None
    if not keys:
        raise SettingsError(f"{path}: this file has no API key; `avatar-gen keys new` makes one")
    return keys


def _parse(words: list[str]) -> ApiKey:
    """Parse the words of a line. Raises `ValueError`."""
    (position,) = [number for number, word in enumerate(words) if _SECRET.fullmatch(word)]
    secret = words[position]
    digest = hash_of(secret) if _KEY.fullmatch(secret) else secret
    name, permissions = words[:position], words[position + 1 :]
    if len(name) > 1 or len(permissions) > 1:
        raise ValueError(words)
    return ApiKey.model_validate(
        {
            "sha256": digest,
            **({"name": name[0]} if name else {}),
            **({"may": permissions[0].split(",")} if permissions else {}),
        }
    )
