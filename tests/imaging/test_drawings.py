import io

import numpy as np
import pytest
from PIL import Image

from avatar_gen.drawing.drawing import StyleInput, Vector
from avatar_gen.drawing.filters import FILTERS
from avatar_gen.drawing.frames import FRAMES, Shape
from avatar_gen.drawing.palette import Colour
from avatar_gen.drawing.styles import STYLES, draw, traits
from avatar_gen.drawing.svg import document
from avatar_gen.imaging import thorvg
from avatar_gen.imaging.pipeline import draw_picture, draw_png, draw_pngs
from avatar_gen.imaging.svg import rasterise

STYLE_INPUT = StyleInput(Colour(59, 130, 246), Colour(239, 68, 68), 30, "Ada Lovelace")


def decoded(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGBA")).astype(int)


FLAT = [style for style in STYLES if traits(style).exact and traits(style).has_svg]


@pytest.mark.parametrize("px", [112, 512])
@pytest.mark.parametrize("style", FLAT)
def test_a_flat_drawing_is_the_same_in_svg(style: str, px: int) -> None:
    drawing = draw(style, "ada", STYLE_INPUT)
    assert drawing.svg
    svg = rasterise(document(drawing.svg, drawing.palette, px, "square", "x"), px).astype(int)
    difference = np.abs(svg - decoded(draw_png(drawing, px)))
    # A renderer may round a border to the next pixel, and a step of a ramp to the next one.
    assert (difference.max(axis=2) > 3).mean() < 0.1
    assert np.median(difference) <= 1


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize(
    ("shape", "share"),
    [
        ("circle", np.pi / 4),
        ("rounded", 1 - (4 - np.pi) / 36),
        ("squircle", 0.92704),  # gamma(5/4)^2 / gamma(3/2) of the square
        ("hexagon", 3 * np.sqrt(3) / 8),
    ],
)
def test_a_shape_has_transparent_corners_and_smooth_borders(style: str, shape: Shape, share: float) -> None:
    drawing = draw(style, "ada", STYLE_INPUT)
    picture = decoded(draw_png(drawing, 128, None, shape))
    alpha = picture[:, :, 3]
    assert alpha[0, 0] == alpha[0, -1] == alpha[-1, 0] == alpha[-1, -1] == 0
    assert abs(alpha.mean() / 255 - share) < 0.002
    assert len(np.unique(alpha)) > 8
    assert np.array_equal(alpha, alpha[::-1])
    square = decoded(draw_png(drawing, 128))
    assert np.array_equal(picture[alpha == 255], square[alpha == 255])


@pytest.mark.parametrize("filter_name", FILTERS)
def test_a_filter_changes_colours_alone(filter_name: str) -> None:
    drawing = draw("pixelize", "ada", STYLE_INPUT)
    recolour = FILTERS[filter_name]
    plain, filtered = decoded(draw_png(drawing, 64)), decoded(draw_png(drawing, 64, recolour))
    for colour, new in zip(drawing.palette, recolour(drawing.palette), strict=True):
        assert (filtered[(plain[:, :, :3] == colour).all(axis=2)][:, :3] == new).all()


@pytest.mark.parametrize("shape", sorted(FRAMES))
@pytest.mark.parametrize("style", STYLES)
def test_every_format_shows_the_same_shape(style: str, shape: Shape) -> None:
    drawing = draw(style, "ada", STYLE_INPUT)
    png = decoded(draw_picture(drawing, 96, format_name="png", shape=shape))
    webp = decoded(draw_picture(drawing, 96, format_name="webp", shape=shape))
    seen = png[:, :, 3] > 0
    assert np.array_equal(webp[:, :, 3], png[:, :, 3])
    assert np.array_equal(webp[seen], png[seen])
    avif = decoded(draw_picture(drawing, 96, format_name="avif", shape=shape))
    assert np.abs(avif[seen] - png[seen]).mean() < 8
    jpeg = decoded(draw_picture(drawing, 96, format_name="jpeg", shape=shape))
    alpha = png[:, :, 3:] / 255
    on_white = png[:, :, :3] * alpha + 255 * (1 - alpha)
    assert np.abs(jpeg[:, :, :3] - on_white).mean() < 8


SHAPES = [style for style in STYLES if not traits(style).exact]


@pytest.mark.parametrize("style", STYLES)
def test_several_widths_at_once_are_the_same_files(style: str) -> None:
    widths = (16, 32, 33, 34, 64, 150, 512)
    drawing = draw(style, "ada", STYLE_INPUT)
    assert draw_pngs(drawing, widths) == {px: draw_png(drawing, px) for px in widths}


@pytest.mark.parametrize("style", SHAPES)
def test_shapes_are_of_a_kind_that_thorvg_draws(style: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pipeline does not check their documents."""
    monkeypatch.setattr(thorvg, "draw", lambda *_: np.zeros((8, 8, 4), np.uint8))
    for number in range(100):
        drawing = draw(style, f"{number}", STYLE_INPUT)
        assert isinstance(drawing, Vector)
        text = document(drawing.svg, drawing.palette, 8, "square", "")
        assert not rasterise(text, 8).any()


@pytest.mark.parametrize("style", SHAPES)
def test_a_style_with_a_ground_has_only_opaque_pixels(style: str) -> None:
    """ThorVG relies on this. If a pixel is transparent, its colours are wrong."""
    for number in range(20):
        drawing = draw(style, f"{number}", STYLE_INPUT)
        assert isinstance(drawing, Vector)
        text = document(drawing.at(64), drawing.palette, 64, "square", "")
        assert thorvg.draw(text, 64)[:, :, 3].min() == 255


def test_few_colours_stay_an_indexed_png_in_any_shape() -> None:
    for px in (16, 128, 1024):
        png = draw_png(draw("pixelize", "ada", STYLE_INPUT), px, None, "circle")
        assert Image.open(io.BytesIO(png)).mode == "P"


@pytest.mark.parametrize("px", [16, 17, 64, 255])
def test_a_circle_is_as_large_as_a_circle(px: int) -> None:
    alpha = decoded(draw_png(draw("pixelize", "ada", STYLE_INPUT), px, None, "circle"))[:, :, 3]
    assert abs(alpha.sum() / 255 - np.pi * px * px / 4) < 0.01 * px * px
    assert np.array_equal(alpha, alpha.T)
    assert np.array_equal(alpha, alpha[::-1, ::-1])


def test_a_drawing_without_svg_says_so() -> None:
    with pytest.raises(ValueError, match="only pixels"):
        draw_picture(draw("wave", "ada", STYLE_INPUT), 64, format_name="svg")


@pytest.mark.parametrize("filter_name", FILTERS)
@pytest.mark.parametrize("style", FLAT)
def test_a_filter_is_the_same_in_svg(style: str, filter_name: str) -> None:
    drawing = draw(style, "ada", StyleInput(Colour(90, 200, 130), Colour(250, 240, 120), 30))
    assert drawing.svg
    palette = FILTERS[filter_name](drawing.palette)
    svg = rasterise(document(drawing.svg, palette, 112, "square", "x"), 112).astype(int)
    difference = np.abs(svg - decoded(draw_png(drawing, 112, FILTERS[filter_name])))
    assert np.quantile(difference, 0.8) <= 3
