"""JPEG through libvips."""

from avatar_gen import __version__
from avatar_gen.imaging.formats.format import RENDERERS, Format
from avatar_gen.imaging.vips import Pixels, to_image


def _encode(pixels: Pixels, xmp: bytes = b"") -> bytes:
    """Encode at full colour resolution, for sharp borders of flat areas. Transparent pixels become white."""
    image = to_image(pixels, xmp)
    if image.hasalpha():
        image = image.flatten(background=[255, 255, 255])
    options = {"Q": 90, "subsample_mode": "off", "optimize_coding": True, "keep": "xmp"}
    jpeg: bytes = image.jpegsave_buffer(**options)
    return jpeg


def _encode_photo(pixels: Pixels) -> bytes:
    jpeg: bytes = to_image(pixels).jpegsave_buffer(Q=85, optimize_coding=True, keep="none")
    return jpeg


JPEG = Format(
    name="jpeg",
    media_type="image/jpeg",
    extensions=("jpeg", "jpg"),
    has_alpha=False,
    made_by=f"{__version__}-{RENDERERS}",
    bytes_per_pixel=32,
    encode=_encode,
    encode_photo=_encode_photo,
)
