"""Signed tokens that let a user choose the picture of one identity: docs/decisions/0019.

A token is the grant in JSON and its HMAC-SHA-256, written with the letters of base64url. It is not encrypted.
"""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path

from itsdangerous import BadData, URLSafeSerializer

from avatar_gen.errors import PickerLinkInvalid, SettingsError, SigningKeyNeeded
from avatar_gen.settings.schema import Auth
from avatar_gen.settings.values import MIN_SIGNING_KEY_LENGTH

MAX_TOKEN_LENGTH = 4096
"""Bytes. Longer tokens are refused without being hashed."""

_SALT = "avatar-gen picker 1"
"""Distinguishes these tokens from others with the same key. A token with other fields needs another salt."""


@dataclass(frozen=True, slots=True)
class PickerGrant:
    """What a token allows."""

    identity: str
    """The MD5 or SHA-256 of an e-mail address, in lower-case digits."""
    state: str
    """The state of the identity link in which the token may be used: `IdentityStore.state`."""
    expires: int
    """Seconds since 1970."""
    seed: str
    """The seed of the drawings."""
    styles: tuple[str, ...] | None = None
    """The styles to choose from; None for all."""
    photos: bool = True
    """Whether a photograph may be stored."""
    return_origin: str | None = None
    """The origin of the page that receives the user's choice; None for all origins in the settings."""


class PickerTokens:
    """Issues tokens with the first of some keys, and reads the tokens of all of them."""

    def __init__(self, keys: Sequence[str]) -> None:
        # `itsdangerous` signs with the last key.
        options = {"key_derivation": "hmac", "digest_method": sha256}
        self._serializer = (
            URLSafeSerializer([*reversed(keys)], salt=_SALT, signer_kwargs=options) if keys else None
        )

    def issue(self, grant: PickerGrant) -> str:
        """Return the token of a grant. Raises `SigningKeyNeeded`."""
        if self._serializer is None:
            raise SigningKeyNeeded
        return str(self._serializer.dumps(asdict(grant)))

    def read(self, token: str) -> PickerGrant:
        """Return the grant of a token. Raises `PickerLinkInvalid` if it is forged or has expired."""
        if self._serializer is None or len(token) > MAX_TOKEN_LENGTH:
            raise PickerLinkInvalid
        try:
            fields = self._serializer.loads(token)
        except BadData:
            raise PickerLinkInvalid from None
        styles = fields.pop("styles")
        grant = PickerGrant(styles=None if styles is None else tuple(styles), **fields)
        if grant.expires <= time.time():
            raise PickerLinkInvalid("This link has expired. Ask for a new one.")
        return grant


def read_signing_keys(auth: Auth) -> list[str]:
    """Return the keys of the settings, then those of their file. Raises `SettingsError`."""
    keys = [key.get_secret_value() for key in auth.signing_key]
    return keys + ([] if auth.signing_key_file is None else _keys_in(auth.signing_key_file))


def _keys_in(path: Path) -> list[str]:
    try:
        keys = path.read_text(encoding="utf-8-sig").split()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise SettingsError(f"{path}: the signing keys cannot be read: {reason}") from None
    if not keys or min(map(len, keys)) < MIN_SIGNING_KEY_LENGTH:
        raise SettingsError(
            f"{path}: expected signing keys of at least {MIN_SIGNING_KEY_LENGTH} characters, one on each"
            " line, such as `openssl rand -hex 32` prints"
        )
    return keys
