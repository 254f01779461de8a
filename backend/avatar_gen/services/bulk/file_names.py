"""Names of files that are the same on every system, and for ever."""

import re
import unicodedata
from hashlib import blake2b

_SAFE = re.compile(r"[a-z0-9](?:[a-z0-9._@+-]{0,98}[a-z0-9])?")
"""What is a name as it stands: without upper case, by which some systems tell names apart and others do not;
without a dot at either end, which would hide a file or be cut off."""

_HASHED = re.compile(r"(?:.*-)?[0-9a-f]{12}")
"""What looks like a name that was made here."""

_RESERVED = {
    "con",
    "prn",
    "aux",
    "nul",
    *(f"{port}{digit}" for port in ("com", "lpt") for digit in range(10)),
}
"""Devices of Windows, whatever extension follows them."""

_LONGEST = 60


def file_name(text: str) -> str:
    """The name, without an extension, of a file that belongs to this text and no other.

    `ada@example.org` is its own name. Of `Ada Lovelace` it is what any system can write and a hash:
    `ada-lovelace-` and twelve digits. So a name depends on nothing but the text: the same person has the same
    one in every list, and no list needs to be known whole.
    """
    if _SAFE.fullmatch(text) and not _HASHED.fullmatch(text) and text.partition(".")[0] not in _RESERVED:
        return text
    digest = blake2b(text.encode(), digest_size=6).hexdigest()
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain)[:_LONGEST].strip("-")
    return f"{slug}-{digest}" if slug else digest
