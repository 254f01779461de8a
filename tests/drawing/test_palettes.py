import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avatar_gen.drawing.contrast import GRAPHICS_CONTRAST, TEXT_CONTRAST, contrast
from avatar_gen.drawing.drawing import StyleInput
from avatar_gen.drawing.harmony import midtone, third_colour
from avatar_gen.drawing.oklab import distance, to_oklab
from avatar_gen.drawing.palette import SCHEMES, Colour
from avatar_gen.drawing.palettes import (
    PALETTES,
    CuratedPalette,
    UnusablePalette,
    build_palette,
    choose,
    grounds,
)
from avatar_gen.drawing.seed import Chance
from avatar_gen.drawing.styles import draw

seeds = st.text(st.characters(exclude_categories=["Cs"]), max_size=64)


def colours(text: str) -> tuple[Colour, ...]:
    return tuple(map(Colour.from_hex, text.split()))


def test_there_are_many_palettes_and_none_is_named_like_a_colour_scheme() -> None:
    assert len(PALETTES) >= 24
    assert not PALETTES.keys() & SCHEMES.keys()
    assert all(re.fullmatch(r"[a-z]+", name) for name in PALETTES)
    assert len({palette.colours for palette in PALETTES.values()}) == len(PALETTES)


@pytest.mark.parametrize("palette", PALETTES.values(), ids=PALETTES)
def test_every_colour_of_a_palette_is_used_and_none_is_muddy(palette: CuratedPalette) -> None:
    used = {colour for ground, drawable in grounds(palette) for colour in (ground, *drawable)}
    assert used == set(palette.colours)
    assert not any(
        to_oklab(colour).is_muddy() for colour in palette.colours if to_oklab(colour).lightness > 0.4
    )
    assert sum(len(drawable) for _, drawable in grounds(palette)) >= 4


@given(seeds, st.none() | st.sampled_from(list(PALETTES.values())))
def test_the_colours_of_a_picture_are_of_one_palette_and_contrast(
    seed: str, palette: CuratedPalette | None
) -> None:
    chosen = choose(seed, palette)
    assert {chosen.primary, chosen.foreign} < set(chosen.palette)
    assert palette is None or chosen.palette == palette.colours
    third = third_colour(
        Chance("x", seed), StyleInput(chosen.primary, chosen.foreign, palette=chosen.palette)
    )
    assert third in chosen.palette
    assert third not in {chosen.primary, chosen.foreign}
    for colour in (chosen.primary, third):
        assert contrast(colour, chosen.foreign) >= GRAPHICS_CONTRAST


def test_seeds_use_every_palette_and_every_pair() -> None:
    chosen = {choose(f"user-{number}") for number in range(5000)}
    assert {each.palette for each in chosen} == {palette.colours for palette in PALETTES.values()}
    assert len(chosen) > 300


@given(seeds, st.sampled_from(sorted(PALETTES)))
def test_letters_can_be_read_in_every_palette(seed: str, name: str) -> None:
    chosen = choose(seed, PALETTES[name])
    style_input = StyleInput(chosen.primary, chosen.foreign, text="Ada", palette=chosen.palette)
    ground, letters = draw("initials", "", style_input).palette.tolist()
    assert contrast(Colour(*ground), Colour(*letters)) >= TEXT_CONTRAST


@pytest.mark.parametrize(
    ("seed", "expected"),
    [
        ("ada", "2f7a4a fff8e1"),
        ("", "e3bd9b 33202a"),
        ("Ада Лавлейс", "14304a eaf6f3"),
        ("👩🏽‍🚀", "fceee1 2a2440"),
    ],
)
def test_a_seed_always_chooses_the_same_colours(seed: str, expected: str) -> None:
    primary, foreign, _ = choose(seed)
    assert f"{bytes(primary).hex()} {bytes(foreign).hex()}" == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("ffffff 000000", "must have 5 colours"),
        ("ffffff fefefe 000000 ff0000 0000ff", "two colours that look alike: #ffffff and #fefefe"),
        ("ffffff ffff00 ffc0c0 c0ffc0 00ffff", "no colour with a contrast of 3:1 to #ffffff"),
    ],
)
def test_an_unusable_palette_is_an_error_that_says_why(text: str, reason: str) -> None:
    with pytest.raises(UnusablePalette, match=reason):
        build_palette("mine", colours(text))


def test_a_midtone_is_never_muddy() -> None:
    for number in range(1000):
        primary, foreign, _ = choose(f"user-{number}")
        middle = midtone(primary, foreign)
        assert min(distance(middle, primary), distance(middle, foreign)) > 0.04
