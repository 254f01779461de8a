import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra.numpy import arrays
from PIL import Image

from avatar_gen.drawing.filters import FILTERS, grayscale, negative, sepia

palettes = arrays(np.uint8, (16, 3))


@given(palettes)
def test_negative_is_exact_and_its_own_inverse(palette: np.ndarray) -> None:
    assert np.array_equal(negative(palette).astype(int), 255 - palette.astype(int))
    assert np.array_equal(negative(negative(palette)), palette)


@given(palettes)
def test_grayscale_is_the_luma_of_css(palette: np.ndarray) -> None:
    grey = grayscale(palette)
    assert np.ptp(grey, axis=1).max() == 0
    exact = palette @ [0.2126, 0.7152, 0.0722]
    assert np.abs(grey[:, 0] - exact).max() <= 0.5 + 1e-9


def test_grey_stays_as_it_is_in_grayscale_and_turns_brown_in_sepia() -> None:
    greys = np.repeat(np.arange(256, dtype=np.uint8), 3).reshape(-1, 3)
    assert np.array_equal(grayscale(greys), greys)
    red, green, blue = sepia(greys[1:190]).T.astype(int)
    assert np.all(red >= green)
    assert np.all(green >= blue)
    assert np.all(red[10:] > blue[10:])


@given(palettes)
def test_sepia_is_the_usual_matrix(palette: np.ndarray) -> None:
    matrix = (0.393, 0.769, 0.189, 0, 0.349, 0.686, 0.168, 0, 0.272, 0.534, 0.131, 0)
    expected = np.asarray(Image.fromarray(palette[np.newaxis]).convert("RGB", matrix))[0]
    # Pillow cuts fractions off where we round.
    assert np.abs(sepia(palette).astype(int) - expected).max() <= 1


@pytest.mark.parametrize("name", FILTERS)
def test_a_filter_leaves_the_palette_that_it_is_given_alone(name: str) -> None:
    palette = np.full((256, 3), 7, np.uint8)
    palette.flags.writeable = False
    result = FILTERS[name](palette)
    assert result.shape == palette.shape
    assert result.dtype == np.uint8
