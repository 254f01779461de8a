"""Redraw the pictures of docs/urls.md, each from the address beside it: `make gallery`."""

import asyncio
import re
from pathlib import Path

from avatar_gen.api.addresses import read_address, split_address
from avatar_gen.cache import PictureCache
from avatar_gen.figures import Figures
from avatar_gen.imaging.pool import Pool
from avatar_gen.rendering import Renderer

PAGE = Path(__file__).with_suffix(".md")


async def pictures() -> dict[Path, bytes]:
    """The PNG files of the page by where they belong."""
    rows = re.findall(r"^\| !\[\]\((\S+)\) \| `(\S+)` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    pool = Pool(1, 1)
    renderer = Renderer(pool, PictureCache(0), Figures())
    drawn = {}
    for file, address in rows:
        path, _, query = address.encode().partition(b"?")
        wanted = read_address(split_address(path), query, b"")
        drawn[PAGE.parent / file] = await renderer.render(wanted, wanted.key())
    pool.close()
    return drawn


if __name__ == "__main__":
    for target, png in asyncio.run(pictures()).items():
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(png)
        print(f"{target}: {len(png):,} bytes")
