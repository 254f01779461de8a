import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avatar_gen.drawing.contrast import contrast
from avatar_gen.drawing.oklab import Oklab, direction, luminance, to_colour, to_oklab
from avatar_gen.drawing.palette import Colour

BLACK, WHITE = Colour(0, 0, 0), Colour(255, 255, 255)

channels = st.integers(0, 255)
colours = st.builds(Colour, channels, channels, channels)


@pytest.mark.parametrize(
    ("colour", "expected"),
    [
        (WHITE, (1, 0, 0)),
        (BLACK, (0, 0, 0)),
        (Colour(255, 0, 0), (0.62796, 0.22486, 0.12585)),
        (Colour(0, 255, 0), (0.86644, -0.23389, 0.17950)),
        (Colour(0, 0, 255), (0.45201, -0.03246, -0.31153)),
    ],
)
def test_the_corners_of_srgb_are_those_of_css(colour: Colour, expected: tuple[float, float, float]) -> None:
    """By https://www.w3.org/TR/css-color-4/#color-conversion-code."""
    assert to_oklab(colour) == pytest.approx(expected, abs=1e-5)


@given(colours)
def test_every_colour_survives_the_way_there_and_back(colour: Colour) -> None:
    assert to_colour(to_oklab(colour)) == colour


@given(st.floats(0.1, 1), st.floats(-0.5, 0.5), st.floats(-0.5, 0.5))
def test_colours_outside_srgb_keep_lightness_and_hue(lightness: float, red: float, yellow: float) -> None:
    wanted = Oklab(lightness, red, yellow)
    found = to_oklab(to_colour(wanted))
    # In the dark one step of a channel is a longer way.
    step = 0.012 if lightness > 0.25 else 0.03
    assert found.lightness == pytest.approx(lightness, abs=step)
    across = (found.red * yellow - found.yellow * red) / max(wanted.chroma(), 1e-3)
    assert abs(across) < step
    assert found.chroma() < wanted.chroma() + step


def test_beyond_black_is_black_and_beyond_white_white() -> None:
    assert to_colour(Oklab(-0.5, 0, 0)) == BLACK
    assert to_colour(Oklab(1.5, 0.1, 0.1)) == WHITE


@given(colours, st.integers(-720, 720))
def test_a_rotated_hue_keeps_lightness_and_chroma(colour: Colour, degrees: int) -> None:
    one = to_oklab(colour)
    other = one.turned(degrees)
    assert other.lightness == one.lightness
    assert other.chroma() == pytest.approx(one.chroma(), abs=1e-6)
    assert other.turned(-degrees) == pytest.approx(one, abs=1e-6)


def test_a_grey_stays_grey() -> None:
    assert to_oklab(Colour(128, 128, 128)).with_chroma(0.2).chroma() == 0
    assert not to_oklab(WHITE).is_yellow()


def test_yellow_goes_from_orange_to_lime() -> None:
    yellows = ["ff9900", "ffe000", "c0e000", "806000"]
    others = ["ff0000", "00c000", "0000ff", "ff00ff", "ff5040"]
    assert all(to_oklab(Colour.from_hex(digits)).is_yellow() for digits in yellows)
    assert not any(to_oklab(Colour.from_hex(digits)).is_yellow() for digits in others)


def test_mixes_go_from_one_colour_to_the_other() -> None:
    one, other = Oklab(0.2, 0.1, -0.1), Oklab(0.8, -0.1, 0.1)
    assert one.mixed(other, 0) == one
    assert one.mixed(other, 1) == pytest.approx(other)
    assert one.mixed(other, 0.5) == pytest.approx((0.5, 0, 0))


def test_contrast_is_wcags() -> None:
    assert contrast(BLACK, WHITE) == contrast(WHITE, BLACK) == pytest.approx(21)
    assert contrast(WHITE, Colour(0x76, 0x76, 0x76)) == pytest.approx(4.54, abs=0.005)
    assert contrast(WHITE, Colour(255, 0, 0)) == pytest.approx(3.998, abs=0.001)
    assert luminance(Colour(0, 255, 0)) == pytest.approx(0.7152)


@given(channels)
def test_light_follows_the_formula_of_the_standard(channel: int) -> None:
    part = channel / 255
    exact = part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
    assert luminance(Colour(channel, channel, channel)) == pytest.approx(exact, rel=1e-12)


def test_no_machine_can_round_a_direction_differently() -> None:
    """The last bit of a platform, 2**-53, must not decide, as for the angles of a gradient."""
    for degrees in range(360):
        for part in (math.cos(math.radians(degrees)), math.sin(math.radians(degrees))):
            scaled = part * 2**30
            assert abs(scaled - math.floor(scaled) - 0.5) > 2**-20
        assert direction(degrees) == direction(degrees - 360)
