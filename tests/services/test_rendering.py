"""Which pictures are drawn on the event loop, which must never wait for libvips."""

import pytest
import pyvips

from avatar_gen.drawing.styles import STYLES
from avatar_gen.services.render_options import RenderOptions
from avatar_gen.services.rendering import RenderRequest


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


@pytest.mark.parametrize("style", STYLES)
def test_a_quick_picture_needs_no_libvips(style: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: object, **_options: object) -> None:
        raise AssertionError

    monkeypatch.setattr(pyvips.Image, "svgload_buffer", fail)
    monkeypatch.setattr(pyvips.Image, "new_from_array", fail)
    for px in (16, 31, 64, 90, 128, 256):
        if request(style, px).is_quick():
            assert request(style, px).draw().startswith(b"\x89PNG")
