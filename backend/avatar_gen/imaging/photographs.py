"""Stored photographs: one JPEG of up to 1024 px, from which each other picture is made on demand.

docs/decisions/0018 has the figures.
"""

import io

import numpy as np
import PIL
from PIL import Image, features

from avatar_gen.drawing.palette import Filter
from avatar_gen.imaging.formats import PHOTO_ENCODERS
from avatar_gen.imaging.photo_process import MIN_PHOTO_PX
from avatar_gen.imaging.truecolour import recolour_pixels
from avatar_gen.imaging.vips import Pixels, to_image

_MAX_BYTES = 150_000
_QUALITIES = ((85, 1.0), (78, 0.79), (70, 0.65), (60, 0.55), (45, 0.43), (30, 0.33))
"""JPEG qualities to try until a photograph has at most `_MAX_BYTES`, and the size of a typical photograph in
each quality, as a fraction of its size in the first."""

DECODER = f"{PIL.__version__}-{features.version('jpg')}"
"""The releases of the libraries that decode a stored photograph. Other releases may return other pixels."""


def sample_files() -> dict[str, bytes]:
    """Return a small photograph of each kind that can be uploaded."""
    pixels = np.full((MIN_PHOTO_PX, MIN_PHOTO_PX, 3), 128, np.uint8)
    gif = io.BytesIO()
    Image.fromarray(pixels).save(gif, "GIF")
    return {**{name: encode(pixels) for name, encode in PHOTO_ENCODERS.items()}, "gif": gif.getvalue()}


def encode_stored(pixels: Pixels) -> bytes:
    """Return the JPEG file to store. It blocks: run it in the `Pool`."""
    image = to_image(pixels)
    jpeg, largest = b"", 0
    for quality, part in _QUALITIES:
        if largest * part > _MAX_BYTES and quality != _QUALITIES[-1][0]:
            continue
        # libvips, unlike Pillow, releases the interpreter's lock while it encodes.
        jpeg = image.jpegsave_buffer(Q=quality, subsample_mode="on", optimize_coding=True, keep="none")
        largest = largest or len(jpeg)
        if len(jpeg) <= _MAX_BYTES:
            break
    return jpeg


def photo_picture(jpeg: bytes, px: int, format_name: str, recolour: Filter | None = None) -> bytes:
    """Return a stored photograph as a file, `px` wide, in a format of `imaging.MEDIA_TYPES`.

    It blocks: run it in the `Pool`. Raises `OSError` for bytes that `encode_stored` cannot have written.
    """
    pixels = photo_pixels(jpeg, px)
    if recolour is not None:
        pixels = recolour_pixels(pixels, recolour)
    return PHOTO_ENCODERS[format_name](pixels)


def photo_pixels(jpeg: bytes, px: int) -> Pixels:
    """Return the pixels of a stored photograph, `px` wide. Raises `OSError` as `photo_picture` does."""
    image: Image.Image = Image.open(io.BytesIO(jpeg), formats=("JPEG",))
    # A JPEG can be decoded at a half, a quarter or an eighth of its width, for less time.
    image.draft("RGB", (px, px))
    if image.width != px:
        # In a smaller picture, this filter draws no halo along edges.
        kernel = Image.Resampling.HAMMING if image.width > px else Image.Resampling.BICUBIC
        image = image.resize((px, px), kernel)
    return np.asarray(image)
