"""The formats. A new format is one file here and one line in `_ALL`."""

from collections.abc import Callable

from avatar_gen.imaging.formats.avif import AVIF
from avatar_gen.imaging.formats.format import Encoder, Format
from avatar_gen.imaging.formats.jpeg import JPEG
from avatar_gen.imaging.formats.png import PNG
from avatar_gen.imaging.formats.svg import SVG
from avatar_gen.imaging.formats.webp import WEBP
from avatar_gen.imaging.vips import Pixels

_ALL = (PNG, WEBP, AVIF, JPEG, SVG)

FORMATS: dict[str, Format] = {each.name: each for each in _ALL}

ENCODERS: dict[str, Encoder] = {each.name: each.encode for each in _ALL if each.encode is not None}
"""The encoder of each format that has pixels."""

PHOTO_ENCODERS: dict[str, Callable[[Pixels], bytes]] = {
    each.name: each.encode_photo for each in _ALL if each.encode_photo is not None
}
"""The encoder of each format for photographs."""
