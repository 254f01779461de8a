import io
import struct
import zlib

import numpy as np
import pytest
import pyvips
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from avatar_gen.drawing.drawing import IndexMap
from avatar_gen.drawing.filters import FILTERS
from avatar_gen.imaging.png import encode_png, is_indexed, recolour_png


@st.composite
def pictures(draw: st.DrawFn) -> tuple[IndexMap, np.ndarray]:
    """Any index map, whatever its repeats, and any palette that it can point into."""
    heights = np.array(draw(st.lists(st.integers(1, 9), min_size=1, max_size=12)))
    colours = draw(st.one_of(st.integers(1, 5), st.integers(1, 256)))
    chance = np.random.default_rng(draw(st.integers(0, 2**32)))
    rows = chance.integers(0, colours, (len(heights), heights.sum()), dtype=np.uint8)
    palette = chance.integers(0, 256, (colours, 3), dtype=np.uint8)
    return IndexMap(rows, heights), palette


def by_pillow(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


def by_libvips(png: bytes) -> np.ndarray:
    image = pyvips.Image.pngload_buffer(png)
    assert not image.hasalpha()
    if image.bands == 1:  # libvips reads a grey palette as grey.
        image = image.colourspace("srgb")
    return np.asarray(image.numpy())


@given(pictures(), st.booleans())
def test_other_decoders_see_the_pixels_that_were_drawn(
    picture: tuple[IndexMap, np.ndarray],
    differences: bool,  # noqa: FBT001 - Hypothesis gives it by position
) -> None:
    index_map, palette = picture
    png = encode_png(index_map, palette, differences=differences)
    expected = palette[index_map.pixels()]
    assert np.array_equal(by_pillow(png), expected)
    assert np.array_equal(by_libvips(png), expected)


@given(pictures())
def test_every_chunk_is_in_its_place_and_right(picture: tuple[IndexMap, np.ndarray]) -> None:
    png = encode_png(*picture)
    kinds, position = [], 8
    while position < len(png):
        length, kind = struct.unpack_from(">I4s", png, position)
        body = png[position + 4 : position + 8 + length]
        assert struct.unpack_from(">I", png, position + 8 + length) == (zlib.crc32(body),)
        kinds.append(kind)
        position += 12 + length
    assert kinds == [b"IHDR", b"PLTE", b"IDAT", b"IEND"]


@pytest.mark.parametrize(
    ("colours", "depth"), [(1, 1), (2, 1), (3, 2), (4, 2), (5, 4), (16, 4), (17, 8), (256, 8)]
)
def test_the_bit_depth_is_the_least_that_holds_the_palette(colours: int, depth: int) -> None:
    index_map = IndexMap(np.zeros((1, 16), np.uint8), np.array([16]))
    png = encode_png(index_map, np.zeros((colours, 3), np.uint8))
    assert png[24:26] == bytes((depth, 3))


@given(pictures(), st.sampled_from(sorted(FILTERS)))
def test_a_filter_on_the_palette_is_the_filter_on_every_pixel(
    picture: tuple[IndexMap, np.ndarray], name: str
) -> None:
    index_map, palette = picture
    png = encode_png(index_map, palette)
    filtered = recolour_png(png, FILTERS[name])
    every_pixel = FILTERS[name](palette[index_map.pixels()].reshape(-1, 3))
    assert np.array_equal(by_pillow(filtered).reshape(-1, 3), every_pixel)
    assert filtered == encode_png(index_map, FILTERS[name](palette))


def test_only_our_own_files_can_be_recoloured() -> None:
    foreign = io.BytesIO()
    Image.new("RGB", (16, 16)).save(foreign, "PNG")
    assert not is_indexed(foreign.getvalue())
    assert is_indexed(
        encode_png(IndexMap(np.zeros((1, 16), np.uint8), np.array([16])), np.zeros((2, 3), np.uint8))
    )
