"""File names that every system can write and that depend on nothing but the text."""

import re
import unicodedata
from hashlib import blake2b

_SAFE = re.compile(r"[a-z0-9](?:[a-z0-9._@+-]{0,98}[a-z0-9])?")
"""A text that is used as a name without a change. Upper case is left out, because some systems ignore case.
A dot at either end is left out, because it hides a file or is cut off."""

_HASHED = re.compile(r"(?:.*-)?[0-9a-f]{12}")
"""A text that looks like a name with a hash."""

_RESERVED = {
    "con",
    "prn",
    "aux",
    "nul",
    *(f"{port}{digit}" for port in ("com", "lpt") for digit in range(10)),
}
"""Names of devices on Windows, with any extension."""

_MAX_SLUG_LENGTH = 60


def file_name(text: str) -> str:
    """Return the file name, without an extension, that belongs to this text and to no other.

    `ada@example.org` is its own name. `Ada Lovelace` becomes `ada-lovelace-` and twelve digits of a hash.
    The name depends on the text alone, so the same text has the same name in every list.
    """
    if _SAFE.fullmatch(text) and not _HASHED.fullmatch(text) and text.partition(".")[0] not in _RESERVED:
        return text
    digest = blake2b(text.encode(), digest_size=6).hexdigest()
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain)[:_MAX_SLUG_LENGTH].strip("-")
    return f"{slug}-{digest}" if slug else digest
