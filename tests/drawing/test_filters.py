import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra.numpy import arrays
from PIL import Image

from avatar_gen.drawing.filters import DESCRIPTION, FILTERS, ColourFilter, in_svg

grayscale, sepia, negative = (FILTERS[name] for name in ("grayscale", "sepia", "negative"))
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


def test_grey_is_unchanged_by_grayscale_and_turns_brown_in_sepia() -> None:
    greys = np.repeat(np.arange(256, dtype=np.uint8), 3).reshape(-1, 3)
    assert np.array_equal(grayscale(greys), greys)
    red, green, blue = sepia(greys[1:190]).T.astype(int)
    assert np.all(red >= green)
    assert np.all(green >= blue)
    assert np.all(red[10:] > blue[10:])


@pytest.mark.parametrize("name", FILTERS)
def test_a_filter_rounds_each_sum_exactly(name: str) -> None:
    """All reds and greens with a blue of each tens digit, against whole numbers."""
    colours = np.stack(np.meshgrid(range(256), range(256), range(0, 256, 17), indexing="ij"), -1)
    palette = colours.reshape(-1, 3)
    rows = np.array(FILTERS[name].rows, np.int64)
    sums = palette @ rows[:, :3].T + 255 * rows[:, 3]
    assert np.array_equal(FILTERS[name](palette.astype(np.uint8)), np.clip((sums + 5000) // 10_000, 0, 255))


@given(palettes)
def test_sepia_is_the_usual_matrix(palette: np.ndarray) -> None:
    matrix = (0.393, 0.769, 0.189, 0, 0.349, 0.686, 0.168, 0, 0.272, 0.534, 0.131, 0)
    expected = np.asarray(Image.fromarray(palette[np.newaxis]).convert("RGB", matrix))[0]
    # Pillow truncates fractions, which the service rounds.
    assert np.abs(sepia(palette).astype(int) - expected).max() <= 1


@given(palettes)
@pytest.mark.parametrize("name", FILTERS)
def test_the_svg_of_a_filter_has_the_same_effect(name: str, palette: np.ndarray) -> None:
    matrix = np.array([float(value) for value in in_svg(name).split()]).reshape(4, 5)
    assert matrix[3].tolist() == [0, 0, 0, 1, 0]
    assert not matrix[:3, 3].any()
    exact = np.clip(palette @ matrix[:3, :3].T + 255 * matrix[:3, 4], 0, 255)
    assert np.abs(FILTERS[name](palette) - exact).max() <= 0.5 + 1e-9


def test_the_entry_of_a_filter_is_all_that_it_needs() -> None:
    warm = ColourFilter("warm", "none", [(10_000, 0, 0, 500), (0, 10_000, 0, 0), (0, 0, 10_000, -500)])
    assert warm(np.array([(100, 100, 5)], dtype=np.uint8)).tolist() == [[113, 100, 0]]
    assert warm.svg_values == "1 0 0 0 0.05 0 1 0 0 0 0 0 1 0 -0.05 0 0 0 1 0"


def test_the_description_names_every_filter_and_its_css() -> None:
    assert re.findall(r"[a-z]+(?=[,:])", DESCRIPTION.partition(": ")[0] + ":") == list(FILTERS)
    assert all(each.css in DESCRIPTION for each in FILTERS.values())


@pytest.mark.parametrize("name", FILTERS)
def test_a_filter_does_not_change_its_argument(name: str) -> None:
    palette = np.full((256, 3), 7, np.uint8)
    palette.flags.writeable = False
    result = FILTERS[name](palette)
    assert result.shape == palette.shape
    assert result.dtype == np.uint8
