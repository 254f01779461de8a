"""Files that attack a decoder, made from their formats' specifications or from intact files."""

import io
import struct
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from PIL import Image

PHOTOGRAPHS = Path(__file__).parents[1] / "golden" / "photographs"

_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(f">I4s{len(data)}sI", len(data), kind, data, zlib.crc32(kind + data))


def flat_png(  # noqa: PLR0913
    width: int, height: int, *, depth: int = 8, kind: int = 2, interlaced: bool = False, before: bytes = b""
) -> bytes:
    """A PNG file of zeros, which is a thousandth of the size of its pixels. `kind` is PNG's colour type.

    `before` are chunks before the pixels.
    """
    channels = {0: 1, 2: 3, 4: 2, 6: 4}[kind]
    row = bytes(1 + (width * depth * channels + 7) // 8)
    compressor = zlib.compressobj(1)
    rows = height + interlaced * 8
    pixels = b"".join(compressor.compress(row) for _ in range(rows)) + compressor.flush()
    header = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, interlaced)
    chunks = _chunk(b"IHDR", header) + before + _chunk(b"IDAT", pixels) + _chunk(b"IEND", b"")
    return _SIGNATURE + chunks


def png_of_claims(width: int, height: int) -> bytes:
    """A PNG file that claims this size and has almost no pixels."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(bytes(10_000))
    return _SIGNATURE + _chunk(b"IHDR", header) + _chunk(b"IDAT", pixels) + _chunk(b"IEND", b"")


def _zeros(megabytes: int) -> bytes:
    compressor = zlib.compressobj(9)
    return b"".join(compressor.compress(bytes(1_000_000)) for _ in range(megabytes)) + compressor.flush()


def profile_bomb() -> bytes:
    """A PNG whose profile is 300 MB of zeros."""
    return flat_png(32, 32, before=_chunk(b"iCCP", b"x\0\0" + _zeros(300)))


def text_bomb() -> bytes:
    """A PNG with 50 texts of 100 MB each."""
    text = _chunk(b"zTXt", b"Comment\0\0" + _zeros(100))
    return flat_png(32, 32, before=text * 50)


def many_frames(kind: str, count: int) -> bytes:
    """An animation."""
    frames = [Image.new("RGB", (64, 64), (n % 256, n // 256, 90)) for n in range(count)]
    file = io.BytesIO()
    frames[0].save(file, kind, save_all=True, append_images=frames[1:], duration=20)
    return file.getvalue()


def many_blocks(count: int) -> bytes:
    """A GIF that repeats its only frame."""
    file = io.BytesIO()
    Image.new("P", (16, 16)).save(file, "GIF")
    gif = file.getvalue()
    start = gif.index(b",\0\0\0\0")
    return gif[:start] + gif[start:-1] * count + gif[-1:]


def many_scans(px: int, count: int) -> bytes:
    """A progressive JPEG that repeats its last scan. Each scan costs a pass over the picture."""
    file = io.BytesIO()
    Image.new("RGB", (px, px), "teal").save(file, "JPEG", progressive=True)
    jpeg = file.getvalue()
    last = jpeg.rindex(b"\xff\xda")
    table = jpeg.rfind(b"\xff\xc4", 0, last)
    scan = jpeg[table:-2]
    return jpeg[:-2] + scan * count + jpeg[-2:]


def large_profile() -> bytes:
    """A JPEG with a profile of 1 MB, whose tables claim to be larger than the profile."""
    tags = b"".join(
        struct.pack(">4sII", name, 128 + 4 + 12 * 9, 0xFFFFFFF0)
        for name in (b"A2B0", b"A2B1", b"B2A0", b"rTRC", b"gTRC", b"bTRC", b"rXYZ", b"wtpt", b"desc")
    )
    head = struct.pack(">I4sI4s4s4s", 1_000_000, b"lcms", 0x04300000, b"mntr", b"RGB ", b"Lab ")
    head = head.ljust(36, b"\0") + b"acsp"
    profile = head.ljust(128, b"\0") + struct.pack(">I", 9) + tags
    profile += b"mft2" + bytes(4) + b"\3\3\xff\0" + b"\xff" * 100
    return _with_profile(profile.ljust(1_000_000, b"\1"))


def _with_profile(profile: bytes) -> bytes:
    file = io.BytesIO()
    Image.open(PHOTOGRAPHS / "turned-1.jpg").save(file, "JPEG", icc_profile=profile)
    return file.getvalue()


def exif(orientation: int, *, loop: bool = False) -> bytes:
    """A JPEG with an orientation of any value. If `loop`, its directory names itself as the next one."""
    entry = struct.pack("<HHIHH", 0x0112, 3, 1, orientation & 0xFFFF, 0)
    block = b"II*\0\x08\0\0\0" + struct.pack("<H", 1) + entry + struct.pack("<I", 8 if loop else 0)
    segment = b"Exif\0\0" + block
    jpeg = (PHOTOGRAPHS / "progressive.jpg").read_bytes()
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + jpeg[2:]


def resized_header(name: str, old: bytes, new: bytes) -> bytes:
    """An intact file in which the width and height are changed, but not the pixels."""
    content = (PHOTOGRAPHS / name).read_bytes()
    assert old in content
    return content.replace(old, new)


def polyglots() -> Iterator[tuple[str, bytes]]:
    """Intact files that are also valid in another format."""
    jpeg = (PHOTOGRAPHS / "turned-1.jpg").read_bytes()
    yield "JPEG and ZIP", jpeg + b"PK\3\4" + bytes(26) + b"PK\5\6" + bytes(18)
    yield "JPEG and HTML", jpeg[:2] + b"\xff\xfe\x00\x21<script>alert(document)</script>" + jpeg[2:]
    gif = (PHOTOGRAPHS / "still.gif").read_bytes()
    yield "GIF and JavaScript", gif + b"*/=1;alert(1);"
    yield "GIF, but the rest is JPEG", gif[:6] + jpeg
    yield "PNG, but the rest is SVG", _SIGNATURE + b"<svg xmlns='http://www.w3.org/2000/svg'/>"
    yield "JPEG, but the rest is TIFF", b"\xff\xd8\xff" + b"II*\0" + bytes(500)


def avif_grid(rows: int, columns: int) -> bytes:
    """An AVIF whose picture claims to be a grid of other pictures, which do not exist."""
    content = bytearray((PHOTOGRAPHS / "photo.avif").read_bytes())
    at = content.index(b"av01", content.index(b"iinf"))
    content[at : at + 4] = b"grid"
    start = content.index(b"mdat") + 4
    content[start : start + 8] = struct.pack(">BBBBHH", 0, 0, rows - 1, columns - 1, 65535, 65535)
    return bytes(content)


HOSTILE: dict[str, Callable[[], bytes]] = {
    "PNG that says 50,000 x 50,000": lambda: png_of_claims(50_000, 50_000),
    "PNG that says 2,147,483,647 x 1": lambda: png_of_claims(2**31 - 1, 1),
    "PNG that says 0 x 0": lambda: png_of_claims(0, 0),
    "PNG of 7,000 x 7,000 zeros": lambda: flat_png(7000, 7000),
    "PNG of 7,000 x 7,000 zeros, 16 bits, alpha, interlaced": lambda: flat_png(
        7000, 7000, depth=16, kind=6, interlaced=True
    ),
    "PNG of 16 x 3,000,000": lambda: flat_png(16, 3_000_000),
    "PNG of 3,000,000 x 16": lambda: flat_png(3_000_000, 16),
    "PNG with a profile of 300 MB": profile_bomb,
    "PNG with 5,000 MB of texts": text_bomb,
    "GIF of 10,000 frames": lambda: many_blocks(10_000),
    "WebP of 500 frames": lambda: many_frames("WEBP", 500),
    "GIF that says 65,535 x 65,535": lambda: resized_header(
        "still.gif", struct.pack("<HH", 160, 120), b"\xff\xff\xff\xff"
    ),
    "JPEG of 100 scans": lambda: many_scans(2000, 100),
    "JPEG of 5,000 scans": lambda: many_scans(6000, 5000),
    "JPEG that says 65,535 x 65,535": lambda: resized_header(
        "turned-1.jpg", struct.pack(">HH", 120, 160), b"\xff\xff\xff\xff"
    ),
    "JPEG that says 160 x 0": lambda: resized_header(
        "turned-1.jpg", struct.pack(">HH", 120, 160), struct.pack(">HH", 0, 160)
    ),
    "JPEG that says 5,000 x 5,000": lambda: resized_header(
        "progressive.jpg", struct.pack(">HH", 120, 160), struct.pack(">HH", 5000, 5000)
    ),
    "JPEG with a broken profile of 1 MB": large_profile,
    "JPEG with orientation 9": lambda: exif(9),
    "JPEG with orientation 65,535": lambda: exif(0xFFFF),
    "JPEG with an EXIF directory that follows itself": lambda: exif(6, loop=True),
    "AVIF that says 65,535 x 65,535": lambda: resized_header(
        "photo.avif", struct.pack(">II", 160, 120), struct.pack(">II", 65535, 65535)
    ),
    "AVIF that says 6,000 x 6,000": lambda: resized_header(
        "photo.avif", struct.pack(">II", 160, 120), struct.pack(">II", 6000, 6000)
    ),
    "AVIF grid of 256 x 256 parts": lambda: avif_grid(256, 256),
    **{name: partial(bytes, content) for name, content in polyglots()},
}
"""Files by their descriptions."""
