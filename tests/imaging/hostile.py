"""Files that attack a decoder, made from their formats' specifications or from intact files."""

import struct
import zlib


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(f">I4s{len(data)}sI", len(data), kind, data, zlib.crc32(kind + data))


def flat_png(  # noqa: PLR0913
    width: int, height: int, *, depth: int = 8, kind: int = 2, interlaced: bool = False, before: bytes = b""
) -> bytes:
    """A PNG file of zeros, a thousandth of the size of its pixels. `kind` is PNG's colour type.

    `before` are chunks before the pixels.
    """
    channels = {0: 1, 2: 3, 4: 2, 6: 4}[kind]
    row = bytes(1 + (width * depth * channels + 7) // 8)
    compressor = zlib.compressobj(1)
    pixels = b"".join(compressor.compress(row) for _ in range(height)) + compressor.flush()
    header = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, interlaced)
    chunks = _chunk(b"IHDR", header) + before + _chunk(b"IDAT", pixels) + _chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks
