import io
import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from avatar_gen.drawing.drawing import Drawing, Flat, StyleInput, Vector
from avatar_gen.drawing.palette import Colour, parse_colour
from avatar_gen.drawing.seed import Chance
from avatar_gen.drawing.styles import STYLES
from avatar_gen.drawing.styles import draw as draw_any
from avatar_gen.drawing.svg import document, to_hex
from avatar_gen.imaging.pipeline import draw_png
from avatar_gen.imaging.png import encode_png
from avatar_gen.imaging.svg import rasterise

SIZES = [16, 32, 64, 128, 256, 512]
BLUE, WHITE = Colour(59, 130, 246), Colour(255, 255, 255)
STYLE_INPUT = StyleInput(BLUE, WHITE, 90)
RED, IVORY = Colour(200, 40, 60), Colour(240, 245, 230)
GOLDEN = Path(__file__).parent.parent / "golden"

seeds = st.text(st.characters(exclude_categories=["Cs"]), max_size=32)
colours = st.builds(Colour, *[st.integers(0, 255)] * 3)
inputs = st.builds(StyleInput, colours, colours, st.floats(0, 360))


def draw(style: str, seed: str, style_input: StyleInput) -> Flat:
    """Return an avatar of a flat style."""
    drawing = draw_any(style, seed, style_input)
    assert isinstance(drawing, Flat)
    return drawing


def pixels(drawing: Drawing, px: int) -> np.ndarray:
    if isinstance(drawing, Flat):
        return drawing.palette[drawing.at(px).pixels()]
    return rasterise(document(drawing.svg, drawing.palette, px, "square", "x"), px)[:, :, :3]


# The seed has no influence on a gradient, and the angle only on gradients.
SEEDS = ("ada", "", "Ада Лавлейс", "👩🏽‍🚀")
PINNED = [
    *((style, seed, 90) for style in ("pixelize", "wave", "retro") for seed in SEEDS),
    *(("gradient", "ada", angle) for angle in (0, 30, 90, 225)),
]


@pytest.mark.parametrize("px", [16, 512])
@pytest.mark.parametrize(("style", "seed", "angle"), PINNED)
def test_pictures_do_not_change(
    style: str, seed: str, px: int, angle: int, request: pytest.FixtureRequest
) -> None:
    name = f"{style}-{seed.encode().hex()[:16] or 'empty'}-{angle}-{px}.png"
    drawing = draw(style, seed, StyleInput(BLUE, WHITE, angle))
    if request.config.getoption("--record-golden") and not (GOLDEN / name).exists():
        (GOLDEN / name).write_bytes(encode_png(drawing.at(px), drawing.palette))
    golden = np.asarray(Image.open(GOLDEN / name).convert("RGB"))
    assert np.array_equal(pixels(drawing, px), golden)


SHAPES = [style for style in STYLES if isinstance(draw_any(style, "ada", STYLE_INPUT), Vector)]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("style", SHAPES)
def test_the_svg_of_shapes_does_not_change(style: str, seed: str, request: pytest.FixtureRequest) -> None:
    """Their pixels may change with another release of the renderer."""
    path = GOLDEN / f"{style}-{seed.encode().hex()[:16] or 'empty'}.svg"
    drawing = draw_any(style, seed, replace(STYLE_INPUT, text=seed))
    assert isinstance(drawing, Vector)
    text = document(drawing.svg, drawing.palette, 64, "square", "x") + "\n"
    if request.config.getoption("--record-golden") and not path.exists():
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


COMPOSED = ["retro", *(style for style in SHAPES if "text" not in STYLES[style].options)]
"""The styles of more than two colours that only the seed influences."""


def test_every_style_is_pinned() -> None:
    assert {name for name, _, _ in PINNED} | set(SHAPES) == set(STYLES)


@given(st.sampled_from(sorted(set(STYLES) - set(SHAPES))), seeds, inputs, st.integers(16, 600))
def test_any_input_can_be_drawn_at_any_size_and_is_always_the_same(
    style: str, seed: str, style_input: StyleInput, px: int
) -> None:
    one, other = draw(style, seed, style_input), draw(style, seed, style_input)
    index_map = one.at(px)
    assert index_map.rows.dtype == np.uint8
    assert index_map.heights.sum() == px
    assert index_map.pixels().shape == (px, px)
    assert index_map.pixels().max() < len(one.palette) <= 256
    assert np.array_equal(index_map.pixels(), other.at(px).pixels())
    assert np.array_equal(one.palette, other.palette)


@given(st.sampled_from(SHAPES), seeds, inputs, st.integers(1, 300))
def test_any_shapes_can_be_drawn_and_are_always_the_same(
    style: str, seed: str, style_input: StyleInput, px: int
) -> None:
    one, other = draw_any(style, seed, style_input), draw_any(style, seed, style_input)
    assert one.svg is not None
    assert other.svg is not None
    assert np.array_equal(one.palette, other.palette)
    text = document(one.svg, one.palette, px, "circle", "x")
    assert text == document(other.svg, other.palette, px, "circle", "x")
    assert rasterise(text, px).shape == (px, px, 4)


IN_SVG = [style for style in STYLES if draw_any(style, "ada", STYLE_INPUT).svg]


@pytest.mark.parametrize("style", IN_SVG)
@settings(max_examples=25)
@given(seed=seeds, style_input=inputs)
def test_ids_start_with_the_prefix_and_are_used(style: str, seed: str, style_input: StyleInput) -> None:
    drawing = draw_any(style, seed, style_input)
    assert drawing.svg is not None
    elements = drawing.svg.paint(to_hex(drawing.palette), "unique-")
    root = ET.fromstring(f"<svg>{elements}</svg>")  # noqa: S314 - our own
    ids = [element.attrib["id"] for element in root.iter() if "id" in element.attrib]
    assert len(set(ids)) == len(ids)
    assert all(each.startswith("unique-") for each in ids)
    values = [value for element in root.iter() for value in element.attrib.values()]
    assert {target for value in values for target in re.findall(r"url\(#(.*?)\)", value)} == set(ids)


@pytest.mark.parametrize("style", IN_SVG)
def test_every_colour_is_the_palettes(style: str) -> None:
    """So filters reach all of it: with a palette of one colour, the whole picture has that colour."""
    for number in range(25):
        drawing = draw_any(style, f"user-{number}", STYLE_INPUT)
        assert drawing.svg is not None
        rose = np.full_like(drawing.palette, (200, 30, 90))
        picture = rasterise(document(drawing.svg, rose, 64, "square", "x"), 64).astype(int)
        # Each cloud over another rounds once more.
        assert np.abs(picture - (200, 30, 90, 255)).max() <= 6


@pytest.mark.parametrize("style", COMPOSED)
def test_both_colours_are_visible_and_most_of_the_drawing_is_in_a_circle(style: str) -> None:
    centres = np.arange(64) - 31.5
    circle = np.hypot(centres, centres[:, np.newaxis]) <= 32
    for number in range(100):
        picture = pixels(draw_any(style, f"user-{number}", StyleInput(RED, IVORY)), 64).astype(int)
        for colour in (RED, IVORY):
            assert (np.abs(picture - colour).max(axis=2) < 16).mean() > 0.003
        drawn = np.abs(picture - IVORY).max(axis=2) > 8
        assert drawn[circle].sum() > LOWEST_SHARE_IN_CIRCLE.get(style, 0.6) * drawn.sum()


LOWEST_SHARE_IN_CIRCLE = {"rings": 1 - 1e-9, "bloom": 1 - 1e-9, "retro": 1 - 1e-9, "smile": 0.85}
"""The share of the drawn pixels. A picture that fills its square has 0.79 of it there."""


@pytest.mark.parametrize("style", COMPOSED)
def test_similar_seeds_have_different_pictures(style: str) -> None:
    pictures = {pixels(draw_any(style, f"user-{number}", STYLE_INPUT), 32).tobytes() for number in range(400)}
    assert len(pictures) == 400


class TestPixelize:
    @given(seeds, st.sampled_from([7, *SIZES]))
    def test_is_mirrored_in_its_cells(self, seed: str, px: int) -> None:
        middles = [(2 * cell + 1) * px // 14 for cell in range(7)]
        cells = draw("pixelize", seed, STYLE_INPUT).at(px).pixels()[np.ix_(middles, middles)]
        assert np.array_equal(cells, cells[:, ::-1])

    @pytest.mark.parametrize("px", SIZES)
    def test_has_its_borders_at_the_floor_of_sevenths(self, px: int) -> None:
        picture = draw("pixelize", "ada", STYLE_INPUT).at(px).pixels()
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
        """So the test above is also true of cells, including corners."""
        drawn = set()
        for i in range(200):
            bits = Chance("pixelize", f"user-{i}").bits(28)
            cells = draw("pixelize", f"user-{i}", STYLE_INPUT).at(7).pixels()[:, :4].ravel()
            assert cells.tolist() == [bits >> cell & 1 for cell in range(28)]
            drawn.add(cells.tobytes())
        assert len(drawn) == 200

    def test_paints_set_cells_in_the_primary_colour(self) -> None:
        drawing = draw("pixelize", "ada", STYLE_INPUT)
        assert drawing.palette.tolist() == [list(WHITE), list(BLUE)]


class TestWave:
    def test_shows_both_colours_to_every_seed(self) -> None:
        shares = [(draw("wave", f"user-{i}", STYLE_INPUT).at(16).pixels() > 7).mean() for i in range(2000)]
        assert min(shares) >= 1 / 8
        assert max(shares) <= 7 / 8

    @given(seeds, st.sampled_from(SIZES))
    def test_is_the_formula_of_the_contract(self, seed: str, px: int) -> None:
        """f(x, y) = (a1 sin(2 pi f1 x + p1) + a2 sin(2 pi f2 y + p2)) / 2 + 0.3 sin(4 pi r)."""
        picture = draw("wave", seed, STYLE_INPUT).at(px).pixels()
        positions = np.arange(px) / px
        heights = wave_heights(positions, positions, *wave_parameters(seed))
        # Heights are rounded to a millionth. Nearer to zero than that, both colours are right.
        certain = abs(heights) > 3e-6
        assert np.array_equal(picture[certain] > 7, heights[certain] > 0)

    @pytest.mark.parametrize("px", [16, 64, 100])
    def test_blends_its_edges_over_one_pixel(self, px: int) -> None:
        """A pixel's step is the share of it that is above zero, counted at 8 x 8 points."""
        for number in range(8):
            drawing = draw("wave", f"user-{number}", STYLE_INPUT)
            steps = drawing.at(px).pixels()
            fine = (np.arange(8 * px) + 0.5) / 8 / px - 0.5 / px
            above = wave_heights(fine, fine, *wave_parameters(f"user-{number}")) > 0
            share = above.reshape(px, 8, px, 8).mean(axis=(1, 3))
            assert np.abs(steps / 15 - share).mean() < 0.25 / px
            # The tip of the rings in the centre may be smaller than a pixel.
            assert (np.abs(steps / 15 - share) > 0.35).sum() <= 2
            between = (steps > 0) & (steps < 15)
            assert 0 < between.mean() < 8 / px

    def test_mixes_its_edges_from_its_two_colours(self) -> None:
        palette = draw("wave", "ada", StyleInput(Colour(0, 100, 255), Colour(255, 100, 0))).palette
        assert len(palette) == 16
        assert palette[0].tolist() == [255, 100, 0]
        assert palette[15].tolist() == [0, 100, 255]
        assert np.abs(np.diff(palette[:, 0].astype(int)) + 17).max() == 0


def wave_parameters(seed: str) -> tuple[float, ...]:
    """Return the parameters of the first wave of which both colours have their share."""
    chance, coarse = Chance("wave", seed), np.arange(16) / 16
    while True:
        f1, f2 = chance.between(0.1, 0.3), chance.between(0.15, 0.4)
        a1, a2 = chance.between(0.3, 0.7), chance.between(0.2, 0.5)
        p1, p2 = chance.between(0, 2 * np.pi), chance.between(0, 2 * np.pi)
        if 1 / 8 <= (wave_heights(coarse, coarse, f1, f2, a1, a2, p1, p2) > 0).mean() <= 7 / 8:
            return f1, f2, a1, a2, p1, p2


def wave_heights(  # noqa: PLR0913, PLR0917 - the contract's own letters
    x: np.ndarray, y: np.ndarray, f1: float, f2: float, a1: float, a2: float, p1: float, p2: float
) -> np.ndarray:
    x, y = x[np.newaxis, :], y[:, np.newaxis]
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
        picture = pixels(draw("gradient", "", StyleInput(BLUE, WHITE, angle)), 16)
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
            grey = pixels(draw("gradient", "", StyleInput(black, white, angle)), px)[:, :, 0]
            assert np.abs(grey - exact).max() <= 0.51

    @given(inputs, st.integers(0, 255))
    def test_has_no_colour_outside_of_its_two(self, style_input: StyleInput, step: int) -> None:
        palette = draw("gradient", "", style_input).palette
        assert len(palette) == 256
        for channel, ends in zip(
            palette[step], zip(style_input.primary, style_input.foreign, strict=True), strict=True
        ):
            assert min(ends) <= channel <= max(ends)

    def test_no_whole_degree_lies_where_a_machine_could_round_otherwise(self) -> None:
        """Sines are rounded to 2**-30. The last bit of a platform, 2**-53, must not decide the direction."""
        sines = np.sin(np.radians(np.arange(361))) * 2**30
        distance = np.abs(sines - np.floor(sines) - 0.5)
        assert distance.min() > 2**-20


class TestBlocks:
    def test_is_mirrored_left_to_right_and_often_top_to_bottom(self) -> None:
        both_ways = 0
        for number in range(100):
            picture = pixels(draw_any("blocks", f"user-{number}", STYLE_INPUT), 64).astype(int)
            # A renderer may smooth the two slopes of an edge differently by a step or two.
            assert np.abs(picture - picture[:, ::-1]).max() <= 32
            both_ways += int(np.abs(picture - picture[::-1]).max() <= 32)
        assert 50 < both_ways < 85

    def test_has_no_seams_where_tiles_of_a_colour_meet_between_pixels(self) -> None:
        """At 101 px the borders of tiles lie inside pixels, at 404 px between pixels."""
        for number in range(50):
            drawing = draw_any("blocks", f"user-{number}", STYLE_INPUT)
            assert drawing.svg is not None
            for colour in range(len(drawing.palette)):
                palette = np.full_like(drawing.palette, 255)
                palette[colour] = 0
                small, large = (
                    np.asarray(
                        Image.open(io.BytesIO(draw_png(replace(drawing, palette=palette), px))).convert("L")
                    )
                    for px in (101, 404)
                )
                throughout = large.reshape(101, 4, 101, 4).max(axis=(1, 3)) == 0
                assert not throughout.any() or small[throughout].max() <= 8


class TestRetro:
    def cells(self, number: int) -> np.ndarray:
        return draw("retro", f"user-{number}", STYLE_INPUT).at(16).pixels()

    def test_is_mirrored_in_its_cells(self) -> None:
        for number in range(200):
            cells = self.cells(number)
            assert np.array_equal(cells, cells[:, ::-1])

    def test_is_in_one_piece(self) -> None:
        for number in range(500):
            rest = self.cells(number) > 0
            found = np.zeros_like(rest)
            found[8, 8] = True
            while True:
                rows = found | np.roll(found, 1, 0) | np.roll(found, -1, 0)
                more = (rows | np.roll(rows, 1, 1) | np.roll(rows, -1, 1)) & rest
                if np.array_equal(more, found):
                    break
                found = more
            assert np.array_equal(found, rest)

    def test_has_eyes_above_a_mouth(self) -> None:
        for number in range(500):
            cells = self.cells(number)
            assert np.isin(cells[5:9], (4, 5, 6)).sum() >= 2
            assert np.isin(cells[9:12, 3:13], (3, 4, 5, 6)).sum() >= 2

    def test_leaves_a_margin(self) -> None:
        for number in range(500):
            cells = self.cells(number)
            assert not cells[0].any()
            assert not cells[14:].any()


def test_a_sun_sets_in_sight() -> None:
    for number in range(300):
        picture = pixels(draw_any("sunset", f"user-{number}", StyleInput(RED, IVORY)), 64).astype(int)
        assert (np.abs(picture - IVORY).max(axis=2) < 8).mean() > 0.02


@pytest.mark.parametrize("px", [16, 17, 64, 100, 333, 1024])
def test_marble_has_no_seams(px: int) -> None:
    """Neighbouring pixels differ at most as much as the slope of a cloud."""
    for number in range(10):
        picture = pixels(draw_any("marble", f"user-{number}", StyleInput(Colour(0, 0, 0), WHITE)), px).astype(
            int
        )
        # Each of the six clouds may round by a level.
        steepest = 255 * 9 / px + 4
        assert np.abs(np.diff(picture, axis=0)).max() <= steepest
        assert np.abs(np.diff(picture, axis=1)).max() <= steepest


def test_colours_reach_the_file() -> None:
    style_input = StyleInput(parse_colour("rebeccapurple"), parse_colour("#ABC"), 90)
    drawing = draw("pixelize", "ada", style_input)
    picture = Image.open(io.BytesIO(encode_png(drawing.at(64), drawing.palette))).convert("RGB")
    assert {colour for _, colour in picture.getcolors() or []} == {(102, 51, 153), (170, 187, 204)}
