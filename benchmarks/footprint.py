"""Memory, disk, and the time of a start."""

import asyncio
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import cycle

from avatar_gen.imaging.pool import TRIM_SECONDS
from benchmarks.cases import MIXED
from benchmarks.load import NoAnswers, Request, ask_once, load
from benchmarks.results import Results
from benchmarks.servers import Server, running

SETTLED = 20_000
"""Renders after which memory should no longer grow: caches are full, and all libraries are loaded."""


def import_seconds(times: int) -> float:
    """Return how much longer Python takes with the package than without.

    Before it prints its help, the command imports all that serving needs, as it always does.
    """
    return statistics.median(
        _seconds("-m", "avatar_gen", "serve", "--help") - _seconds("-c", "") for _ in range(times)
    )


def _seconds(*arguments: str) -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)  # noqa: S603
    return time.perf_counter() - started


def starts(times: int) -> Iterator[tuple[float, float]]:
    """Start with a new database each time.

    Yield the seconds until the first answer, and the ms that the first picture of a DiceBear style takes.
    """
    for _ in range(times):
        with running({"ours"}) as servers:
            server = servers["ours"]
            before = time.perf_counter()
            asyncio.run(ask_once(server.port, _FIRST_PICTURE))
            yield server.ready, (time.perf_counter() - before) * 1000


_FIRST_PICTURE = Request("/10.x/lorelei/png?seed=ada&size=128")


def disk_for_an_avatar(server: Server) -> float:
    """Return the mean of the bytes on disk of the avatars that the server made."""
    store = server.folder / "storage" / "avatars"
    objects = (store / avatar[:2] / f"{avatar}.zip" for avatar in server.avatars)
    return statistics.mean(each.stat().st_blocks * 512 for each in objects)


def watch_memory(
    renders: int, seconds: float, progress: Callable[[str], None]
) -> Iterator[tuple[int, float]]:
    """Yield the number of unique pictures rendered so far, and the memory of the worker in MB.

    Before the last value, the worker has returned its free memory to the system. The measurement ends early
    if a busy machine answers none of the requests.
    """
    with running({"ours as in the image"}) as servers:
        server = servers["ours as in the image"]
        done = unanswered = 0
        yield done, server.rss()
        for request in cycle(MIXED):
            if done >= renders or unanswered > len(MIXED):
                break
            try:
                done += asyncio.run(load(server.port, request, 16, seconds)).requests
                unanswered = 0
            except NoAnswers:
                unanswered += 1
            yield done, server.rss()
            progress(f"memory, {done:,} of {renders:,} renders")
        time.sleep(TRIM_SECONDS + 1)
        yield done, server.rss()


def slope(memory: list[tuple[int, float]]) -> float:
    """Return the growth in MB for 10,000 renders, after the first 20,000."""
    settled = [(done, mb) for done, mb in memory if done >= SETTLED]
    return statistics.linear_regression(*zip(*settled, strict=True)).slope * 10_000


def measure(
    results: Results, times: int, renders: int, seconds: float, progress: Callable[[str], None]
) -> None:
    """Measure memory and starts, and add them to the results."""
    progress("import and start")
    results.single["import, s"] = import_seconds(times)
    ready, first_picture = zip(*starts(times), strict=True)
    results.single["ready, s"] = statistics.median(ready)
    results.single["first DiceBear picture, ms"] = statistics.median(first_picture)
    results.memory = list(watch_memory(renders, seconds, progress))
    results.single["RSS idle, MB"] = results.memory[0][1]
    rendered, memory = results.memory[-1]
    if rendered >= renders > SETTLED:
        results.single["RSS after all renders, MB"] = memory
        results.single["RSS slope, MB for 10,000"] = slope(results.memory)
