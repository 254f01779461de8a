"""Which pictures are drawn on the event loop, which must never wait for libvips."""

import pytest
import pyvips

from avatar_gen.drawing.styles import STYLES
from avatar_gen.services.render_options import RenderOptions
from avatar_gen.services.rendering import DicebearRequest, RenderRequest


def request(style: str, px: int, format_name: str = "png") -> RenderRequest:
    return RenderRequest(style, "ada", format_name, RenderOptions(size=px))


@pytest.mark.parametrize(
    ("style", "px", "quick"),
    [
        ("pixelize", 256, True),
        ("pixelize", 257, False),
        ("bauhaus", 128, True),
        ("bauhaus", 129, False),
        ("blocks", 128, True),
        ("blocks", 90, False),  # Tiles end between pixels, so librsvg draws them.
    ],
)
def test_small_pictures_are_quick(style: str, px: int, *, quick: bool) -> None:
    assert request(style, px).is_quick() == quick
    assert not request(style, px, "webp").is_quick()


@pytest.mark.parametrize(
    ("style", "px", "format_name", "costly"),
    [
        ("pixelize", 64, "avif", True),
        ("pixelize", 256, "webp", True),
        ("smile", 512, "png", True),
        ("pixelize", 512, "png", False),
        ("smile", 128, "webp", False),
        ("smile", 512, "svg", False),
    ],
)
def test_what_takes_long_is_costly(style: str, px: int, format_name: str, *, costly: bool) -> None:
    assert request(style, px, format_name).is_costly() == costly
    if style == "smile":
        assert DicebearRequest("identicon", {"size": px}, format_name).is_costly() == costly


@pytest.mark.parametrize("style", STYLES)
def test_a_quick_picture_needs_no_libvips(style: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: object, **_options: object) -> None:
        raise AssertionError

    monkeypatch.setattr(pyvips.Image, "svgload_buffer", fail)
    monkeypatch.setattr(pyvips.Image, "new_from_array", fail)
    for px in (16, 31, 64, 90, 128, 256):
        if request(style, px).is_quick():
            assert request(style, px).draw().startswith(b"\x89PNG")
