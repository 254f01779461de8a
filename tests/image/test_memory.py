"""512 MB and one processor are enough on a host with any number of cores."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.image.conftest import Container, RunImage

LIMITS = ("--memory", "512m", "--memory-swap", "512m")
PEAK = """
import pathlib
for name in ("memory.peak", "memory/memory.max_usage_in_bytes"):
    path = pathlib.Path("/sys/fs/cgroup", name)
    if path.exists():
        print(path.read_text())
"""
MANY_CORES = """
import os
os.cpu_count = lambda: 32
os.sched_getaffinity = lambda _: set(range(32))
"""
"""What Python sees on a host with 32 cores. The quota of the container stays what it is."""

STYLES = ("marble", "pixelize", "smile", "lorelei", "bauhaus", "glass")


def flood(container: Container, count: int) -> set[int]:
    """Request the most expensive pictures, all at once; the statuses of the answers."""

    def draw(number: int) -> int:
        address = f"/api/render/{STYLES[number % len(STYLES)]}/{number}.avif?size=1024&shape=circle"
        return httpx.get(f"{container.client.base_url}{address}", timeout=300).status_code

    with ThreadPoolExecutor(count) as threads:
        return set(threads.map(draw, range(count)))


@pytest.mark.parametrize(
    ("processors", "used"),
    [
        (("--cpuset-cpus", "0"), 1),
        (("--cpus", "1", "--env", "PYTHONPATH=/faked"), 1),
        (("--env", "PYTHONPATH=/faked"), 32),
    ],
    ids=["a set of processors", "a quota on 32 cores", "all of 32 cores"],
)
def test_ninety_large_pictures_at_once_do_not_end_it(
    run_image: RunImage, tmp_path: Path, processors: tuple[str, ...], used: int
) -> None:
    (tmp_path / "sitecustomize.py").write_text(MANY_CORES)
    tmp_path.chmod(0o755)
    container = run_image(*LIMITS, *processors, "--volume", f"{tmp_path}:/faked:ro")
    container.wait_until_ready()
    script = "from avatar_gen.runtime.processors import usable_processors; print(usable_processors())"
    assert container.run("python", "-c", script) == f"{used}\n"
    statuses = flood(container, 90)
    assert 200 in statuses
    assert statuses <= {200, 503}
    assert container.client.get("/api/health").status_code == 200
    assert not container.inspect(".State.OOMKilled")
    assert container.inspect(".RestartCount") == 0
    peak = int(container.run("python", "-c", PEAK))
    print(f"{' '.join(processors)}: {peak / 1e6:.0f} MB at the peak, on {os.cpu_count()} cores")
    assert peak < 512 * 2**20
