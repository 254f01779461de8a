"""The HTTP/1.1 protocol over real sockets, with an application that the test controls."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
import uvicorn
import uvloop
from starlette.types import Message, Receive, Scope, Send
from uvicorn.server import ServerState

from avatar_gen.runtime.protocol import MESSAGE_LIMIT, TimeoutProtocol
from avatar_gen.runtime.request_head import FIELD_LIMIT, HEAD_LIMIT, PATH_LIMIT, TARGET_LIMIT

GET = b"GET /%d HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: x\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
ERA = 10_000.0
"""More seconds than any timeout here."""


@dataclass
class App:
    """Answers with the path, or with what the test sets."""

    scopes: list[Scope] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    may_answer: asyncio.Event = field(default_factory=asyncio.Event)
    status: int = 200
    content: bytes | None = None
    reads_body: bool = True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scopes.append(scope)
        if self.reads_body:
            await self._read(receive)
        await self.may_answer.wait()
        content = scope["path"].encode() if self.content is None else self.content
        fields = [(b"content-length", b"%d" % len(content))]
        await send({"type": "http.response.start", "status": self.status, "headers": fields})
        await send({"type": "http.response.body", "body": content})

    async def _read(self, receive: Receive) -> None:
        body = b""
        while True:
            message: Message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        self.bodies.append(body)


@dataclass
class Here:
    app: App
    state: ServerState
    port: int

    @property
    def protocol(self) -> TimeoutProtocol:
        (connection,) = self.state.connections
        assert isinstance(connection, TimeoutProtocol)
        return connection

    def pass_time(self, seconds: float, *, receive: float = 10, idle: float = 75) -> None:
        """Check the connection as the server does each second, `seconds` from now."""
        now = asyncio.get_running_loop().time() + seconds
        self.protocol.close_if_overdue(now, receive_timeout=receive, idle_timeout=idle)


@asynccontextmanager
async def serving() -> AsyncIterator[Here]:
    app = App()
    app.may_answer.set()
    config = uvicorn.Config(app, http=TimeoutProtocol, lifespan="off", log_config=None)
    state = ServerState()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: TimeoutProtocol(config, state, {}), "127.0.0.1", 0)
    try:
        yield Here(app, state, server.sockets[0].getsockname()[1])
    finally:
        server.close()
        for connection in list(state.connections):
            connection._socket.abort()  # type: ignore[union-attr]


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 26)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


@asynccontextmanager
async def refused_early(here: Here) -> AsyncIterator[asyncio.StreamWriter]:
    """A connection whose request has its answer, and whose long body has not been sent."""
    here.app.reads_body, here.app.status = False, 413
    async with connected(here.port) as (reader, writer):
        writer.write(POST + b"Connection: close\r\nContent-Length: 99999999\r\n\r\n")
        assert (await answer(reader))[0] == 413
        yield writer


def run(scenario: Callable[[Here], Awaitable[None]]) -> None:
    async def whole() -> None:
        async with serving() as here, asyncio.timeout(60):
            await scenario(here)

    uvloop.run(whole())


async def answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    return int(head.split()[1]), await reader.readexactly(length)


async def send(writer: asyncio.StreamWriter, size: int) -> None:
    for _ in range(size // 100_000):
        writer.write(b" " * 100_000)
        await writer.drain()


async def until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110 - the code under test has no events for tests
        await asyncio.sleep(0.001)


class TestPipelining:
    def test_one_request_is_parsed_at_a_time(self) -> None:
        async def scenario(here: Here) -> None:
            here.app.may_answer.clear()
            async with connected(here.port) as (reader, writer):
                writer.write(b"".join(GET % number for number in range(1000)))
                await until(lambda: len(here.app.scopes) == 1 and here.protocol.flow.read_paused)
                assert not here.protocol.pipeline
                here.app.may_answer.set()
                for number in range(1000):
                    assert await answer(reader) == (200, b"/%d" % number)

        run(scenario)

    def test_a_client_that_does_not_read_is_not_read(self) -> None:
        async def scenario(here: Here) -> None:
            here.app.may_answer.clear()
            head = b"GET / HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 200 + b"\r\n"
            async with connected(here.port) as (_, writer):
                writer.transport.set_write_buffer_limits(high=1 << 30)
                writer.write(head * 20_000)
                await until(lambda: here.protocol.flow.read_paused)
                await asyncio.sleep(0.1)
                assert len(here.app.scopes) == 1
                # What uvloop reads at once.
                assert len(here.protocol._held) <= 2 * 256_000

        run(scenario)

    def test_an_application_that_asks_for_more_does_not_start_reading(self) -> None:
        async def scenario(here: Here) -> None:
            here.app.may_answer.clear()
            async with connected(here.port) as (_, writer):
                writer.write(GET % 1 + GET % 2)
                await until(lambda: here.protocol.flow.read_paused)
                here.protocol.flow.resume_reading()
                assert here.protocol.flow.read_paused

        run(scenario)

    @pytest.mark.parametrize("size", [1, 3, 7, 100])
    def test_any_division_into_packets_gives_the_same_requests(self, size: int) -> None:
        stream = (
            b"\r\n\r\n"
            + GET % 1
            + GET % 2
            + POST
            + b"Content-Length: 3\r\n\r\nabc"
            + GET % 3
            + CHUNKED
            + b"3\r\nabc\r\n0\r\n\r\n"
            + b"\r\n"
            + GET % 4
            + b"GET /5 HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
            + GET % 6
        )

        async def scenario(here: Here) -> None:
            async with connected(here.port) as (reader, _):
                await until(lambda: bool(here.state.connections))
                for start in range(0, len(stream), size):
                    here.protocol.data_received(stream[start : start + size])
                paths = [(await answer(reader))[1] for _ in range(8)]
            assert paths == [b"/1", b"/2", b"/", b"/3", b"/", b"/4", b"/5", b"/6"]
            assert here.app.bodies == [b"", b"", b"abc", b"", b"abc", b"", b"", b""]

        run(scenario)

    @pytest.mark.parametrize("next_head", [GET % 1, POST + b"Content-Length: 2000\r\n\r\n" + b"x" * 2000])
    def test_requests_behind_a_chunked_body_are_answered_in_order(self, next_head: bytes) -> None:
        async def scenario(here: Here) -> None:
            here.app.may_answer.clear()
            async with connected(here.port) as (reader, writer):
                writer.write(CHUNKED + b"3\r\nabc\r\n0\r\n\r\n" + GET % 7 + GET % 8 + next_head + GET % 9)
                await until(lambda: len(here.app.scopes) == 1)
                assert len(here.protocol.pipeline) < 20
                here.app.may_answer.set()
                expected = [b"/", b"/7", b"/8", b"/1" if next_head.startswith(b"GET") else b"/", b"/9"]
                assert [(await answer(reader))[1] for _ in expected] == expected

        run(scenario)

    def test_upgrades_wait_for_their_turn(self) -> None:
        async def scenario(here: Here) -> None:
            here.app.may_answer.clear()
            upgrade = b"GET /%d HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
            async with connected(here.port) as (reader, writer):
                writer.write(b"".join(upgrade % number for number in range(500)))
                await until(lambda: here.protocol.flow.read_paused)
                assert (len(here.app.scopes), len(here.protocol.pipeline)) == (1, 0)
                here.app.may_answer.set()
                for number in range(500):
                    assert await answer(reader) == (200, b"/%d" % number)

        run(scenario)

    def test_empty_lines_are_not_free(self) -> None:
        async def scenario(here: Here) -> None:
            async with connected(here.port) as (reader, writer):
                writer.write(b"\r\n" * 100_000 + GET % 1)
                assert await answer(reader) == (200, b"/1")

        run(scenario)


class TestHeads:
    @pytest.mark.parametrize(
        ("head", "status"),
        [
            (b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"b" * (HEAD_LIMIT - 32) + b"\r\n\r\n", 200),
            (b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"b" * (HEAD_LIMIT - 31) + b"\r\n\r\n", 431),
            (b"GET / HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * (FIELD_LIMIT - 1) + b"\r\n", 200),
            (b"GET / HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * FIELD_LIMIT + b"\r\n", 431),
            (b"GET / HTTP/1.1\r\nHost: x\r\n" + (b"A: " + b"b" * 30 + b"\r\n") * FIELD_LIMIT + b"\r\n", 431),
            (b"GET /" + b"x" * (PATH_LIMIT - 1) + b" HTTP/1.1\r\nHost: x\r\n\r\n", 200),
            (b"GET /" + b"x" * PATH_LIMIT + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
            (b"GET /" + b"%41" * 20_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
            (b"GET /?" + b"x" * (TARGET_LIMIT - 2) + b" HTTP/1.1\r\nHost: x\r\n\r\n", 200),
            (b"GET /?" + b"x" * (TARGET_LIMIT - 1) + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
        ],
    )
    @pytest.mark.parametrize("size", [1000, 1 << 20])
    def test_the_limits_are_exact(self, head: bytes, status: int, size: int) -> None:
        async def scenario(here: Here) -> None:
            async with connected(here.port) as (reader, _):
                await until(lambda: bool(here.state.connections))
                for start in range(0, len(head), size):
                    here.protocol.data_received(head[start : start + size])
                assert (await answer(reader))[0] == status

        run(scenario)

    @pytest.mark.parametrize("line", [b"GET /" + b"x" * 20_000, b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 900])
    def test_a_head_that_grows_is_refused_before_it_ends(self, line: bytes) -> None:
        async def scenario(here: Here) -> None:
            async with connected(here.port) as (reader, _):
                await until(lambda: bool(here.state.connections))
                for start in range(0, len(line), 100):
                    here.protocol.data_received(line[start : start + 100])
                assert (await answer(reader))[0] in {414, 431}

        run(scenario)


class TestTrailers:
    @pytest.mark.parametrize("name", [b"Authorization", b"X-Forwarded-For", b"Host", b"Cookie"])
    def test_they_are_dropped(self, name: bytes) -> None:
        async def scenario(here: Here) -> None:
            async with connected(here.port) as (reader, writer):
                writer.write(CHUNKED + b"3\r\nabc\r\n0\r\n" + name + b": 5\r\n\r\n" + GET % 1)
                assert await answer(reader) == (200, b"/")
                assert await answer(reader) == (200, b"/1")
            assert here.app.bodies == [b"abc", b""]
            fields = [(b"host", b"x"), (b"transfer-encoding", b"chunked")]
            assert here.app.scopes[0]["headers"] == fields

        run(scenario)

    @pytest.mark.parametrize(
        "trailers", [b"a:b\r\n" * (4 << 20), b"a: " + b"b" * (16 << 20), b"1;" + b"x" * (16 << 20)]
    )
    def test_they_end_where_a_head_would(self, trailers: bytes) -> None:
        async def scenario(here: Here) -> None:
            start = CHUNKED + b"3\r\nabc\r\n" + (b"" if trailers.startswith(b"1;") else b"0\r\n")
            async with connected(here.port) as (reader, writer):
                writer.write(start + trailers)
                assert (await answer(reader))[0] == 431

        run(scenario)

    def test_small_ones_of_every_chunk_pass(self) -> None:
        async def scenario(here: Here) -> None:
            async with connected(here.port) as (reader, writer):
                writer.write(CHUNKED + b"1;a=b\r\nx\r\n" * 20_000 + b"0\r\n\r\n")
                assert await answer(reader) == (200, b"/")
            assert here.app.bodies == [b"x" * 20_000]

        run(scenario)


class TestEarlyAnswers:
    """The whole request is sent before the answer is read, as Python's urllib does it."""

    @pytest.mark.parametrize("status", [401, 403, 404, 405, 413, 415, 429])
    @pytest.mark.parametrize("closing", [b"Connection: close\r\n", b""])
    @pytest.mark.parametrize(
        "kind", [b"Content-Length: 4000000\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n"]
    )
    def test_they_arrive(self, status: int, closing: bytes, kind: bytes) -> None:
        async def scenario(here: Here) -> None:
            here.app.reads_body, here.app.status, here.app.content = False, status, b"no"
            chunked = b"chunked" in kind
            async with connected(here.port) as (reader, writer):
                writer.write(POST + closing + kind)
                await until(lambda: bool(here.app.scopes))
                for _ in range(40):
                    writer.write(b"%x\r\n%b\r\n" % (100_000, b" " * 100_000) if chunked else b" " * 100_000)
                    await writer.drain()
                writer.write(b"0\r\n\r\n" if chunked else b"")
                assert await answer(reader) == (status, b"no")
                if closing:
                    assert await reader.read() == b""
                else:
                    writer.write(GET % 1)
                    assert (await answer(reader))[0] == status

        run(scenario)

    @pytest.mark.parametrize(
        "request_",
        [b"nonsense\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", POST + b"Transfer-Encoding: gzip\r\n\r\n"],
    )
    def test_so_do_answers_to_what_is_not_a_request(self, request_: bytes) -> None:
        async def scenario(here: Here) -> None:
            async with connected(here.port) as (reader, writer):
                for _ in range(40):
                    writer.write(request_ + b" " * 100_000)
                    await writer.drain()
                assert (await answer(reader))[0] == 400
                assert await reader.read() == b""

        run(scenario)

    @pytest.mark.parametrize("target", ["/\u00e9", "/?a=\u00e9"])
    def test_a_url_that_is_not_percent_encoded_is_named(self, target: str) -> None:
        async def scenario(here: Here) -> None:
            async with connected(here.port) as (reader, writer):
                writer.write(b"GET %b HTTP/1.1\r\nHost: x\r\n\r\n" % target.encode())
                status, content = await answer(reader)
                assert status == 400
                assert b"percent-encoded" in content

        run(scenario)

    def test_what_follows_a_last_request_does_not_cost_its_answer(self) -> None:
        async def scenario(here: Here) -> None:
            here.app.may_answer.clear()
            async with connected(here.port) as (reader, writer):
                writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                await until(lambda: bool(here.app.scopes))
                writer.write(GET % 1 * 100_000)
                await until(lambda: here.protocol.flow.read_paused)
                here.app.may_answer.set()
                assert await answer(reader) == (200, b"/")
                assert await reader.read() == b""

        run(scenario)

    def test_the_size_that_is_discarded_is_bounded(self) -> None:
        async def scenario(here: Here) -> None:
            async with refused_early(here) as writer:
                with pytest.raises(ConnectionError):
                    await send(writer, MESSAGE_LIMIT + 40_000_000)

        run(scenario)

    def test_the_time_is_bounded(self) -> None:
        async def scenario(here: Here) -> None:
            async with refused_early(here):
                await until(lambda: here.protocol.is_ending)
                here.pass_time(9)
                assert here.state.connections
                here.pass_time(11)
                await until(lambda: not here.state.connections)

        run(scenario)

    def test_a_shutdown_does_not_wait_for_the_body(self) -> None:
        async def scenario(here: Here) -> None:
            async with refused_early(here):
                await until(lambda: here.protocol.is_ending)
                here.protocol.shutdown()
                await until(lambda: not here.state.connections)

        run(scenario)


class TestTimeouts:
    def test_an_idle_connection_has_a_time_of_its_own(self) -> None:
        async def scenario(here: Here) -> None:
            async with connected(here.port) as (reader, writer):
                writer.write(GET % 1)
                await answer(reader)
                here.pass_time(74)
                assert here.state.connections
                here.pass_time(76)
                assert await reader.read() == b""

        run(scenario)

    @pytest.mark.parametrize("sent", [b"", b"G", POST + b"Content-Length: 9\r\n\r\n1"])
    def test_a_request_must_arrive_sooner(self, sent: bytes) -> None:
        async def scenario(here: Here) -> None:
            async with connected(here.port) as (reader, writer):
                writer.write(GET % 1 if sent else b"")
                await (answer(reader) if sent else until(lambda: bool(here.state.connections)))
                writer.write(sent)
                await until(lambda: not sent or here.protocol._phase != 0)
                here.pass_time(9)
                assert not here.protocol.is_ending
                here.pass_time(11)
                assert (await reader.read()).startswith(b"HTTP/1.1 408 " if sent else b"")

        run(scenario)

    def test_the_time_of_the_service_is_not_that_of_the_client(self) -> None:
        async def scenario(here: Here) -> None:
            here.app.may_answer.clear()
            async with connected(here.port) as (reader, writer):
                writer.write(GET % 1 + GET % 2 + b"GET")
                await until(lambda: here.protocol.flow.read_paused)
                here.pass_time(ERA)
                here.app.may_answer.set()
                assert await answer(reader) == (200, b"/1")
                assert await answer(reader) == (200, b"/2")

        run(scenario)


class TestSlowReaders:
    def test_a_client_that_reads_nothing_has_the_time_of_a_request(self) -> None:
        async def scenario(here: Here) -> None:
            here.app.content = b"x" * 40_000_000
            async with connected(here.port) as (_, writer):
                writer.transport.pause_reading()  # type: ignore[attr-defined]
                writer.write(GET % 1)
                await until(lambda: bool(here.state.connections) and here.protocol._counted._written > 1000)
                here.pass_time(0)
                here.pass_time(9)
                assert not here.protocol._socket.is_closing()
                here.pass_time(11)
                assert here.protocol._socket.is_closing()

        run(scenario)

    def test_an_answer_that_has_been_read_is_forgotten(self) -> None:
        async def scenario(here: Here) -> None:
            here.app.content = b"x" * 40_000_000
            async with connected(here.port) as (reader, writer):
                writer.transport.pause_reading()  # type: ignore[attr-defined]
                writer.write(GET % 1)
                await until(lambda: bool(here.state.connections) and here.protocol._counted._written > 1000)
                here.pass_time(0)
                writer.transport.resume_reading()  # type: ignore[attr-defined]
                await answer(reader)
                here.pass_time(20)
                assert not here.protocol._socket.is_closing()

        run(scenario)
