"""Load for a server: by wrk if it is installed, which costs a tenth of a client in Python."""

import asyncio
import shutil
import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, count, islice, takewhile
from pathlib import Path
from typing import NamedTuple

WRK = shutil.which("wrk")

_SCRIPT = str(Path(__file__).with_name("load.lua"))

_starts = count(1)


class UnexpectedAnswer(Exception):
    """A server answered with an error, or closed the connection."""


class NoAnswers(Exception):
    """A server answered no request in time, or refused some, because the machine has other work.

    A request that is wrong raises `UnexpectedAnswer` in the warm-up, which is by Python.
    """


class Request(NamedTuple):
    """A request, which can differ each time.

    `{}` in path or body becomes a number that is used once. `{id}` in the path becomes the id of one stored
    avatar after the other.
    """

    path: str
    method: str = "GET"
    body: str = ""
    """`@` and the path of a file stand for its content."""
    headers: tuple[str, ...] = ()

    def filled(self, number: int, avatars: Sequence[str] = ("",)) -> "Request":
        """Return the request with this number, and the id of the avatar at this number, filled in."""
        path = self.path.replace("{id}", avatars[number % len(avatars)]).replace("{}", str(number))
        return self._replace(path=path, body=self.body.replace("{}", str(number)))

    def encode(self) -> bytes:
        """Return the bytes to send."""
        body = Path(self.body[1:]).read_bytes() if self.body.startswith("@") else self.body.encode()
        lines = [f"{self.method} {self.path} HTTP/1.1", "Host: x", *self.headers]
        if body:
            lines.append(f"Content-Length: {len(body)}")
        return "\r\n".join((*lines, "", "")).encode() + body


class Answers(NamedTuple):
    """The number and the latencies of the answers."""

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    max_ms: float


def numbers() -> Iterator[int]:
    """Return numbers that no other call returns."""
    return count(next(_starts) * 10_000_000)


async def load(
    port: int, request: Request, connections: int, seconds: float, avatars: Sequence[str] = ("",)
) -> Answers:
    """Keep connections busy for some seconds. wrk cannot do less than one, so Python does."""
    if WRK and seconds >= 1:
        return await _wrk(port, request, avatars, f"-c{connections}", f"-d{seconds:.0f}s")
    end = time.perf_counter() + seconds
    forever = (request.filled(number, avatars) for number in numbers())
    once_each = list(islice(forever, connections))
    in_time = takewhile(lambda _: time.perf_counter() < end, forever)
    return await ask(port, chain(once_each, in_time), connections)


async def ask(port: int, requests: Iterable[Request], connections: int) -> Answers:
    """Send each of these requests from Python."""
    latencies: list[float] = []
    remaining = iter(requests)
    started = time.perf_counter()

    async def client() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for request in remaining:
            sent = time.perf_counter()
            await exchange(reader, writer, request)
            latencies.append((time.perf_counter() - sent) * 1000)
        writer.close()

    await asyncio.gather(*(client() for _ in range(connections)))
    passed = time.perf_counter() - started
    latencies.sort()
    total = len(latencies)
    return Answers(total, passed, latencies[total // 2], latencies[total * 99 // 100], latencies[-1])


async def ask_once(port: int, request: Request) -> bytes:
    """Send a request on a new connection; return the body of the answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    body = await exchange(reader, writer, request)
    writer.close()
    return body


async def exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: Request) -> bytes:
    """Send a request; return the body of the answer. Raises `UnexpectedAnswer`, `NoAnswers`."""
    writer.write(request.encode())
    head = await reader.readuntil(b"\r\n\r\n")
    status = int(head[9:12])
    if status == 503:
        raise NoAnswers(f"{request.method} {request.path}: {head.decode('latin-1')}")
    if status not in {200, 201, 304}:
        raise UnexpectedAnswer(f"{request.method} {request.path}: {head.decode('latin-1')}")
    length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
    return await reader.readexactly(int(length or 0)) if status != 304 else b""


async def _wrk(port: int, request: Request, avatars: Sequence[str], *options: str) -> Answers:
    headers = (f"-H{header}" for header in request.headers)
    command = ["wrk", "-t1", *options, "--timeout=20s", f"-s{_SCRIPT}", *headers, f"http://127.0.0.1:{port}"]
    arguments = [str(next(numbers())), request.method, request.path, request.body, *avatars]
    process = await asyncio.create_subprocess_exec(*command, "--", *arguments, stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    figures = output.decode().rpartition("\nfigures ")[2].split()
    total, passed, p50, p99, longest, errors = map(float, figures)
    if errors or not total:
        what = f"{total:.0f} answers in {passed / 1e6:.0f} s, {errors:.0f} of them errors"
        raise NoAnswers(f"{request.method} {request.path}: {what}")
    return Answers(int(total), passed / 1e6, p50 / 1e3, p99 / 1e3, longest / 1e3)
