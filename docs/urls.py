"""Redraw the pictures of docs/urls.md, each from the address beside it: `make gallery`."""

import asyncio
import re
from pathlib import Path

from avatar_gen.api.render_urls import read_render_url, split_render_url
from avatar_gen.imaging.pool import Pool
from avatar_gen.runtime.cache import PictureCache
from avatar_gen.services.rendering import Renderer
from avatar_gen.telemetry.request_statistics import RequestStatistics

PAGE = Path(__file__).with_suffix(".md")


async def pictures() -> dict[Path, bytes]:
    """The PNG files of the page by where they belong."""
    rows = re.findall(r"^\| !\[\]\((\S+)\) \| `(\S+)` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    pool = Pool(1, 1, memory=100_000_000)
    renderer = Renderer(pool, PictureCache(0), RequestStatistics())
    drawn = {}
    for file, address in rows:
        path, _, query = address.encode().partition(b"?")
        request = read_render_url(split_render_url(path), query, b"")
        drawn[PAGE.parent / file] = await renderer.render(request, request.key())
    pool.close()
    return drawn


if __name__ == "__main__":
    for target, png in asyncio.run(pictures()).items():
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(png)
        print(f"{target}: {len(png):,} bytes")
