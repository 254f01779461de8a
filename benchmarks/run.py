"""What a request costs, beside the least that one can cost on the same machine: `make bench`.

Both servers stand at once, and each case is measured in turn for several rounds, so that a machine that slows
down slows all of them down. The figure to trust is the server's CPU time per request, which only Linux tells;
requests/s and latency also tell of the client, which is Python and shares the processors.
"""

import asyncio
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import NamedTuple

from tests.postgres import Postgres

CONNECTIONS = 8
ROUNDS = 5
SECONDS = 0.2 if "--quick" in sys.argv else 2.0

Request = Callable[[int], bytes]


class Case(NamedTuple):
    """One kind of request."""

    name: str
    server: str
    request: Request


class Figures(NamedTuple):
    """What one round of one case gave."""

    per_second: float
    p50_ms: float
    p99_ms: float
    cpu_us: float


def get(path: str, header: str = "") -> Request:
    """The same GET each time."""
    request = f"GET {path} HTTP/1.1\r\nHost: x\r\n{header}\r\n".encode()
    return lambda _: request


def get_each(path: str) -> Request:
    """A GET with another seed each time, where `path` has `{}`; none that an earlier round has had."""
    numbers = count()
    return lambda _: f"GET {path.format(next(numbers))} HTTP/1.1\r\nHost: x\r\n\r\n".encode()


def post(path: str, **body: object) -> Request:
    """A POST with another seed each time."""

    def request(number: int) -> bytes:
        content = json.dumps({"seed": f"seed {number}", **body}).encode()
        head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        return head.encode() + b"Content-Length: %d\r\n\r\n" % len(content) + content

    return request


def cases(avatar: str) -> list[Case]:
    """The table of cases; a new one is a line."""
    picture = f"/api/{avatar}"
    return [
        Case("bare GET", "bare", get("/")),
        Case("bare POST", "bare", post("/")),
        Case("picture, 64 px", "ours", get(picture)),
        Case("picture, 512 px, sepia", "ours", get(f"{picture}?size=9&filter=sepia")),
        Case("picture, 304", "ours", get(picture, "If-None-Match: *\r\n")),
        Case("picture, 64 px, webp", "ours", get(f"{picture}?format=webp")),
        Case("by URL, unique, 128 px", "ours", get_each("/api/render/pixelize/u{}.png")),
        Case("by URL, unique, 512 px", "ours", get_each("/api/render/pixelize/u{}.png?size=512")),
        Case("by URL, unique, svg", "ours", get_each("/api/render/pixelize/u{}.svg")),
        Case("by URL, unique, webp", "ours", get_each("/api/render/pixelize/u{}.webp")),
        Case("by URL, again", "ours", get("/api/render/pixelize/ada.png")),
        Case("by URL, again, avif", "ours", get("/api/render/wave/ada.avif")),
        Case("by URL, 304", "ours", get("/api/render/pixelize/ada.png", "If-None-Match: *\r\n")),
        Case("by hash, identicon", "ours", get(f"/avatar/{'0' * 32}?d=identicon")),
        Case("list of 10", "ours", get("/api/list")),
        Case("generate pixelize", "ours", post("/api/generate")),
        Case("generate wave", "ours", post("/api/generate", type="wave")),
        Case("generate gradient", "ours", post("/api/generate", type="gradient", angle=30)),
        Case("PostgreSQL: list of 10", "on postgresql", get("/api/list")),
        Case("PostgreSQL: generate", "on postgresql", post("/api/generate")),
    ]


@contextmanager
def server(name: str, *arguments: str, port: int, database: str = "") -> Iterator[int]:
    """A server process in a folder that is thrown away; its id."""
    environ = {**os.environ, "PORT": str(port), "HOST": "127.0.0.1", "APP_ENV": "", "CONFIG_PATH": ""}
    folder = tempfile.TemporaryDirectory(prefix=f"avatars-{name}-")
    with Path(folder.name, "log").open("wb") as log:
        process = subprocess.Popen(  # noqa: S603
            [sys.executable, *arguments],
            cwd=folder.name,
            env={**environ, "DATABASE_URL": database},
            stdout=log,
            stderr=log,
        )
    try:
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield process.pid
    finally:
        process.terminate()
        process.wait()
        folder.cleanup()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> bytes:
    """Send a request; the answer's body."""
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    status = int(head[9:12])
    if status not in {200, 201, 304}:
        raise RuntimeError(head.decode("latin-1"))
    length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
    return await reader.readexactly(int(length or 0)) if status != 304 else b""


async def load(case: Case, port: int, pid: int) -> Figures:
    """Keep all connections busy for a while."""
    latencies: list[float] = []
    numbers = iter(range(10**9))
    end = time.perf_counter() + SECONDS

    async def client() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while (started := time.perf_counter()) < end:
            await exchange(reader, writer, case.request(next(numbers)))
            latencies.append(time.perf_counter() - started)
        writer.close()

    before, started = cpu_seconds(pid), time.perf_counter()
    await asyncio.gather(*(client() for _ in range(CONNECTIONS)))
    spent, passed = cpu_seconds(pid) - before, time.perf_counter() - started
    latencies.sort()
    total = len(latencies)
    p50, p99 = latencies[total // 2] * 1e3, latencies[total * 99 // 100] * 1e3
    return Figures(total / passed, p50, p99, spent / total * 1e6)


async def first_avatar(port: int) -> str:
    """Make an avatar to ask for; its id."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answer = json.loads(await exchange(reader, writer, post("/api/generate")(0)))
    writer.close()
    identity: str = answer["data"]["id"]
    return identity


async def measure(ports: dict[str, int], pids: dict[str, int]) -> dict[str, list[Figures]]:
    """All cases in turn, several times over."""
    table = cases(await first_avatar(ports["ours"]))
    for _ in range(10):
        await first_avatar(ports["on postgresql"])
    results: dict[str, list[Figures]] = {case.name: [] for case in table}
    for number in range(ROUNDS):
        for case in table:
            print(f"\rround {number + 1} of {ROUNDS}: {case.name:30}", end="", file=sys.stderr)
            results[case.name].append(await load(case, ports[case.server], pids[case.server]))
    print(file=sys.stderr)
    return results


def report(results: dict[str, list[Figures]]) -> None:
    """Medians; the last column is the bare server's CPU per GET divided by the case's."""
    bare = statistics.median(figures.cpu_us for figures in results["bare GET"])
    print(f"{CONNECTIONS} connections, medians of {ROUNDS} rounds of {SECONDS:g} s\n")
    print(f"{'case':24} {'requests/s':>10} {'p50 ms':>8} {'p99 ms':>8} {'CPU us':>8} {'x bare':>7}")
    for name, rounds in results.items():
        per_second, p50, p99, cpu = (statistics.median(column) for column in zip(*rounds, strict=True))
        print(f"{name:24} {per_second:10,.0f} {p50:8.2f} {p99:8.2f} {cpu:8.0f} {bare / cpu:7.2f}")


def main() -> None:
    """Start all servers in folders that are thrown away, and measure."""
    names = ("bare", "ours", "on postgresql")
    ports = {name: free_port() for name in names}
    bare = (str(Path(__file__).with_name("bare.py")), str(ports["bare"]))
    serve = ("-m", "avatar_gen", "serve")
    postgres = Postgres()
    try:
        postgres.start()
        database = postgres.new_database()
        with (
            server("bare", *bare, port=ports["bare"]) as bare_pid,
            server("sqlite", *serve, port=ports["ours"]) as our_pid,
            server("postgresql", *serve, port=ports["on postgresql"], database=database) as other_pid,
        ):
            pids = dict(zip(names, (bare_pid, our_pid, other_pid), strict=True))
            report(asyncio.run(measure(ports, pids)))
    finally:
        postgres.destroy()


if __name__ == "__main__":
    main()
