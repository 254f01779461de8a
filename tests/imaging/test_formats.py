"""The registry of formats, and the encoder of PNG that all pixels go through."""

import io

import numpy as np
import pytest
from PIL import Image

from avatar_gen.imaging import DRAWN_TYPES, MADE_BY, MEDIA_TYPES
from avatar_gen.imaging.formats import ENCODERS, FORMATS
from avatar_gen.imaging.formats.png import encode_pixels


def test_each_format_is_listed_once() -> None:
    assert list(DRAWN_TYPES) == list(MADE_BY) == list(FORMATS)
    assert set(MEDIA_TYPES) == set(ENCODERS) == set(FORMATS) - {"svg"}
    extensions = [extension for each in FORMATS.values() for extension in each.extensions]
    assert len(extensions) == len(set(extensions))
    for name, each in FORMATS.items():
        assert each.name == name
        assert name in each.extensions
        assert each.media_type.startswith("image/")


@pytest.mark.parametrize("format_name", ENCODERS)
def test_a_format_writes_what_it_says(format_name: str) -> None:
    pixels = np.zeros((16, 16, 4), np.uint8)
    pixels[:8] = (200, 40, 40, 255)
    image = Image.open(io.BytesIO(ENCODERS[format_name](pixels)))
    assert image.get_format_mimetype() == FORMATS[format_name].media_type
    assert (np.asarray(image.convert("RGBA"))[12, 8, 3] == 0) == FORMATS[format_name].has_alpha


@pytest.mark.parametrize("bands", [3, 4])
@pytest.mark.parametrize("run", [1, 9])
@pytest.mark.parametrize("colours", [1, 2, 17, 256, 257, 1000])
def test_any_pixels_are_written_exactly_and_indexed_if_they_can_be(
    colours: int, run: int, bands: int
) -> None:
    chance = np.random.default_rng(colours)
    palette = np.unique(chance.integers(0, 256, (colours * 3, bands), dtype=np.uint8), axis=0)[:colours]
    assert len(palette) == colours
    indices = np.resize(np.repeat(np.arange(colours), run), 96 * 96)
    pixels = palette[indices].reshape(96, 96, bands)
    image = Image.open(io.BytesIO(encode_pixels(pixels)))
    assert np.array_equal(np.asarray(image.convert("RGB" if bands == 3 else "RGBA")), pixels)
    assert (image.mode == "P") == (colours <= 256)


def test_opaque_pixels_have_no_alpha_in_their_file() -> None:
    pixels = np.full((16, 16, 4), 255, np.uint8)
    assert b"tRNS" not in encode_pixels(pixels)
    smooth = np.arange(32 * 32, dtype=np.uint32).reshape(32, 32)
    pixels = np.dstack((smooth & 255, smooth >> 4, smooth & 15, np.full((32, 32), 255))).astype(np.uint8)
    assert Image.open(io.BytesIO(encode_pixels(pixels))).mode == "RGB"
