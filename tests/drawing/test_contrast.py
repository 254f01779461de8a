import pytest
from hypothesis import given
from hypothesis import strategies as st

from avatar_gen.drawing.contrast import BLACK, DARK, TEXT_CONTRAST, contrast, legible
from avatar_gen.drawing.palette import SCHEMES, Colour, parse_colour

colours = st.builds(Colour, *[st.integers(0, 255)] * 3)


@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [("black", "white", 21), ("#777", "white", 4.478), ("#3B82F6", "#60A5FA", 1.447), ("#777", "#777", 1)],
)
def test_contrast_is_that_of_wcag(one: str, other: str, ratio: float) -> None:
    assert contrast(parse_colour(one), parse_colour(other)) == pytest.approx(ratio, abs=0.001)
    assert contrast(parse_colour(other), parse_colour(one)) == contrast(
        parse_colour(one), parse_colour(other)
    )


@given(colours, colours, colours)
def test_letters_can_be_read_on_every_ground(ground: Colour, first: Colour, second: Colour) -> None:
    chosen = legible(ground, first, second)
    assert contrast(ground, chosen) >= TEXT_CONTRAST
    assert (chosen == first) == (contrast(ground, first) >= TEXT_CONTRAST or first == chosen)


def test_letters_have_the_first_readable_colour() -> None:
    navy, white, cream, blue = map(parse_colour, ("navy", "white", "#fff8e1", "#3B82F6"))
    assert legible(navy, blue, cream, white) == cream
    assert legible(navy, blue) == white
    assert legible(blue, navy) == navy if contrast(blue, navy) >= TEXT_CONTRAST else DARK
    assert legible(Colour(118, 118, 118)) == white
    assert legible(Colour(120, 120, 120)) == BLACK


def test_the_default_colours_are_corrected() -> None:
    for scheme in SCHEMES.values():
        primary = parse_colour(scheme.primary)
        assert contrast(primary, legible(primary, parse_colour(scheme.foreign))) >= TEXT_CONTRAST
