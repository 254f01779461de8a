"""Overload: four times the capacity. The service refuses the rest, and its liveness probe answers soon."""

import asyncio
import itertools
import multiprocessing
import statistics
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.conftest import MakeService, Service
from tests.servers.processor import reference, slowdown
from tests.slow.size import sized

MEDIAN, SLOWEST = 0.1, 0.3
"""Seconds that the event loop may work before it answers a liveness probe: for the median probe, and for nine
in ten, on an idle machine. Work is processor time of its thread, so other programs do not count, except that
the same work takes more of it then."""

_numbers = itertools.count(time.time_ns() % 1_000_000_000)

WORK = {
    "encoded in the pool": "/api/render/wave/{}.avif?size=512",
    "drawn on the event loop": "/api/render/pixelize/{}.png?size=256",
    "stored": "POST /api/generate",
}


async def ask(port: int, what: str) -> int:
    """Send a request on a connection of its own; return the status."""
    method, _, path = what.rpartition(" ")
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = f"{method or 'GET'} {path.replace('{}', str(next(_numbers)))} HTTP/1.1\r\n"
    writer.write(f"{head}Host: x\r\nConnection: close\r\n\r\n".encode())
    answer = await reader.read(-1)
    writer.close()
    return int(answer[9:12])


async def capacity(port: int, what: str, seconds: float) -> float:
    """Return how many requests a second a few clients get answered, each one after the other."""
    end = time.monotonic() + seconds

    async def client() -> int:
        done = 0
        while time.monotonic() < end:
            done += await ask(port, what) in {200, 201}
        return done

    return sum(await asyncio.gather(*(client() for _ in range(4)))) / seconds


async def offer(port: int, what: str, rate: float, seconds: float) -> Counter[int]:
    """Send `rate` requests a second, whether or not there are answers; return the statuses.

    If this process had to wait for a processor, it does not send all that it has missed at once.
    """
    tasks: list[asyncio.Task[int]] = []
    last = time.monotonic()
    end = last + seconds
    while last < end:
        await asyncio.sleep(0.01)
        now = time.monotonic()
        missing = round(rate * min(now - last, 0.05))
        tasks += [asyncio.create_task(ask(port, what)) for _ in range(missing)]
        last = now
    return Counter(await asyncio.gather(*tasks))


def overload(port: int, what: str) -> tuple[float, Counter[int]]:
    """Measure the capacity for a second, then send four times as many requests for three seconds."""

    async def both() -> tuple[float, Counter[int]]:
        most = await capacity(port, what, 1)
        return most, await offer(port, what, 4 * most, 3)

    return asyncio.run(both())


def work_of(service: Service) -> float:
    """Return the seconds of processor time that the thread of the event loop has used."""
    assert service.process
    pid = service.process.pid
    return int(Path(f"/proc/{pid}/task/{pid}/schedstat").read_text().split()[0]) / 1e9


def work_until_live(service: Service) -> float:
    """Send a liveness probe on a new connection, as load balancers do; return the work until its answer."""
    before = work_of(service)
    assert httpx.get(f"{service.client.base_url}/api/health/live", timeout=60).status_code == 200
    return work_of(service) - before


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the processor time of a thread")
@pytest.mark.parametrize("what", sized(full=list(WORK), small=["encoded in the pool", "stored"]))
def test_four_times_the_capacity_is_refused_in_part_and_delays_no_probe(
    make_service: MakeService, what: str
) -> None:
    service = make_service({"logging": {"level": "error"}, "imaging": {"queue": 16}}).start()
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as process:
        load = process.submit(overload, service.port, WORK[what])
        works, references = [], []
        while not load.done():
            works.append(work_until_live(service))
            references.append(reference())
        most, statuses = load.result()
    deciles = [each / slowdown(references) for each in statistics.quantiles(works, n=10)]
    print(f"{what}: {most:.0f} a second; at four times that {dict(statuses)};", end=" ")
    print(f"probes answered after {deciles[4]:.3f} s (p50), {deciles[8]:.3f} s (p90 of {len(works)}) of work")
    assert statuses.keys() <= {200, 201, 429, 503}
    assert {200, 201} & statuses.keys()
    assert deciles[4] < MEDIAN
    assert deciles[8] < SLOWEST
    assert service.log.read_text() == ""
