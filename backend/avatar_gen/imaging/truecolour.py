"""PNG files of any pixels: rendered shapes, and pictures of the old service."""

import pyvips

from avatar_gen.drawing.palette import Filter
from avatar_gen.imaging import decode
from avatar_gen.imaging.formats import ENCODERS
from avatar_gen.imaging.formats.png import encode_pixels
from avatar_gen.imaging.png import xmp_of
from avatar_gen.imaging.vips import Pixels

__all__ = ["decode_png", "encode_pixels", "filter_pixels", "recolour_pixels"]


def decode_png(png: bytes) -> Pixels:
    """Return the pixels of a square PNG file, with alpha if it has any.

    Raises `ValueError` for any other file.
    """
    try:
        image = pyvips.Image.pngload_buffer(png, fail_on="truncated").colourspace("srgb")
        pixels: Pixels = image.cast("uchar").numpy()
    except pyvips.Error as error:
        raise ValueError("a picture is no PNG") from error
    height, width, _ = pixels.shape
    if height != width:
        raise ValueError(f"a picture has {width} x {height} px")
    return pixels


def filter_pixels(png: bytes, recolour: Filter) -> bytes:
    """Return a PNG file with a filter applied to every pixel. Its XMP is kept.

    It blocks: run it in the `Pool`.
    """
    return ENCODERS["png"](recolour_pixels(decode(png), recolour), xmp_of(png))


def recolour_pixels(pixels: Pixels, recolour: Filter) -> Pixels:
    """Return the pixels with a filter applied to their colours. Alpha is kept."""
    filtered = pixels.copy()
    colours = pixels[:, :, :3]
    filtered[:, :, :3] = recolour(colours.reshape(-1, 3)).reshape(colours.shape)
    return filtered
