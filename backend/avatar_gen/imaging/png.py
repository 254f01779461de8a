"""PNG: indexed, written straight from an index map, or in true colour from pixels.

libvips and Pillow write PNG too. This is cheaper, because rows are packed before they are repeated, and no
quantiser looks for a palette that is already known. Tests compare it with the decoders of both.
Format: https://www.w3.org/TR/png-3/
"""

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

from avatar_gen.drawing.drawing import IndexMap
from avatar_gen.drawing.palette import Filter, Palette

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_RGB, _INDEXED, _RGBA = 2, 3, 6
_FILTER_NONE, _FILTER_UP = 0, 2
_HEADER = struct.Struct(">II5B")
_PALETTE_AT = len(_SIGNATURE) + 12 + _HEADER.size
"""The offset of the palette in files of this module: after the signature and the first chunk."""

_XMP_KEYWORD = b"XML:com.adobe.xmp\0\0\0\0\0"
"""What precedes a packet of XMP in its chunk: a keyword, and no compression, language or translation."""

_LAST_SEARCHED = (b"IDAT", b"IEND")

_EFFORTS = {1: 3, 2: 6, 4: 6, 8: 3}
"""zlib's levels by bits a pixel. A higher level costs time, and saves bytes only in `retro`'s few colours."""


def encode_png(index_map: IndexMap, palette: Palette, alpha: bytes = b"") -> bytes:
    """Return a PNG file at the lowest bit depth that holds the palette's indices.

    `alpha` has one byte for each colour, 255 if it is opaque. Colours beyond its end are opaque.
    """
    depth = next(d for d in (1, 2, 4, 8) if len(palette) <= 1 << d)
    px = index_map.rows.shape[1]
    return b"".join(
        (
            _SIGNATURE,
            _chunk(b"IHDR", _HEADER.pack(px, px, depth, _INDEXED, 0, 0, 0)),
            _chunk(b"PLTE", palette.tobytes()),
            _chunk(b"tRNS", alpha) if alpha else b"",
            _chunk(b"IDAT", _compress(_scanlines(index_map, depth), depth, repeats=len(index_map.rows) < px)),
            _chunk(b"IEND", b""),
        )
    )


def encode_true_colour(pixels: NDArray[np.uint8]) -> bytes:
    """Return a PNG file of pixels, shape (px, px, 3), or (px, px, 4) with alpha.

    Each row is written as its difference to the one above, which is zero in flat areas. Only runs are worth
    looking for in the rest, so this is cheaper than libvips and no larger.
    """
    px, _, bands = pixels.shape
    rows = np.ascontiguousarray(pixels).reshape(px, -1)
    lines = np.empty((px, rows.shape[1] + 1), np.uint8)
    lines[:, 0] = _FILTER_UP
    lines[0, 1:] = rows[0]
    np.subtract(rows[1:], rows[:-1], out=lines[1:, 1:])
    compressor = zlib.compressobj(1, zlib.DEFLATED, 15, 8, zlib.Z_RLE)
    return b"".join(
        (
            _SIGNATURE,
            _chunk(b"IHDR", _HEADER.pack(px, px, 8, _RGBA if bands == 4 else _RGB, 0, 0, 0)),
            _chunk(b"IDAT", compressor.compress(lines.data) + compressor.flush()),
            _chunk(b"IEND", b""),
        )
    )


def _compress(scanlines: bytes, depth: int, *, repeats: bool) -> bytes:
    """Compress scanlines. If no row repeats, runs within rows are all that is worth looking for."""
    if depth == 4 and not repeats:
        compressor = zlib.compressobj(1, zlib.DEFLATED, 15, 8, zlib.Z_RLE)
        return compressor.compress(scanlines) + compressor.flush()
    return zlib.compress(scanlines, _EFFORTS[depth])


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


def _scanlines(index_map: IndexMap, depth: int) -> bytes:
    """Return what PNG compresses: each row packed to `depth` bits a pixel, after the byte of its filter.

    Whole bytes compress better as differences to the row above. Packed bits do not, and equal rows would then
    no longer look equal.
    """
    rows, heights = index_map
    if depth == 8:
        pixels = index_map.pixels()
        lines = np.empty((len(pixels), pixels.shape[1] + 1), np.uint8)
        lines[:, 0] = _FILTER_UP
        lines[0, 1:] = pixels[0]
        np.subtract(pixels[1:], pixels[:-1], out=lines[1:, 1:])
        return lines.tobytes()
    packed = _pack(rows, depth)
    lines = np.empty((len(packed), packed.shape[1] + 1), np.uint8)
    lines[:, 0] = _FILTER_NONE
    lines[:, 1:] = packed
    return np.repeat(lines, heights, axis=0).tobytes()


def _pack(rows: np.ndarray, depth: int) -> np.ndarray:
    """Return indices of less than eight bits side by side in bytes, the leftmost in the highest bits."""
    if depth == 1:
        return np.packbits(rows, axis=1)
    if depth == 4:
        if rows.shape[1] % 2:
            rows = np.pad(rows, ((0, 0), (0, 1)))
        packed: np.ndarray = rows[:, 0::2] << 4 | rows[:, 1::2]
        return packed
    bits = np.unpackbits(rows[:, :, np.newaxis], axis=2)[:, :, 8 - depth :]
    return np.packbits(bits.reshape(len(rows), -1), axis=1)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(f">I4s{len(data)}sI", len(data), kind, data, zlib.crc32(kind + data))
