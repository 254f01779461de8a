"""AVIF through libvips."""

from avatar_gen import __version__
from avatar_gen.imaging.formats.format import RENDERERS, Format
from avatar_gen.imaging.vips import Pixels, to_image, without_opaque_alpha


def _encode(pixels: Pixels, xmp: bytes = b"") -> bytes:
    """Encode at full colour resolution, with the lowest effort: the default takes many times as long."""
    options = {"compression": "av1", "Q": 80, "effort": 0, "subsample_mode": "off", "keep": "xmp"}
    avif: bytes = to_image(without_opaque_alpha(pixels), xmp).heifsave_buffer(**options)
    return avif


def _encode_photo(pixels: Pixels) -> bytes:
    options = {"compression": "av1", "Q": 60, "effort": 0, "keep": "none"}
    avif: bytes = to_image(pixels).heifsave_buffer(**options)
    return avif


AVIF = Format(
    name="avif",
    media_type="image/avif",
    extensions=("avif",),
    has_alpha=True,
    made_by=f"{__version__}-{RENDERERS}",
    bytes_per_pixel=48,
    encode=_encode,
    encode_photo=_encode_photo,
)
