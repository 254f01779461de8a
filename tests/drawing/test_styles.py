import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from avatar_gen.drawing.drawing import Flat, Look
from avatar_gen.drawing.palette import Colour, parse_colour
from avatar_gen.drawing.seed import Chance
from avatar_gen.drawing.styles import STYLES
from avatar_gen.drawing.styles import draw as draw_any
from avatar_gen.imaging.png import encode_png

SIZES = [16, 32, 64, 128, 256, 512]
BLUE, WHITE = Colour(59, 130, 246), Colour(255, 255, 255)
LOOK = Look(BLUE, WHITE, 90)
FLAT = sorted(style for style in STYLES if isinstance(draw_any(style, "ada", LOOK), Flat))
GOLDEN = Path(__file__).parent.parent / "golden"

seeds = st.text(st.characters(exclude_categories=["Cs"]), max_size=32)
colours = st.builds(Colour, *[st.integers(0, 255)] * 3)
looks = st.builds(Look, colours, colours, st.floats(0, 360))


def draw(style: str, seed: str, look: Look) -> Flat:
    drawing = draw_any(style, seed, look)
    assert isinstance(drawing, Flat)
    return drawing


def pixels(drawing: Flat, px: int) -> np.ndarray:
    return drawing.palette[drawing.at(px).pixels()]


# The seed has no say in a gradient, the angle in nothing else.
PINNED = [
    *((style, seed, 90) for style in ("pixelize", "wave") for seed in ("ada", "", "Ада Лавлейс", "👩🏽‍🚀")),
    *(("gradient", "ada", angle) for angle in (0, 30, 90, 225)),
]


@pytest.mark.parametrize("px", [16, 512])
@pytest.mark.parametrize(("style", "seed", "angle"), PINNED)
def test_every_release_draws_what_the_first_one_drew(
    style: str, seed: str, px: int, angle: int, request: pytest.FixtureRequest
) -> None:
    name = f"{style}-{seed.encode().hex()[:16] or 'empty'}-{angle}-{px}.png"
    drawing = draw(style, seed, Look(BLUE, WHITE, angle))
    if request.config.getoption("--record-golden") and not (GOLDEN / name).exists():
        (GOLDEN / name).write_bytes(encode_png(drawing.at(px), drawing.palette))
    golden = np.asarray(Image.open(GOLDEN / name).convert("RGB"))
    assert np.array_equal(pixels(drawing, px), golden)


@given(st.sampled_from(FLAT), seeds, looks, st.integers(16, 600))
def test_anything_can_be_drawn_at_any_size_and_always_alike(
    style: str, seed: str, look: Look, px: int
) -> None:
    one, other = draw(style, seed, look), draw(style, seed, look)
    index_map = one.at(px)
    assert index_map.rows.dtype == np.uint8
    assert index_map.heights.sum() == px
    assert index_map.pixels().shape == (px, px)
    assert index_map.pixels().max() < len(one.palette) <= 256
    assert np.array_equal(index_map.pixels(), other.at(px).pixels())
    assert np.array_equal(one.palette, other.palette)


class TestPixelize:
    @given(seeds, st.sampled_from([7, *SIZES]))
    def test_is_mirrored_in_its_cells(self, seed: str, px: int) -> None:
        middles = [(2 * cell + 1) * px // 14 for cell in range(7)]
        cells = draw("pixelize", seed, LOOK).at(px).pixels()[np.ix_(middles, middles)]
        assert np.array_equal(cells, cells[:, ::-1])

    @pytest.mark.parametrize("px", SIZES)
    def test_has_its_borders_at_the_floor_of_sevenths(self, px: int) -> None:
        picture = draw("pixelize", "ada", LOOK).at(px).pixels()
        borders = {i * px // 7 for i in range(1, 7)}
        assert set(np.flatnonzero(np.diff(picture, axis=1).any(axis=0)) + 1) <= borders
        assert set(np.flatnonzero(np.diff(picture, axis=0).any(axis=1)) + 1) <= borders

    def test_uses_its_whole_space(self) -> None:
        """100,000 seeds: 28 fair cells, and no more equal patterns than birthdays allow."""
        patterns = [Chance("pixelize", f"user-{i}").bits(28) for i in range(100_000)]
        # n**2 / 2N = 18.6 pairs are to be expected; more than 40 have a chance of 1 in 100,000.
        assert len(set(patterns)) > 100_000 - 40
        bits = np.array(patterns)[:, np.newaxis] >> np.arange(28) & 1
        assert np.all(np.abs(bits.mean(axis=0) - 0.5) < 0.01)

    def test_draws_each_bit_in_a_cell_of_its_own(self) -> None:
        """What the test above says of bits holds for cells, corners included."""
        drawn = set()
        for i in range(200):
            bits = Chance("pixelize", f"user-{i}").bits(28)
            cells = draw("pixelize", f"user-{i}", LOOK).at(7).pixels()[:, :4].ravel()
            assert cells.tolist() == [bits >> cell & 1 for cell in range(28)]
            drawn.add(cells.tobytes())
        assert len(drawn) == 200

    def test_paints_set_cells_in_the_primary_colour(self) -> None:
        drawing = draw("pixelize", "ada", LOOK)
        assert drawing.palette.tolist() == [list(WHITE), list(BLUE)]


class TestWave:
    def test_shows_both_colours_to_every_seed(self) -> None:
        shares = [draw("wave", f"user-{i}", LOOK).at(16).pixels().mean() for i in range(2000)]
        assert min(shares) >= 1 / 8
        assert max(shares) <= 7 / 8

    @given(seeds, st.sampled_from(SIZES))
    def test_is_the_formula_of_the_contract(self, seed: str, px: int) -> None:
        """f(x, y) = (a1 sin(2 pi f1 x + p1) + a2 sin(2 pi f2 y + p2)) / 2 + 0.3 sin(4 pi r)."""
        chance = Chance("wave", seed)
        picture = draw("wave", seed, LOOK).at(px).pixels()
        while True:
            f1, f2 = chance.between(0.1, 0.3), chance.between(0.15, 0.4)
            a1, a2 = chance.between(0.3, 0.7), chance.between(0.2, 0.5)
            p1, p2 = chance.between(0, 2 * np.pi), chance.between(0, 2 * np.pi)
            if 1 / 8 <= (wave_heights(16, f1, f2, a1, a2, p1, p2) > 0).mean() <= 7 / 8:
                break
        heights = wave_heights(px, f1, f2, a1, a2, p1, p2)
        # Heights are rounded to a millionth: nearer to zero than that, either colour is right.
        assert np.array_equal(picture[abs(heights) > 3e-6], heights[abs(heights) > 3e-6] > 0)

    @given(seeds)
    def test_at_half_the_size_is_every_other_pixel(self, seed: str) -> None:
        drawing = draw("wave", seed, LOOK)
        assert np.array_equal(drawing.at(512).pixels()[::2, ::2], drawing.at(256).pixels())


def wave_heights(  # noqa: PLR0913, PLR0917 - the contract's own letters
    px: int, f1: float, f2: float, a1: float, a2: float, p1: float, p2: float
) -> np.ndarray:
    x = np.arange(px)[np.newaxis, :] / px
    y = np.arange(px)[:, np.newaxis] / px
    r = np.hypot(x - 0.5, y - 0.5)
    crossing = (a1 * np.sin(2 * np.pi * f1 * x + p1) + a2 * np.sin(2 * np.pi * f2 * y + p2)) / 2
    return crossing + 0.3 * np.sin(4 * np.pi * r)


class TestGradient:
    @pytest.mark.parametrize(
        ("angle", "start", "end"),
        [(0, (8, 0), (8, 15)), (90, (0, 8), (15, 8)), (180, (8, 15), (8, 0)), (270, (15, 8), (0, 8))],
    )
    def test_leads_from_primary_to_foreign(
        self, angle: int, start: tuple[int, int], end: tuple[int, int]
    ) -> None:
        picture = pixels(draw("gradient", "", Look(BLUE, WHITE, angle)), 16)
        assert tuple(picture[start]) == BLUE
        assert tuple(picture[end]) == WHITE

    @pytest.mark.parametrize("px", SIZES)
    def test_is_within_a_step_of_the_exact_ramp(self, px: int) -> None:
        black, white = Colour(0, 0, 0), Colour(255, 255, 255)
        for angle in range(0, 361, 15):
            radians = np.radians(angle)
            at = np.arange(1 - px, px, 2) / (px - 1)
            along = at[np.newaxis, :] * np.cos(radians) + at[:, np.newaxis] * np.sin(radians)
            exact = np.clip((along + 1) / 2, 0, 1) * 255
            grey = pixels(draw("gradient", "", Look(black, white, angle)), px)[:, :, 0]
            assert np.abs(grey - exact).max() <= 0.51

    @given(looks, st.integers(0, 255))
    def test_has_no_colour_outside_of_its_two(self, look: Look, step: int) -> None:
        palette = draw("gradient", "", look).palette
        assert len(palette) == 256
        for channel, ends in zip(palette[step], zip(look.primary, look.foreign, strict=True), strict=True):
            assert min(ends) <= channel <= max(ends)

    def test_no_whole_degree_lies_where_a_machine_could_round_otherwise(self) -> None:
        """Sines are rounded at 2**-30; a platform's last bit, 2**-53, must not decide which way."""
        sines = np.sin(np.radians(np.arange(361))) * 2**30
        distance = np.abs(sines - np.floor(sines) - 0.5)
        assert distance.min() > 2**-20


def test_colours_reach_the_file() -> None:
    look = Look(parse_colour("rebeccapurple"), parse_colour("#ABC"), 90)
    drawing = draw("pixelize", "ada", look)
    picture = Image.open(io.BytesIO(encode_png(drawing.at(64), drawing.palette))).convert("RGB")
    assert {colour for _, colour in picture.getcolors() or []} == {(102, 51, 153), (170, 187, 204)}
