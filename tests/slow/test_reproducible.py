"""The same request gets the same bytes, from whichever service and however busy it is."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from avatar_gen.drawing.styles import STYLES
from tests.servers.service import App
from tests.slow.size import sized

PICTURES = sized(full=60_000, small=600)
WIDTHS = (64, 100, 200)


def test_two_services_draw_the_same_files(tmp_path: Path) -> None:
    """A compressor may depend on what its memory held before: one picture in some thousands then differs."""
    apps = [App(tmp_path / name).start() for name in ("one", "other")]
    styles = sorted(STYLES)
    addresses = [
        f"/api/render/{styles[number % len(styles)]}/{number}.png?size={WIDTHS[number % len(WIDTHS)]}"
        for number in range(PICTURES)
    ]

    def files(app: App) -> list[bytes]:
        return [app.client.get(address).content for address in addresses]

    with ThreadPoolExecutor(2) as threads:
        one, other = threads.map(files, apps)
    different = [address for address, *pair in zip(addresses, one, other, strict=True) if pair[0] != pair[1]]
    for app in apps:
        app.close()
    assert different == []
