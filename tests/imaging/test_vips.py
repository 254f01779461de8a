import io

import numpy as np
import pytest
import pyvips
from PIL import Image

from avatar_gen.drawing.drawing import StyleInput
from avatar_gen.drawing.palette import Colour
from avatar_gen.drawing.styles import STYLES, draw
from avatar_gen.imaging import convert
from avatar_gen.imaging.formats import ENCODERS
from avatar_gen.imaging.pipeline import draw_png


def png_of(style: str, px: int) -> bytes:
    drawing = draw(style, "ada", StyleInput(Colour(59, 130, 246), Colour(239, 68, 68), 30))
    return draw_png(drawing, px)


def decoded(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"), dtype=int)


@pytest.mark.parametrize("px", [16, 64, 512])
@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize(("format_name", "most"), [("webp", 0), ("avif", 8), ("jpeg", 8)])
def test_a_format_shows_the_picture(style: str, px: int, format_name: str, most: float) -> None:
    """`most` is the mean difference to the drawn pixels, of 255: none for WebP, which is lossless."""
    png = png_of(style, px)
    data = convert(png, format_name)
    assert Image.open(io.BytesIO(data)).format == format_name.upper()
    assert np.abs(decoded(data) - decoded(png)).mean() <= most
    assert data == convert(png, format_name)


def test_nothing_but_png_and_svg_is_ever_decoded() -> None:
    for format_name in ENCODERS:
        if format_name == "png":
            continue
        with pytest.raises(pyvips.Error):
            pyvips.Image.new_from_buffer(convert(png_of("pixelize", 16), format_name), "")
