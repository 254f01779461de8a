"""The format of an object: a ZIP archive, stored without compression, sealed with a SHA-256.

Any ZIP tool opens it (`unzip -l`, `zipfile`), and `unzip -t` checks the CRC-32 of each file in it. A CRC
does not cover names and offsets, so a flipped bit could still exchange two pictures. Therefore the archive's
comment holds the SHA-256 of every byte before it, and `unpack` checks only that.

`zipfile` from the standard library takes many times as long to write and to read the seven files of an
avatar. Format: APPNOTE.TXT by PKWARE, section 4.3.
"""

import struct
import zlib
from collections.abc import Mapping
from hashlib import sha256

_LOCAL = struct.Struct("<4s5H3L2H")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_END = struct.Struct("<4s4H2LH")
_LOCAL_MARK, _CENTRAL_MARK, _END_MARK = b"PK\3\4", b"PK\1\2", b"PK\5\6"
_VERSION = 10
_DATE = 1 << 5 | 1
"""1980-01-01, the first day that ZIP can write. Equal avatars are equal objects."""

_SEAL = b"sha256="
_SEAL_SIZE = len(_SEAL) + 64


class Damaged(Exception):
    """These bytes are not what `pack` returned."""


def pack(files: Mapping[str, bytes]) -> bytes:
    """Return an archive of these files, in this order. Names are ASCII."""
    parts: list[bytes] = []
    directory: list[bytes] = []
    offset = 0
    for name, content in files.items():
        encoded = name.encode("ascii")
        # Flags, method (stored), time, date, checksum, both sizes, name's length, extra's length.
        common = (0, 0, 0, _DATE, zlib.crc32(content), len(content), len(content), len(encoded), 0)
        local = _LOCAL.pack(_LOCAL_MARK, _VERSION, *common)
        parts += (local, encoded, content)
        central = _CENTRAL.pack(_CENTRAL_MARK, _VERSION, _VERSION, *common, 0, 0, 0, 0, offset)
        directory += (central, encoded)
        offset += len(local) + len(encoded) + len(content)
    size = sum(len(part) for part in directory)
    end = _END.pack(_END_MARK, 0, 0, len(files), len(files), size, offset, _SEAL_SIZE)
    archive = b"".join((*parts, *directory, end))
    return archive + _seal(archive)


def unpack(data: bytes) -> dict[str, bytes]:
    """Return the files of an archive that `pack` made.

    Raises `Damaged` if a single bit has changed, or if the seal is right but the archive is not valid.
    """
    archive = data[:-_SEAL_SIZE]
    if data[-_SEAL_SIZE:] != _seal(archive):
        raise Damaged(f"{len(data)} bytes do not match their SHA-256")
    try:
        return _files(archive)
    except (struct.error, UnicodeDecodeError) as error:
        raise Damaged(f"its checksum matches, but it is not a valid archive: {error}") from error


def digest_of(data: bytes) -> str:
    """Return the SHA-256 in hexadecimal digits that an intact archive holds of itself."""
    return data[len(_SEAL) - _SEAL_SIZE :].decode("ascii")


def _files(archive: bytes) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    offset = 0
    while archive.startswith(_LOCAL_MARK, offset):
        *_, size, name_size, _extra = _LOCAL.unpack_from(archive, offset)
        start = offset + _LOCAL.size + name_size
        name = archive[offset + _LOCAL.size : start].decode("ascii")
        offset = start + size
        files[name] = archive[start:offset]
    return files


def _seal(archive: bytes) -> bytes:
    return _SEAL + sha256(archive).hexdigest().encode("ascii")
