"""No picture loses its alpha on the way to a format that has alpha; the others show it on white."""

import io

import numpy as np
import pytest
from PIL import Image

from avatar_gen.drawing.drawing import StyleInput
from avatar_gen.drawing.filters import FILTERS
from avatar_gen.drawing.frames import Shape
from avatar_gen.drawing.palette import Colour
from avatar_gen.drawing.placeholders import nothing
from avatar_gen.drawing.styles import STYLES, draw
from avatar_gen.imaging import convert, scaled
from avatar_gen.imaging.formats import ENCODERS, FORMATS
from avatar_gen.imaging.pipeline import draw_picture, draw_png, encode_svg
from avatar_gen.imaging.truecolour import filter_pixels
from avatar_gen.services.identities import IdentityPicture, default_picture

SIZES = range(1, 33)
MD5 = "d" * 32
TRANSPARENT = StyleInput(Colour(59, 130, 246), Colour(239, 68, 68), transparent=True)
GROUNDED = [name for name, style in STYLES.items() if style.ground]


def decoded(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGBA")).astype(int)


def is_blank(data: bytes, format_name: str) -> bool:
    pixels = decoded(data)
    if FORMATS[format_name].has_alpha:
        return bool(pixels[:, :, 3].max() == 0)
    return bool(pixels[:, :, :3].min() >= 254)


@pytest.mark.parametrize("format_name", ENCODERS)
@pytest.mark.parametrize("px", SIZES)
def test_the_blank_default_is_blank(px: int, format_name: str) -> None:
    data = default_picture("blank", IdentityPicture(MD5, px, format_name)).make()
    assert Image.open(io.BytesIO(data)).size == (px, px)
    assert is_blank(data, format_name)


@pytest.mark.parametrize("format_name", ENCODERS)
@pytest.mark.parametrize("px", SIZES)
def test_a_circle_that_is_scaled_keeps_its_corners(px: int, format_name: str) -> None:
    circle = draw_png(draw("pixelize", "ada", TRANSPARENT), 64, None, "circle")
    whole, corner = decoded(circle), decoded(scaled(circle, px, format_name))[0, 0]
    if FORMATS[format_name].has_alpha:
        alpha = decoded(scaled(circle, px, format_name))[:, :, 3]
        assert abs(alpha.mean() - whole[:, :, 3].mean()) < 8
        assert px < 8 or alpha[0, 0] <= 8
    elif px >= 16:  # A JPEG of a few pixels is a blur.
        assert corner[:3].min() > 200


@pytest.mark.parametrize("format_name", ENCODERS)
@pytest.mark.parametrize("shape", ["square", "circle"])
@pytest.mark.parametrize("style", GROUNDED)
def test_a_drawing_without_its_ground_is_transparent_there(
    style: str, shape: Shape, format_name: str
) -> None:
    drawing = draw(style, "ada", TRANSPARENT)
    png = decoded(draw_png(drawing, 64, None, shape))
    assert (png[:, :, 3] == 0).any()
    assert (png[:, :, 3] == 255).any()
    data = draw_picture(drawing, 64, format_name=format_name, shape=shape)
    if FORMATS[format_name].has_alpha:
        assert np.abs(decoded(data)[:, :, 3] - png[:, :, 3]).mean() <= (2 if format_name == "avif" else 0)
        whole = decoded(draw_png(drawing, 64))[:, :, 3]
        assert (png[:, :, 3] <= whole).all()
    else:
        assert decoded(data)[png[:, :, 3] == 0][:, :3].mean() > 240


@pytest.mark.parametrize("format_name", ENCODERS)
def test_a_conversion_keeps_alpha(format_name: str) -> None:
    for style in ("pixelize", "gradient"):  # Indexed, and true colour.
        circle = draw_png(draw(style, "ada", TRANSPARENT), 64, None, "circle")
        data = convert(circle, format_name)
        if FORMATS[format_name].has_alpha:
            difference = np.abs(decoded(data)[:, :, 3] - decoded(circle)[:, :, 3])
            assert difference.mean() <= (2 if format_name == "avif" else 0)
        else:
            assert decoded(data)[0, 0, :3].min() >= 250


@pytest.mark.parametrize("name", FILTERS)
def test_a_filter_on_pixels_keeps_alpha(name: str) -> None:
    circle = draw_png(draw("gradient", "ada", TRANSPARENT), 64, None, "circle")
    before, after = decoded(circle), decoded(filter_pixels(circle, FILTERS[name]))
    assert np.array_equal(before[:, :, 3], after[:, :, 3])
    seen = before[:, :, 3] > 0
    expected = FILTERS[name](before[seen][:, :3].astype(np.uint8))
    assert np.array_equal(after[seen][:, :3], expected)


@pytest.mark.parametrize("format_name", ENCODERS)
def test_an_svg_document_keeps_alpha_and_is_filtered_alike(format_name: str) -> None:
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" width="32" height="32" viewBox="0 0 8 8">'
        '<rect width="4" height="8" fill="#ff0000"/></svg>'
    )
    pixels = decoded(encode_svg(svg, 32, format_name, recolour=FILTERS["negative"]))
    assert np.abs(pixels[:, 2, :3] - (0, 255, 255)).max() < 12
    if FORMATS[format_name].has_alpha:
        assert pixels[:, 2, 3].min() >= 250
        assert pixels[:, 30, 3].max() <= 4
    else:
        assert pixels[:, 30, :3].min() > 240


def test_blank_of_any_size_is_a_small_indexed_file() -> None:
    for px in (1, 16, 2048):
        data = draw_png(nothing(), px)
        assert Image.open(io.BytesIO(data)).mode == "P"
        assert len(data) < 3000
