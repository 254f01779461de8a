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

_TRIES = 10
"""Of a request that is answered 503."""


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


async def send(port: int, arrivals: Iterable[tuple[float, Request]]) -> list[float]:
    """Send each request at its second, but at most 16 at once; return latencies in ms with that wait.

    A request that is answered 503 is repeated after a second.
    """
    latencies: list[float] = []
    places = asyncio.Semaphore(16)
    idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
    started = time.perf_counter()

    async def client(at: float, request: Request) -> None:
        async with places:
            connection = idle.pop() if idle else await asyncio.open_connection("127.0.0.1", port)
            await _exchange_patiently(*connection, request)
            latencies.append((time.perf_counter() - started - at) * 1000)
            idle.append(connection)

    async with asyncio.TaskGroup() as tasks:
        for at, request in arrivals:
            await asyncio.sleep(at - (time.perf_counter() - started))
            tasks.create_task(client(at, request))
    for _, writer in idle:
        writer.close()
    return latencies


async def _exchange_patiently(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: Request
) -> None:
    for _ in range(_TRIES):
        try:
            await exchange(reader, writer, request)
        except NoAnswers as error:
            # What is left of the answer would be read as the next one.
            await reader.readexactly(length_of(str(error).encode("latin-1")))
            await asyncio.sleep(1)
        else:
            return
    raise NoAnswers(request.path)


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
    if status not in {200, 201, 202, 304}:
        raise UnexpectedAnswer(f"{request.method} {request.path}: {head.decode('latin-1')}")
    return await reader.readexactly(length_of(head)) if status != 304 else b""


def length_of(head: bytes) -> int:
    """Return the bytes of the body after this head."""
    return int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0)


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
