import pytest
from hypothesis import given
from hypothesis import strategies as st

from avatar_gen.drawing.contrast import GRAPHICS_CONTRAST, contrast, legible
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


@given(colours, colours)
def test_whatever_is_asked_for_can_be_read(ground: Colour, spec: Colour) -> None:
    chosen = legible(ground, spec)
    assert contrast(ground, chosen) >= GRAPHICS_CONTRAST
    assert (chosen == spec) == (contrast(ground, spec) >= GRAPHICS_CONTRAST)


def test_the_colours_of_the_house_are_mended() -> None:
    assert all(
        contrast(primary, legible(primary, parse_colour(scheme.foreign))) >= GRAPHICS_CONTRAST
        for scheme in SCHEMES.values()
        for primary in [parse_colour(scheme.primary)]
    )
