"""Pictures of stored avatars at widths that are not stored."""

import io
from itertools import product
from uuid import uuid4

import numpy as np
import pytest
import pyvips
from PIL import Image

from avatar_gen.avatar import Avatar
from avatar_gen.drawing.drawing import StyleInput
from avatar_gen.drawing.filters import FILTERS
from avatar_gen.drawing.palette import Colour
from avatar_gen.drawing.styles import STYLES, draw
from avatar_gen.imaging import MEDIA_TYPES, scaled
from avatar_gen.imaging.formats import ENCODERS
from avatar_gen.imaging.pipeline import draw_picture, draw_png
from avatar_gen.services.avatars import StoredPicture, make_picture

STYLE_INPUT = StyleInput(Colour(59, 130, 246), Colour(255, 255, 255))
GRIDS = [style.name for style in STYLES.values() if style.cells]


def stored(png: bytes, style: str) -> StoredPicture:
    """Return the picture of an avatar whose seed is not stored."""
    return StoredPicture(Avatar(id=str(uuid4()), created_ms=0, generator_type=style), png)


def pixels(content: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))


def test_these_styles_are_grids() -> None:
    assert GRIDS == ["pixelize", "retro"]


@pytest.mark.parametrize("filter_name", [None, "sepia"])
@pytest.mark.parametrize("format_name", MEDIA_TYPES)
@pytest.mark.parametrize("style", GRIDS)
def test_a_grid_without_a_seed_is_drawn_as_with_its_seed(
    style: str, format_name: str, filter_name: str | None
) -> None:
    drawing = draw(style, "ada", STYLE_INPUT)
    recolour = FILTERS.get(filter_name or "")
    for width, px in ((32, 17), (128, 80), (512, 700)):
        made = make_picture(stored(draw_png(drawing, width), style), px, format_name, recolour)
        expected = draw_picture(drawing, px, format_name=format_name, recolour=recolour)
        assert np.array_equal(pixels(made), pixels(expected))


def test_a_grid_in_true_colour_is_drawn_too() -> None:
    drawing = draw("pixelize", "ada", STYLE_INPUT)
    png = io.BytesIO()
    Image.fromarray(pixels(draw_png(drawing, 128))).save(png, "PNG")
    made = make_picture(stored(png.getvalue(), "pixelize"), 100, "png")
    assert np.array_equal(pixels(made), pixels(draw_png(drawing, 100)))


def test_a_picture_that_is_not_the_grid_of_its_style_is_scaled() -> None:
    changed = pixels(draw_png(draw("pixelize", "ada", STYLE_INPUT), 128)).copy()
    changed[127, 127] = 1
    smooth = pixels(draw_png(draw("gradient", "ada", STYLE_INPUT), 128))
    transparent = np.dstack((smooth, np.full((128, 128), 9, np.uint8)))
    for picture in (changed, smooth, transparent):
        png = ENCODERS["png"](picture)
        assert make_picture(stored(png, "pixelize"), 100, "png") == scaled(png, 100, "png")
    png = draw_png(draw("pixelize", "ada", STYLE_INPUT), 128)
    for style in ("wave", "removed"):
        assert make_picture(stored(png, style), 100, "png") == scaled(png, 100, "png")


@pytest.mark.parametrize("style", STYLES)
def test_a_stored_picture_that_is_made_on_the_event_loop_needs_no_libvips(
    style: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: object, **_options: object) -> None:
        raise AssertionError

    drawing = draw(style, "ada", STYLE_INPUT)
    pngs = {px: draw_png(drawing, px) for px in (16, 64, 512)}
    monkeypatch.setattr(pyvips, "Operation", fail)
    monkeypatch.setattr(pyvips.Image, "new_from_array", fail)
    monkeypatch.setattr(pyvips.Image, "new_from_memory", fail)
    quick = []
    for (width, png), px, format_name, filter_name in product(
        pngs.items(), (16, 64, 100, 512), MEDIA_TYPES, (None, "sepia")
    ):
        picture = stored(png, style)
        if picture.is_quick(px, format_name, filter_name):
            quick.append((width, px, format_name, filter_name))
            made = make_picture(picture, px, format_name, FILTERS.get(filter_name or ""))
            assert Image.open(io.BytesIO(made)).size == (px, px)
    assert {(px, px, "png", None) for px in pngs} | {(px, px, "webp", None) for px in (16, 64)} <= set(quick)
    assert all(width == px for width, px, *_ in quick)
    assert (512, 512, "webp", None) not in quick
