"""Which pictures are drawn on the event loop, which must never wait for libvips."""

import asyncio

import pytest
import pyvips

from avatar_gen.drawing.styles import STYLES
from avatar_gen.imaging.pool import Pool
from avatar_gen.runtime.cache import PictureCache
from avatar_gen.runtime.compression import MAGIC, pack
from avatar_gen.services.render_options import RenderOptions
from avatar_gen.services.rendering import DicebearRequest, Renderer, RenderRequest
from avatar_gen.telemetry.request_statistics import RequestStatistics


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


def test_a_text_is_drawn_and_compressed_once() -> None:
    statistics = RequestStatistics()
    drawing = request("marble", 128, "svg")

    async def render() -> list[bytes]:
        pool = Pool(1, 8, memory=64_000_000)
        renderer = Renderer(pool, PictureCache(1_000_000), statistics)
        packed = [await renderer.render(drawing, drawing.key(), packed=True) for _ in range(3)]
        plain = await renderer.render(drawing, drawing.key())
        pool.close()
        return [*packed, plain]

    first, second, third, plain = asyncio.run(render())
    assert first is second is third
    assert first == pack(plain)
    assert first.startswith(MAGIC)
    assert statistics.renders["marble", "svg"] == 2
