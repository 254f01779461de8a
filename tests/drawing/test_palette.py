import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL.ImageColor import colormap, getrgb

from avatar_gen.drawing.palette import (
    DEFAULT_FOREIGN,
    DEFAULT_PRIMARY,
    OWN_COLOURS,
    SCHEMES,
    UnknownColour,
    parse_colour,
)

CONTRACT_SCHEMES = """
green: green, lightgreen · blue: blue, lightblue · red: red, pink · orange: orange, yellow ·
purple: purple, violet · teal: teal, cyan · indigo: indigo, blue · pink: pink, rose ·
emerald: emerald, green · default: #3b82f6, #ef4444 · monochrome: #333333, #666666 ·
vibrant: #FF6B35, #F7931E · pastel: #FFB3BA, #FFDFBA · ocean: #0077BE, #00A8CC ·
sunset: #FF8C42, #FF6B35 · forest: #2E8B57, #32CD32 · royal: #6A0DAD, #8A2BE2
"""

CONTRACT_COLOURS = """
green #22C55E, lightgreen #86EFAC, blue #3B82F6, lightblue #60A5FA, red #EF4444, pink #F472B6,
purple #A855F7, violet #C084FC, orange #F97316, yellow #FDE047, teal #14B8A6, cyan #06B6D4,
indigo #6366F1, rose #F43F5E, emerald #10B981
"""


def test_schemes_are_those_of_the_contract() -> None:
    expected = [entry.split(":") for entry in CONTRACT_SCHEMES.replace("\n", " ").split("·")]
    assert [(name, f" {primary}, {foreign}") for name, primary, foreign in SCHEMES.values()] == [
        (name.strip(), colours.rstrip()) for name, colours in expected
    ]


def test_own_names_are_those_of_the_contract_and_win_over_css() -> None:
    expected = dict(entry.split() for entry in CONTRACT_COLOURS.replace("\n", " ").split(","))
    assert {name: f"#{digits}" for name, digits in OWN_COLOURS.items()} == expected
    assert parse_colour("green") == (0x22, 0xC5, 0x5E) != getrgb("green")
    assert parse_colour(DEFAULT_PRIMARY) == (0x3B, 0x82, 0xF6)
    assert parse_colour(DEFAULT_FOREIGN) == (0x60, 0xA5, 0xFA)


@pytest.mark.parametrize("name", sorted(colormap.keys() - OWN_COLOURS.keys()))
def test_every_css_name_is_known(name: str) -> None:
    assert parse_colour(name) == parse_colour(name.upper()) == getrgb(name)


@given(st.integers(0, 0xFFFFFF))
def test_six_digits_are_three_channels(number: int) -> None:
    assert bytes(parse_colour(f"#{number:06x}")).hex() == f"{number:06x}"
    assert parse_colour(f"#{number:06X}") == parse_colour(f"#{number:06x}")


def test_three_digits_are_doubled() -> None:
    assert parse_colour("#aBc") == (0xAA, 0xBB, 0xCC)


@pytest.mark.parametrize(
    "text", ["", "#", "#12", "#1234", "#12345g", "3B82F", "blu", "rgb(1,2,3)", " blue", "#١٢٣", "blue\n"]
)
def test_anything_else_is_an_error_that_lists_what_is_accepted(text: str) -> None:
    with pytest.raises(UnknownColour, match="Use #rgb, #rrggbb, a CSS colour name, or one of green, "):
        parse_colour(text)
