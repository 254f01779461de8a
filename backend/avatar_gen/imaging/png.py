"""PNG: indexed, written straight from an index map, or in true colour from pixels.

libvips and Pillow write PNG too. This is cheaper, because rows are packed before they are repeated, no
quantiser looks for a palette that is already known, and zlib-ng compresses. Tests compare it with the
decoders of both.
Format: https://www.w3.org/TR/png-3/
"""

import struct
import zlib

import numpy as np
from numpy.typing import NDArray
from zlib_ng import zlib_ng

from avatar_gen.drawing.drawing import IndexMap
from avatar_gen.drawing.palette import Filter, Palette

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_RGB, _INDEXED, _RGBA = 2, 3, 6
_FILTER_NONE, _FILTER_UP = 0, 2
_HEADER = struct.Struct(">II5B")
_PALETTE_AT = len(_SIGNATURE) + 12 + _HEADER.size
"""The offset of the palette in files of this module: after the signature and the first chunk."""

_XMP_KEYWORD = b"XML:com.adobe.xmp\0\0\0\0\0"
"""The bytes before a packet of XMP in its chunk: a keyword, and no compression, language or translation."""

_LEVEL, _LEVEL_FOR_REPEATS = 2, 6
"""Levels of zlib-ng: docs/decisions/0022 compares them with other libraries."""

_LAST_SEARCHED = (b"IDAT", b"IEND")

COMPRESSOR = zlib_ng.ZLIBNG_RUNTIME_VERSION
"""The release of the library that compresses pixels, which makes the same bytes on every machine."""


def encode_png(
    index_map: IndexMap, palette: Palette, alpha: bytes = b"", *, differences: bool = True
) -> bytes:
    """Return a PNG file at the lowest bit depth that holds the palette's indices.

    `alpha` has one byte for each colour, 255 if it is opaque. Colours beyond its end are opaque. A picture
    with sharp borders is smaller without `differences`: see `_lines`.
    """
    depth = next(d for d in (1, 2, 4, 8) if len(palette) <= 1 << d)
    rows, heights = index_map
    px = rows.shape[1]
    if depth == 8:
        lines = _lines(index_map.pixels(), differences=differences)
    else:
        lines = np.repeat(_lines(_pack(rows, depth), differences=False), heights, axis=0)
    # Rows of packed bits that repeat are the one case in which a higher level saves many bytes.
    repeats = depth in {2, 4} and len(rows) < px
    data = _compress(lines, _LEVEL_FOR_REPEATS if repeats else _LEVEL)
    transparency = _chunk(b"tRNS", alpha) if alpha else b""
    return _file(px, depth, _INDEXED, _chunk(b"PLTE", palette.tobytes()) + transparency, data)


def encode_true_colour(pixels: NDArray[np.uint8], *, differences: bool) -> bytes:
    """Return a PNG file of pixels, shape (px, px, 3), or (px, px, 4) with alpha.

    A picture with sharp borders is smaller without `differences`: see `_lines`.
    """
    px, _, bands = pixels.shape
    lines = _lines(pixels.reshape(px, -1), differences=differences)
    return _file(px, 8, _RGBA if bands == 4 else _RGB, b"", _compress(lines))


def _file(px: int, depth: int, kind: int, palette: bytes, data: bytes) -> bytes:
    header = _chunk(b"IHDR", _HEADER.pack(px, px, depth, kind, 0, 0, 0))
    return b"".join((_SIGNATURE, header, palette, _chunk(b"IDAT", data), _chunk(b"IEND", b"")))


def _compress(lines: NDArray[np.uint8], level: int = _LEVEL) -> bytes:
    """Return the lines in zlib's format."""
    return zlib_ng.compress(lines.data, level)


def width_of(png: bytes) -> int:
    """Return the width of a PNG file in px."""
    width: int = struct.unpack_from(">I", png, len(_SIGNATURE) + 8)[0]
    return width


def is_indexed(png: bytes) -> bool:
    """Return whether a PNG file has its palette where this module writes it, so that it can be recoloured."""
    return png.startswith(b"PLTE", _PALETTE_AT + 4)


def recolour_png(png: bytes, recolour: Filter) -> bytes:
    """Return the same indexed file with another palette. Its pixels are not decoded."""
    (length,) = struct.unpack_from(">I", png, _PALETTE_AT)
    start = _PALETTE_AT + 8
    palette = np.frombuffer(png, np.uint8, length, start).reshape(-1, 3)
    chunk = _chunk(b"PLTE", recolour(palette).tobytes())
    return png[:_PALETTE_AT] + chunk + png[start + length + 4 :]


def with_xmp(png: bytes, xmp: bytes) -> bytes:
    """Return a file of this module with a packet of XMP before its pixels."""
    at = _start_of(png, b"IDAT")
    return png[:at] + _chunk(b"iTXt", _XMP_KEYWORD + xmp) + png[at:]


def xmp_of(png: bytes) -> bytes:
    """Return the packet of XMP of a file of this module, or nothing."""
    at = _start_of(png, b"iTXt")
    if not at:
        return b""
    (length,) = struct.unpack_from(">I", png, at)
    return png[at + 8 + len(_XMP_KEYWORD) : at + 8 + length]


def _start_of(png: bytes, kind: bytes) -> int:
    """Return the offset of the first chunk of a kind up to the pixels, or 0 if there is none."""
    at = len(_SIGNATURE)
    while True:
        length, found = struct.unpack_from(">I4s", png, at)
        if found == kind:
            return at
        if found in _LAST_SEARCHED:
            return 0
        at += 12 + length


def _lines(rows: NDArray[np.uint8], *, differences: bool) -> NDArray[np.uint8]:
    """Return what PNG compresses: the bytes of each row, after a byte that names the row's filter.

    A row may be written as its difference to the row above. Where colours change a little from each pixel to
    the next, most differences are equal. Where they do not, the rows themselves are more alike.
    """
    lines = np.empty((len(rows), rows.shape[1] + 1), np.uint8)
    if differences:
        lines[:, 0] = _FILTER_UP
        lines[0, 1:] = rows[0]
        np.subtract(rows[1:], rows[:-1], out=lines[1:, 1:])
    else:
        lines[:, 0] = _FILTER_NONE
        lines[:, 1:] = rows
    return lines


def _pack(rows: NDArray[np.uint8], depth: int) -> NDArray[np.uint8]:
    """Return indices of less than eight bits side by side in bytes, the leftmost in the highest bits."""
    if depth == 1:
        return np.packbits(rows, axis=1)
    rows = np.pad(rows, ((0, 0), (0, -rows.shape[1] % (8 // depth))))
    while depth < 8:
        # The left pixel of a pair is the lower byte.
        pairs = rows.view("<u2")
        rows = (pairs << depth | pairs >> 8).astype(np.uint8)
        depth *= 2
    return rows


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(f">I4s{len(data)}sI", len(data), kind, data, zlib.crc32(kind + data))
