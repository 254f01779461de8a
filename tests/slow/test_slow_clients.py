"""A thousand connections that take their time: closed within 15 s, and nobody else is slower for them."""

import asyncio
import multiprocessing
import resource
import statistics
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor

import httpx
import pytest

from tests.conftest import MakeService
from tests.servers.gateway import NGINX, Gateway

MANY = 1000
LONGEST = 15

_HEAD = b"POST /api/generate HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"

SLOW = {
    "silent from the start": (b"", b""),
    "a header that grows by a byte each second": (b"GET /api/health/live HTTP/1.1\r\nX: ", b"y"),
    "a body that does": (_HEAD + b"Content-Length: 60000\r\n\r\n", b" "),
    "a chunk each second": (_HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
}
"""How each begins, and what it sends each second."""


@pytest.fixture(autouse=True)
def _descriptors() -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(before[1], 20_000), before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


async def seconds_until_closed(port: int, begin: bytes, go_on: bytes, number: int) -> float:
    """How long one is held open."""
    # The gateway counts connections by address; Linux has many of its own.
    source = f"127.0.{number % 200 + 1}.2" if sys.platform == "linux" else "127.0.0.1"
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(source, 0))
    started = time.monotonic()
    reading = asyncio.create_task(reader.read(-1))
    try:
        writer.write(begin)
        while not reading.done() and time.monotonic() - started < 2 * LONGEST:
            await asyncio.wait([reading], timeout=1)
            writer.write(go_on)
        await asyncio.gather(reading, return_exceptions=True)
    finally:
        writer.close()
    return time.monotonic() - started


def hold(port: int) -> list[float]:
    """Have a thousand open, of all kinds; how long each was."""

    async def all_of_them() -> list[float]:
        kinds = list(SLOW.values())
        return await asyncio.gather(
            *(seconds_until_closed(port, *kinds[number % len(kinds)], number) for number in range(MANY))
        )

    return asyncio.run(all_of_them())


def p99(url: str) -> float:
    """Of a client that asks for a picture some 60 times a second."""
    times = []
    with httpx.Client(timeout=30) as client:
        client.get(url)
        for _ in range(40):
            started = time.perf_counter()
            assert client.get(url).status_code == 200
            times.append(time.perf_counter() - started)
            time.sleep(0.012)
    return statistics.quantiles(times, n=100)[-1]


def test_a_thousand_slow_connections_are_closed_and_hold_up_nobody(make_service: MakeService) -> None:
    """At each door, at the same time."""
    service = make_service({"logging": {"level": "warn"}}).start()
    path = f"/api/{service.generate(seed='ada')}"
    gateway = Gateway(service.port).start() if NGINX else None
    ports = {"direct": service.port, **({"gateway": gateway.port} if gateway else {})}
    urls = {door: f"http://127.0.0.1:{port}{path}" for door, port in ports.items()}
    spawn = multiprocessing.get_context("spawn")
    try:
        before = {door: [p99(url) for _ in range(3)] for door, url in urls.items()}
        with ProcessPoolExecutor(len(ports), mp_context=spawn) as processes:
            holding = {door: processes.submit(hold, port) for door, port in ports.items()}
            time.sleep(4)
            during = {door: [p99(url) for _ in range(4)] for door, url in urls.items()}
            held = {door: each.result(timeout=3 * LONGEST) for door, each in holding.items()}
    finally:
        if gateway:
            gateway.stop()
    for door in ports:
        figures = (
            f"{door}: {before[door]} s before, {during[door]} s during, closed after {max(held[door])} s"
        )
        print("p99 to the", figures)
        assert max(held[door]) < LONGEST, figures
        # Other programs of this machine can hold up one half second or another, but not each of four.
        assert min(during[door]) < 2 * max(before[door]), figures
