import colorsys
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avatar_gen.drawing.contrast import GRAPHICS_CONTRAST, contrast
from avatar_gen.drawing.harmony import (
    ACCENTS,
    _hue_of_css,
    accent,
    blend,
    by_lightness,
    eye,
    half,
    ink,
    line_on,
    palette,
    seed_colours,
    shadow,
    silhouette,
)
from avatar_gen.drawing.oklab import to_oklab
from avatar_gen.drawing.palette import Colour

seeds = st.text(st.characters(exclude_categories=["Cs"]), max_size=256)
hues = st.integers(0, 359)
colours = st.builds(Colour, *[st.integers(0, 255)] * 3)
greys = st.builds(lambda level: Colour(level, level, level), st.integers(0, 255))


def hue_of(colour: Colour) -> float:
    return 360 * colorsys.rgb_to_hls(*(channel / 255 for channel in colour))[0]


def between(one: float, other: float) -> float:
    return abs((one - other + 180) % 360 - 180)


class TestSeedColours:
    @pytest.mark.parametrize(
        ("seed", "hue", "expected"),
        [
            ("ada", None, "512a00 a8bdff"),
            ("", None, "0c2460 ffa6ae"),
            ("Ада Лавлейс", None, "003e40 9dc4ff"),
            ("👩🏽‍🚀", None, "d6f2a1 a21a24"),
            ("ada", 217, "032f76 8dc5ff"),
            ("ada", 0, "68040f ffa1aa"),
        ],
    )
    def test_are_always_the_same(self, seed: str, hue: int | None, expected: str) -> None:
        primary, foreign = seed_colours(seed, hue)
        assert f"{bytes(primary).hex()} {bytes(foreign).hex()}" == expected

    @given(seeds, st.none() | hues)
    def test_contrast_as_much_as_graphics_must(self, seed: str, hue: int | None) -> None:
        assert contrast(*seed_colours(seed, hue)) >= GRAPHICS_CONTRAST

    def test_contrast_for_every_hue(self) -> None:
        for hue in range(360):
            for number in range(20):
                assert contrast(*seed_colours(f"user-{number}", hue)) >= GRAPHICS_CONTRAST

    @given(seeds, hues)
    def test_are_of_the_hue_that_was_asked_for(self, seed: str, hue: int) -> None:
        primary, foreign = seed_colours(seed, hue)
        assert between(hue_of(primary), hue) <= 15
        # Ten degrees in Oklab are up to 26 in hsl(). A pale tint has few steps of hue.
        assert between(hue_of(foreign), hue) <= 45 or to_oklab(foreign).chroma() < 0.06

    def test_are_vivid_and_of_all_hues(self) -> None:
        chosen = [seed_colours(f"user-{number}") for number in range(2000)]
        assert len(set(chosen)) > 1990
        assert min(max(to_oklab(colour).chroma() for colour in pair) for pair in chosen) > 0.06
        for low in range(0, 360, 30):
            assert sum(low <= hue_of(primary) < low + 30 for primary, _ in chosen) > 40

    def test_have_no_mud(self) -> None:
        """A yellow that is dark, unless it is the hue of a brand."""
        for number in range(2000):
            for colour in seed_colours(f"user-{number}"):
                lightness, red, yellow = oklab = to_oklab(colour)
                near_yellow = between(math.degrees(math.atan2(yellow, red)), 97) < 30
                assert not near_yellow or lightness > 0.7 or oklab.chroma() < 0.06

    def test_no_hue_lies_where_a_machine_could_round_otherwise(self) -> None:
        for hue in range(360):
            channels = (round(255 * part) for part in colorsys.hls_to_rgb(hue / 360, 0.6, 0.7))
            _, red, yellow = to_oklab(Colour(*channels))
            degrees = math.degrees(math.atan2(yellow, red))
            assert round(degrees) % 360 == _hue_of_css(hue)
            assert abs(degrees - math.floor(degrees) - 0.5) > 1e-9


class TestThirdColours:
    @given(colours, colours, st.sampled_from(ACCENTS))
    def test_an_accent_differs_from_both(self, primary: Colour, foreign: Colour, degrees: int) -> None:
        third = to_oklab(accent(primary, foreign, degrees))
        for colour in (primary, foreign):
            assert math.dist(third, to_oklab(colour)) > 0.04

    @given(greys, greys, st.sampled_from(ACCENTS))
    def test_greys_have_a_grey_accent(self, primary: Colour, foreign: Colour, degrees: int) -> None:
        assert len(set(accent(primary, foreign, degrees))) == 1

    def test_the_accent_of_a_grey_and_a_colour_is_a_colour(self) -> None:
        assert to_oklab(accent(Colour(0, 0, 0), Colour(255, 210, 0), -50)).chroma() > 0.1

    @given(colours, colours, colours)
    def test_half_is_between_two_in_lightness(self, colour: Colour, one: Colour, other: Colour) -> None:
        darker, lighter = (to_oklab(each).lightness for each in by_lightness(one, other))
        # Near black, one step of a channel is 0.04 of lightness.
        assert darker - 0.05 <= to_oklab(half(colour, one, other)).lightness <= lighter + 0.05

    @given(colours, colours)
    def test_a_blend_leads_from_one_to_the_other(self, one: Colour, other: Colour) -> None:
        assert blend(one, other, 0) == one
        assert blend(one, other, 1) == other

    @given(colours)
    def test_an_eye_and_a_line_can_be_seen_on_every_colour(self, colour: Colour) -> None:
        assert contrast(*eye(colour)) > 12
        assert line_on(colour) in eye(colour)
        assert contrast(line_on(colour), colour) > 4

    @given(colours, colours)
    def test_ink_is_dark_where_both_are_light_and_light_where_they_are_dark(
        self, primary: Colour, foreign: Colour
    ) -> None:
        darker, lighter = (to_oklab(each).lightness for each in by_lightness(primary, foreign))
        lightness = to_oklab(ink(primary, foreign)).lightness
        assert lightness < 0.25 or lightness > 0.94
        if darker > 0.6:
            assert lightness < 0.25
        if lighter < 0.55:
            assert lightness > 0.94

    @given(colours)
    def test_shadows_are_darker(self, colour: Colour) -> None:
        lightness = to_oklab(colour).lightness
        assert to_oklab(shadow(colour)).lightness <= lightness + 0.01
        assert to_oklab(silhouette(colour)).lightness <= min(lightness, 0.33) + 0.01

    def test_a_palette_has_a_row_for_each_colour(self) -> None:
        assert palette(Colour(1, 2, 3), Colour(4, 5, 6)).tolist() == [[1, 2, 3], [4, 5, 6]]
