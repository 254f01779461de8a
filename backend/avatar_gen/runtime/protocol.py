"""uvicorn's HTTP/1.1 for clients that take their time, send too much, do not listen, or want to upgrade.

uvicorn closes a connection that is idle after a request, and no other: one that sends nothing, one byte a
minute, or reads nothing stays for ever. It bounds neither a head nor a message, and it takes the body of a
request with an `Upgrade` header for another request (curl --http2 and Java's client send one with POST).
"""

import asyncio
import json
import logging
import os
import signal
import socket
from collections.abc import Callable
from http import HTTPStatus
from types import FrameType
from typing import Any

import httptools
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from avatar_gen.security.headers import PROTECTION

log = logging.getLogger(__name__)

HEAD_LIMIT = 64 * 1024
"""Bytes of a request's address and headers. The parser would collect any number of them."""

_ORDINARY = 4096
"""Bytes of a request up to which its head is not measured."""

MESSAGE_LIMIT = 16 * 1024 * 1024
"""Bytes of a whole request. What is past the body's own limit is read, so that the client comes to read that
it was refused, but not without end."""

_TOO_LARGE = "The request is too large."

_HOP_BY_HOP = (b"connection", b"upgrade", b"http2-settings")


class _Unacceptable(Exception):
    """A head that llhttp takes, and RFC 9112 does not; or one that is too large."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status


class TimeoutProtocol(HttpToolsProtocol):
    """Knows since when it has been waiting for its client, and how much that has sent."""

    waiting_since: float | None = None
    """The loop's time, in seconds, at which the client got its turn; None while it is ours."""
    unread_since: float | None = None
    """The loop's time at which the client was last seen to take a part of what it is still to get."""
    unread = 0
    """Bytes of that answer, when last looked at."""

    _received = 0
    _in_head = True
    _is_measured = False
    """Whether so much has come at once that a head could be too large."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client has connected, and is to send a request."""
        super().connection_made(transport)
        self.waiting_since = self.loop.time()

    def data_received(self, data: bytes) -> None:
        """A part of a request; what began to be awaited before goes on being awaited."""
        if self.waiting_since is None:
            self.waiting_since = self.loop.time()
        self._received += len(data)
        if self._received > (HEAD_LIMIT if self._in_head else MESSAGE_LIMIT) + len(data):
            kind = "REQUEST_HEADER_FIELDS" if self._in_head else "REQUEST_ENTITY"
            self._refuse(HTTPStatus[f"{kind}_TOO_LARGE"], _TOO_LARGE)
            return
        if self._received > _ORDINARY:
            self._is_measured = True
        self._unset_keepalive_if_required()
        rest: bytes | None = data
        try:
            while rest is not None and not self.transport.is_closing():
                rest = self._feed(rest)
        except httptools.HttpParserError as error:
            reason = error.__context__
            if isinstance(reason, _Unacceptable):
                self._refuse(reason.status, str(reason))
            else:
                self._refuse(HTTPStatus.BAD_REQUEST, "The request is not HTTP/1.1.")

    def end_waiting(self) -> None:
        """Close; who is in the middle of a request is told why."""
        if self._received:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT, "The request took too long to arrive.")
        else:
            self.transport.close()

    def _feed(self, data: bytes) -> bytes | None:
        """Parse; what is to be parsed instead of the rest where a head asks for an upgrade."""
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            return self._without_upgrade() + data[upgrade.args[0] :]
        return None

    def on_message_begin(self) -> None:
        """The first byte of a request is here."""
        self._in_head = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The head of a request is here: begin to answer it."""
        if self.parser.should_upgrade():
            return
        self._check_head()
        self._in_head = False
        super().on_headers_complete()
        if getattr(self.server_state, "draining", False):
            self.cycle.keep_alive = False

    def on_message_complete(self) -> None:
        """A whole request is here: the answer is up to us."""
        if self.parser.should_upgrade():
            return
        self._received = 0
        self._in_head = True
        self.waiting_since = None
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """The next request is up to the client, unless it is here already."""
        if self.waiting_since is None and not self.pipeline:
            self.waiting_since = self.loop.time()
        super().on_response_complete()

    def _check_head(self) -> None:
        """Raise `_Unacceptable` for a head that others would read otherwise than we do, or without end."""
        if (
            self._is_measured
            and len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers) > HEAD_LIMIT
        ):
            raise _Unacceptable(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, _TOO_LARGE)
        names = [name for name, _ in self.headers]
        if names.count(b"host") != 1 and self.parser.get_http_version() == "1.1":
            raise _Unacceptable(HTTPStatus.BAD_REQUEST, "The request must have one Host header.")
        # llhttp would take all that follows, without an end, for the body.
        if b"transfer-encoding" in names and dict(self.headers)[b"transfer-encoding"].lower() != b"chunked":
            raise _Unacceptable(
                HTTPStatus.BAD_REQUEST, "The only transfer encoding that is known is chunked."
            )

    def _without_upgrade(self) -> bytes:
        """The head of a request as if it had not asked for another protocol, which a server is free to do.

        The parser has given up behind that head, whose body it would read as a request of its own.
        """
        method = self.parser.get_method()
        if method == b"CONNECT":
            self._refuse(HTTPStatus.METHOD_NOT_ALLOWED, "This is no proxy.")
            return b""
        closing = any(name == b"connection" and b"close" in value.lower() for name, value in self.headers)
        lines = [b"%s %s HTTP/%s" % (method, self.url, self.parser.get_http_version().encode())]
        lines += [b"%s: %s" % header for header in self.headers if header[0] not in _HOP_BY_HOP]
        lines += [b"connection: close"] if closing else []
        self.parser = httptools.HttpRequestParser(self)
        # As uvicorn has it: what is pipelined behind a last request is passed over, and that is answered.
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        return b"\r\n".join(lines) + b"\r\n\r\n"

    def _refuse(self, status: HTTPStatus, message: str) -> None:
        """Answer what is not even a request, and close; but never into or behind another answer."""
        cycle: RequestResponseCycle | None = self.cycle
        if self.transport.is_closing():
            return
        # In a head, `cycle` is the request before; in a body, it is this one, unless others wait before it.
        if cycle is not None and not cycle.response_complete and (self._in_head or self._is_being_answered()):
            cycle.keep_alive = False
            return
        if not self._in_head and cycle is not None and cycle.response_complete:
            self.transport.close()
            return
        body = {"statusCode": status, "message": message, "error": status.phrase}
        content = json.dumps(body).encode()
        head = (
            f"HTTP/1.1 {status.value} {status.phrase}\r\ncontent-type: application/json\r\n"
            f"cache-control: no-store\r\ncontent-length: {len(content)}\r\nconnection: close\r\n"
        )
        protection = b"".join(b"%s: %s\r\n" % field for field in PROTECTION)
        self.transport.write(head.encode("ascii") + protection + b"\r\n" + content)
        self.transport.close()

    def _is_being_answered(self) -> bool:
        return self.cycle.response_started or bool(self.pipeline)


class Server(uvicorn.Server):
    """uvicorn's server, which ends connections that keep it waiting, and itself gently."""

    def __init__(
        self,
        config: uvicorn.Config,
        *,
        patience: float,
        drain: float,
        on_drain: Callable[[], None],
        parent: int | None = None,
    ) -> None:
        super().__init__(config)
        self._parent = parent
        self._patience = patience
        self._drain = drain
        self._on_drain = on_drain
        self._ending_at: float | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to serve, and say where."""
        await super().startup(sockets)
        if self.started and sockets and self._parent is None:
            announce(sockets[0])

    async def on_tick(self, counter: int) -> bool:
        """Look round once a second; uvicorn calls this ten times, and ends when it is told True.

        Told to end, the service first goes on for a while, saying that it is not ready and ending each
        connection with its answer: who sends requests here has the time to notice.
        """
        now = asyncio.get_running_loop().time()
        if counter % 10 == 0:
            close_overdue(self.server_state.connections, now, self._patience)
            if self._parent is not None and os.getppid() != self._parent:
                self.should_exit = True
        ending = await super().on_tick(counter)
        if ending and self._ending_at is None:
            self._ending_at = now + self._drain
            self.server_state.draining = True  # type: ignore[attr-defined]
            self._on_drain()
        return ending and (now >= (self._ending_at or now) or self.force_exit)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """A signal to end; one from the keyboard is in a hurry."""
        if sig == signal.SIGINT:
            self._drain = 0
        super().handle_exit(sig, frame)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take no more connections, answer those that were taken, end."""
        for server in self.servers:
            server.close()
        await asyncio.sleep(0.1)
        await super().shutdown(sockets)


def announce(listener: socket.socket) -> None:
    """Say where we serve, and what to try."""
    host, port = listener.getsockname()[:2]
    name = "localhost" if host in ("0.0.0.0", "::") else host  # noqa: S104 - any address
    url = f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"
    log.info("Serving on %s - to try: curl -X POST %s/api/generate", url, url)
    log.info("A page to make avatars on: %s - interactive docs: %s/swagger", url, url)


def close_overdue(connections: set[Any], now: float, patience: float) -> None:
    """Close the connections whose clients have been awaited for more than `patience` seconds."""
    before = now - patience
    for connection in list(connections):
        unread = connection.transport.get_write_buffer_size()
        if not unread:
            connection.unread_since = None
        elif connection.unread_since is None or unread < connection.unread:
            connection.unread_since = now
        connection.unread = unread
        if connection.unread_since is not None and connection.unread_since < before:
            connection.transport.abort()
        elif connection.waiting_since is not None and connection.waiting_since < before:
            connection.end_waiting()
