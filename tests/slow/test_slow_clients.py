"""Slow connections: they are closed, and other clients are not slower for them."""

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
from tests.slow.size import sized

CONNECTIONS = sized(full=1000, small=200)
LONGEST = 30
"""Seconds in which each connection is closed: 10 s by the timeouts, and what a busy machine adds."""

_HEAD = b"POST /api/generate HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"

SLOW = {
    "silent from the start": (b"", b""),
    "a header that grows by a byte each second": (b"GET /api/health/live HTTP/1.1\r\nX: ", b"y"),
    "a body that does": (_HEAD + b"Content-Length: 60000\r\n\r\n", b" "),
    "a chunk each second": (_HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
}
"""What each kind sends at first, and what it sends each second."""


@pytest.fixture(autouse=True)
def _descriptors() -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(before[1], 20_000), before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


async def seconds_until_closed(port: int, begin: bytes, go_on: bytes, number: int) -> float:
    """Hold a connection open; return the seconds until it is closed."""
    # The gateway counts connections by address. Linux has many addresses of its own.
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
    """Hold connections of all kinds open; return the seconds until each is closed."""

    async def all_of_them() -> list[float]:
        kinds = list(SLOW.values())
        return await asyncio.gather(
            *(
                seconds_until_closed(port, *kinds[number % len(kinds)], number)
                for number in range(CONNECTIONS)
            )
        )

    return asyncio.run(all_of_them())


def p90(url: str) -> float:
    """Return the latency of a client that requests a picture about 60 times a second."""
    times = []
    with httpx.Client(timeout=30) as client:
        client.get(url)
        for _ in range(40):
            started = time.perf_counter()
            assert client.get(url).status_code == 200
            times.append(time.perf_counter() - started)
            time.sleep(0.012)
    return statistics.quantiles(times, n=10)[-1]


def test_many_slow_connections_are_closed_and_delay_no_other_client(make_service: MakeService) -> None:
    """To the service and to the gateway at the same time."""
    service = make_service({"logging": {"level": "warn"}}).start()
    path = f"/api/{service.generate(seed='ada')}"
    gateway = Gateway(service.port).start() if NGINX else None
    ports = {"direct": service.port, **({"gateway": gateway.port} if gateway else {})}
    urls = {door: f"http://127.0.0.1:{port}{path}" for door, port in ports.items()}
    spawn = multiprocessing.get_context("spawn")
    try:
        before = {door: [p90(url) for _ in range(3)] for door, url in urls.items()}
        with ProcessPoolExecutor(len(ports), mp_context=spawn) as processes:
            holding = {door: processes.submit(hold, port) for door, port in ports.items()}
            time.sleep(4)
            during = {door: [p90(url) for _ in range(4)] for door, url in urls.items()}
            held = {door: each.result(timeout=3 * LONGEST) for door, each in holding.items()}
    finally:
        if gateway:
            gateway.stop()
    for door in ports:
        figures = (
            f"{door}: {before[door]} s before, {during[door]} s during, closed after {max(held[door])} s"
        )
        print("p90 to the", figures)
        assert max(held[door]) < LONGEST, figures
        # Other programs can delay one half second or another, but not each of four.
        assert min(during[door]) < 3 * max(before[door]), figures
