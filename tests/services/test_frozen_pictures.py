"""What an address shows is never changed: docs/decisions/0010."""

import asyncio
import hashlib
import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from avatar_gen.api.render_urls import read_render_url, split_render_url
from avatar_gen.drawing.styles import STYLES, traits
from avatar_gen.imaging.pool import Pool
from avatar_gen.runtime.cache import PictureCache
from avatar_gen.services.rendering import Renderer
from avatar_gen.telemetry.request_statistics import RequestStatistics

GOLDEN = Path(__file__).parents[1] / "golden" / "addresses.json"

PATHS = [
    *(
        f"/api/render/{style}/{rest}"
        for style in STYLES
        if traits(style).exact  # The edges of shapes are the renderer's; these are pinned as SVG.
        for rest in ("ada.png", "%E2%98%83.png?size=64&hue=210", "ada.png?size=48&primaryColor=0077BE")
    ),
    *(f"/api/render/{style}/ada.svg?shape=rounded" for style in STYLES if traits(style).has_svg),
    "/api/render/pixelize/ada.png?shape=circle&filter=sepia",
    "/api/render/gradient/ada.png?angle=30&colorScheme=sunset&filter=negative&size=96",
    "/api/render/wave/grace.png?shape=rounded&size=100&filter=grayscale",
]


def shown_at(address: str) -> str:
    """A hash of the pixels, or of the text for SVG, that an address shows."""
    path, _, query = address.encode().partition(b"?")
    request = read_render_url(split_render_url(path), query, b"")

    async def render() -> bytes:
        pool = Pool(1, 1, memory=100_000_000)
        try:
            return await Renderer(pool, PictureCache(0), RequestStatistics()).render(request, request.key())
        finally:
            pool.close()

    content = asyncio.run(render())
    if request.format_name == "png":
        pixels = np.asarray(Image.open(io.BytesIO(content)).convert("RGBA"))
        content = np.where(pixels[:, :, 3:] > 0, pixels, 0).tobytes()
    return hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("address", PATHS)
def test_a_url_always_shows_the_same_picture(address: str, request: pytest.FixtureRequest) -> None:
    golden = json.loads(GOLDEN.read_text(encoding="utf-8")) if GOLDEN.exists() else {}
    if request.config.getoption("--record-golden") and address not in golden:
        golden[address] = shown_at(address)
        GOLDEN.write_text(json.dumps(golden, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    assert shown_at(address) == golden[address]


def test_no_golden_url_was_removed() -> None:
    assert set(json.loads(GOLDEN.read_text(encoding="utf-8"))) <= set(PATHS)
