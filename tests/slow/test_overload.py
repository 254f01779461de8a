"""Four times as much as can be done: the rest is refused, and nobody doubts that the service lives."""

import asyncio
import itertools
import multiprocessing
import statistics
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

from tests.conftest import MakeService, Service

SOON = 0.1
"""Seconds that its event loop works before /api/health/live is answered. Not all that pass: other programs of
this machine can take its processors away for as long as they like, and with them those of the client, which
then sends much at once: so one answer in twenty may take longer."""

SELDOM = 0.3

_numbers = itertools.count(time.time_ns() % 1_000_000_000)

WORK = {
    "encoded in the pool": "/api/render/wave/{}.avif?size=512",
    "drawn on the event loop": "/api/render/pixelize/{}.png?size=256",
    "kept": "POST /api/generate",
}


async def ask(port: int, what: str) -> int:
    """The status of one, on a connection of its own."""
    method, _, path = what.rpartition(" ")
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = f"{method or 'GET'} {path.replace('{}', str(next(_numbers)))} HTTP/1.1\r\n"
    writer.write(f"{head}Host: x\r\nConnection: close\r\n\r\n".encode())
    answer = await reader.read(-1)
    writer.close()
    return int(answer[9:12])


async def capacity(port: int, what: str, seconds: float) -> float:
    """How many a second a few clients get done, each one after the other."""
    ending = time.monotonic() + seconds

    async def client() -> int:
        done = 0
        while time.monotonic() < ending:
            done += await ask(port, what) in {200, 201}
        return done

    return sum(await asyncio.gather(*(client() for _ in range(4)))) / seconds


async def offer(port: int, what: str, rate: float, seconds: float) -> Counter[int]:
    """Ask so many times a second, whether there are answers or not.

    Where this process had to wait for a processor, it does not ask for all that it has missed at once.
    """
    tasks: list[asyncio.Task[int]] = []
    last = time.monotonic()
    ending = last + seconds
    while last < ending:
        await asyncio.sleep(0.01)
        now = time.monotonic()
        missing = round(rate * min(now - last, 0.05))
        tasks += [asyncio.create_task(ask(port, what)) for _ in range(missing)]
        last = now
    return Counter(await asyncio.gather(*tasks))


def overload(port: int, what: str) -> tuple[float, Counter[int]]:
    """Find out what can be done in a second, then ask for four times as much for three."""

    async def both() -> tuple[float, Counter[int]]:
        most = await capacity(port, what, 1)
        return most, await offer(port, what, 4 * most, 3)

    return asyncio.run(both())


def work_of(service: Service) -> float:
    """Seconds of processor time that the thread of the event loop has had."""
    assert service.process
    pid = service.process.pid
    return int(Path(f"/proc/{pid}/task/{pid}/schedstat").read_text().split()[0]) / 1e9


class Live(NamedTuple):
    """An answer of /api/health/live."""

    worked: float
    passed: float


def ask_whether_it_lives(service: Service) -> Live:
    """On a new connection, as a load balancer does."""
    before, started = work_of(service), time.perf_counter()
    assert httpx.get(f"{service.client.base_url}/api/health/live", timeout=30).status_code == 200
    return Live(work_of(service) - before, time.perf_counter() - started)


@pytest.mark.skipif(sys.platform != "linux", reason="it asks Linux what a thread has done")
@pytest.mark.parametrize("what", WORK.values(), ids=WORK)
def test_four_times_as_much_as_can_be_done_is_held(make_service: MakeService, what: str) -> None:
    service = make_service({"logging": {"level": "error"}, "imaging": {"queue": 16}}).start()
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as process:
        load = process.submit(overload, service.port, what)
        answers = []
        while not load.done():
            answers.append(ask_whether_it_lives(service))
            time.sleep(0.02)
        most, statuses = load.result()
    worked, passed = (statistics.quantiles(each, n=20) for each in zip(*answers, strict=True))
    print(f"{what}: {most:.0f} a second; at four times that {dict(statuses)};", end=" ")
    print(f"live after {worked[9]:.3f} s of work (p50), {worked[-1]:.3f} s (p95 of {len(answers)})", end="")
    print(f", {passed[9]:.3f} and {passed[-1]:.3f} s by the clock")
    assert statuses.keys() <= {200, 201, 429, 503}
    assert {200, 201} & statuses.keys()
    assert worked[9] < SOON
    assert worked[-1] < SELDOM
    assert service.log.read_text() == ""
