"""HTTP/1.1 with bounds on the memory and the time that one client can take.

It builds on uvicorn's protocol, which has none of them. uvicorn parses any number of pipelined requests at
once and accepts heads and trailers of any size. It resets a connection whose client still sends a body, waits
without end for slow clients, and reads the body of a request with an `Upgrade` header as another request.
`runtime` is the only room that uses private interfaces of uvicorn; tests/runtime/test_uvicorn.py checks them.
"""

import asyncio
from http import HTTPStatus

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from avatar_gen.runtime.request_head import (
    END_OF_HEAD,
    FIELD_LIMIT,
    HEAD_LIMIT,
    TARGET_LIMIT,
    TOO_LARGE,
    TOO_LONG,
    Unacceptable,
    body_length,
    check_head,
    error_answer,
    reason_for_no_request,
    without_upgrade,
)
from avatar_gen.runtime.transport import RECEIVE_TIMEOUT, Flow, Transport

MESSAGE_LIMIT = 16 * 1024 * 1024
"""Bytes that are read of one request. Some clients read an answer only after they have sent the whole body,
so the service reads more than it accepts."""

_ORDINARY_HEAD = 4096
"""Bytes of a head up to which its fields are not counted before it is parsed."""

_AROUND_TARGET = 64
"""Bytes that a request line has at most beside its target."""

_PIECE_OF_CHUNKED = 512
"""Bytes of a chunked body that are parsed at once. Only the parser finds the end of such a body. Requests
behind that end, in the same piece, are parsed too early."""

_SECONDS_AT_SHUTDOWN = 1.0
"""How long clients that have their answer may still send a body after the shutdown has begun."""

_CLIENT, _SERVICE, _CLOSING = range(3)
"""Whose turn it is. In the client's turn, bytes that arrive belong to the next request. In the service's
turn, they wait for the answer to an earlier request. After the last answer, they are discarded."""

_NOTHING, _HEAD, _BODY = range(3)
"""How much of a request has been parsed."""

_UNKNOWN = -1


class TimeoutProtocol(HttpToolsProtocol):
    """One connection. It handles one request at a time and knows how long it has waited for its client."""

    is_ending = False
    """Whether the last answer has been sent, and all that arrives is discarded."""

    _turn, _phase = _CLIENT, _NOTHING
    _waiting_since: float | None = None
    """The loop's time at which the client's turn began; None during the service's turn."""
    _is_idle = False
    """Whether the client has had an answer and sent no byte of another request."""
    receive_timeout: float | None = None  # seconds for the arriving request, if a route has set them
    _received, message_limit = 0, MESSAGE_LIMIT
    """Bytes of the request that is arriving, and bytes that are read of it at most: a route may set this."""
    _after_body = 0
    """Bytes of a chunked request since the last byte of its body."""
    _body_left: int | None = _UNKNOWN
    """Bytes that are missing of the body; None for a chunked body."""
    _tail = b""
    """The last bytes of an incomplete head, in which the end of the head can begin."""
    _held = b""
    """Unparsed bytes, which wait for the answer to an earlier request."""
    _held_from = 0
    """Where these begin in `_held`."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._socket = transport
        self.flow = self._flow = Flow(transport)
        self.transport = self._counted = Transport(transport, self)  # type: ignore[assignment]
        self._waiting_since = self.loop.time()

    def data_received(self, data: bytes) -> None:
        """Parse the bytes of one request; hold back or discard all others."""
        if self._turn == _CLIENT and not self._held:
            self._parse(data, 0)
        elif self._turn == _CLOSING:
            self._received += len(data)
            if self._received > self.message_limit:
                self._socket.abort()
        else:
            self._hold(self._held[self._held_from :] + data, 0)

    def close(self) -> None:
        """Close the connection, but not before the client had time to read the last answer.

        A socket that is closed while bytes arrive is reset, and the client loses what it has not read. So the
        service ends its own half, and discards what arrives until the client closes, or its time is over.
        """
        if self.is_ending:
            return
        if self._socket.is_closing() or (self._phase == _NOTHING and not self.flow.read_paused):
            self._socket.close()
            return
        self.is_ending = True
        self._turn = _CLOSING
        self._held = b""
        if self._waiting_since is None:
            self._waiting_since = self.loop.time()
        self._socket.write_eof()
        self._flow.is_held = False
        self.flow.resume_reading()

    def shutdown(self) -> None:
        """Close the connection after the current answer, if there is one."""
        if self.is_ending:
            self.loop.call_later(_SECONDS_AT_SHUTDOWN, self._socket.abort)
        elif self.cycle is None or self.cycle.response_complete:  # type: ignore[redundant-expr]
            self._socket.close()
        else:
            self.cycle.keep_alive = False

    def close_if_overdue(self, now: float, *, receive_timeout: float, idle_timeout: float) -> None:
        """Close the connection if its client takes too long to send a request or to read an answer."""
        allowed = idle_timeout if self._is_idle else self.receive_timeout or receive_timeout
        if self._counted.is_read_too_slowly(now, receive_timeout):
            self._socket.abort()
        elif self._waiting_since is None:
            return
        elif now - self._waiting_since > allowed:
            if self.is_ending:
                self._socket.abort()
            elif self._phase == _NOTHING:
                self._socket.close()
            else:
                self._refuse(HTTPStatus.REQUEST_TIMEOUT, "The request took too long to arrive.")

    def on_message_begin(self) -> None:
        """Begin a request."""
        self._phase, self.message_limit = _HEAD, MESSAGE_LIMIT
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Add a header field. Ignore a trailer: nothing that was checked in the head may change later."""
        if self._phase != _HEAD:
            return
        name = name.lower()
        if name == b"expect" and value.lower() == b"100-continue":
            self.expect_100_continue = True
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Start to answer a request whose head is acceptable."""
        if self.parser.should_upgrade():
            return
        check_head(self.parser, self.url, self.headers)
        self._phase, self._body_left, self.receive_timeout = _BODY, _UNKNOWN, None
        super().on_headers_complete()
        self.scope["extensions"] = {RECEIVE_TIMEOUT: {"connection": self}}
        if getattr(self.server_state, "draining", False):
            self.cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        """Hand over a part of the body."""
        self._after_body = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Give the turn to the service, unless it has answered already."""
        if self.parser.should_upgrade():
            return
        self._phase = _NOTHING
        self._received = 0
        if self.cycle.response_complete:
            self._waiting_since = self.loop.time()
            self._is_idle = True
        else:
            self._waiting_since = None
            self._turn = _SERVICE
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Go on with the next request.

        uvicorn's own method also starts a timer for each answer; `close_if_overdue` needs none.
        """
        self.server_state.total_requests += 1
        if self.is_ending or self._socket.is_closing():
            return
        if self.pipeline:
            cycle, app = self.pipeline.pop()
            self._start_asgi_task(cycle, app)
            if self.pipeline or self._phase != _BODY:
                return
        self._turn = _CLIENT
        if self._phase == _NOTHING or self._waiting_since is None:
            self._waiting_since = self.loop.time()
            self._is_idle = self._phase == _NOTHING
        if self._held:
            self.loop.call_soon(self._parse_held)
        else:
            self._flow.is_held = False
            self.flow.resume_reading()

    def _parse_held(self) -> None:
        if self._turn != _CLIENT or self._socket.is_closing():
            return
        data, self._held = self._held, b""
        self._parse(data, self._held_from)
        if not self._held and self._turn == _CLIENT:
            self._flow.is_held = False
            self.flow.resume_reading()

    def _hold(self, data: bytes, start: int) -> None:
        """Parse the bytes from `start` on after the current answer, and read no others until then."""
        self._held, self._held_from = data, start
        self._flow.is_held = True
        self.flow.pause_reading()

    def _parse(self, data: bytes, start: int) -> None:
        """Parse up to the end of a request that has to be answered first."""
        length = len(data)
        while start < length:
            if self._turn != _CLIENT:
                if self._turn == _SERVICE:
                    self._hold(data, start)
                return
            if self._phase == _NOTHING and data[start] in b"\r\n":
                # The parser ignores empty lines before a request. Skipping them here takes less time.
                start = length - len(data[start:].lstrip(b"\r\n"))
                continue
            end = self._end_of_piece(data, start)
            piece = data if end - start == length else data[start:end]
            start = end
            if self._count(piece):
                self._feed(piece)
        if (
            self._phase != _NOTHING
            and self._turn == _CLIENT
            and (self._is_idle or self._waiting_since is None)
        ):
            self._is_idle = False
            self._waiting_since = self.loop.time()

    def _end_of_piece(self, data: bytes, start: int) -> int:
        """Return the index behind the bytes to parse next, which do not go beyond the head or the body."""
        if self._phase == _BODY:
            size = _PIECE_OF_CHUNKED if self._body_left is None else self._body_left
            return min(start + (size or 1), len(data))
        if self._phase == _HEAD:
            # The end of the head can lie across the border between two pieces.
            across = (self._tail + data[start : start + 3]).find(END_OF_HEAD)
            if across >= 0:
                return start + across + len(END_OF_HEAD) - len(self._tail)
        end = data.find(END_OF_HEAD, start)
        return len(data) if end < 0 else end + len(END_OF_HEAD)

    def _count(self, piece: bytes) -> bool:
        """Count a piece of a request. Refuse the request, unparsed, if it is larger than any valid one."""
        self._received += len(piece)
        if self._phase != _BODY:
            if self._received > _ORDINARY_HEAD:
                return self._count_fields(piece)
        elif self._received > self.message_limit:
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, TOO_LARGE)
            return False
        elif self._body_left is not None:
            self._body_left -= len(piece)
        else:
            self._after_body += len(piece)
            if self._after_body > HEAD_LIMIT + _PIECE_OF_CHUNKED:
                self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, TOO_LARGE)
                return False
        return True

    def _count_fields(self, piece: bytes) -> bool:
        if self._phase == _HEAD:
            fields, target = len(self.headers) + piece.count(b"\r\n"), len(self.url)
        else:
            fields, target = piece.count(b"\r\n") - 2, len(piece.partition(b"\r\n")[0])
        if target > TARGET_LIMIT + _AROUND_TARGET:
            self._refuse(HTTPStatus.REQUEST_URI_TOO_LONG, TOO_LONG)
            return False
        if self._received > HEAD_LIMIT or fields > FIELD_LIMIT:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, TOO_LARGE)
            return False
        return True

    def _feed(self, piece: bytes) -> None:
        rest: bytes | None = piece
        try:
            while rest is not None and not self.is_ending:
                rest = self._parse_piece(rest)
        except httptools.HttpParserError as error:
            reason = error.__context__
            if isinstance(reason, Unacceptable):
                self._refuse(reason.status, str(reason))
            else:
                head = piece if self._phase == _HEAD else b""
                self._refuse(HTTPStatus.BAD_REQUEST, reason_for_no_request(head))
        if self._phase == _HEAD:
            self._tail = (self._tail + piece)[-3:]
        elif self._phase == _BODY and self._body_left == _UNKNOWN:
            self._body_left = body_length(self.headers)
            self._after_body = 0

    def _parse_piece(self, piece: bytes) -> bytes | None:
        """Parse. If the request asks for an upgrade, return the bytes to parse instead of the rest."""
        try:
            self.parser.feed_data(piece)
        except httptools.HttpParserUpgrade as upgrade:
            behind = piece[upgrade.args[0] :]
        else:
            return None
        if self.parser.get_method() == b"CONNECT":
            self._refuse(HTTPStatus.METHOD_NOT_ALLOWED, "This service is not a proxy.")
            return None
        head = without_upgrade(self.parser, self.url, self.headers)
        self.parser = httptools.HttpRequestParser(self)
        # uvicorn does the same: requests behind the last one are ignored, and the last one is answered.
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        return head + behind

    def _refuse(self, status: HTTPStatus, message: str) -> None:
        """Answer a request that cannot be parsed, and close. If another answer is under way, only close."""
        cycle: RequestResponseCycle | None = self.cycle
        if self.is_ending or self._socket.is_closing():
            return
        # While a head is parsed, `cycle` is the request before it; while a body is parsed, its own request.
        is_open = cycle is not None and not cycle.response_complete
        if cycle and is_open and (self._phase != _BODY or cycle.response_started or self.pipeline):
            cycle.keep_alive = False
            self._turn = _SERVICE
            return
        if is_open or self._phase != _BODY:
            self.transport.write(error_answer(status, message))
        if cycle and is_open:
            cycle.disconnected = True
            cycle.message_event.set()
        # The rest of the request may still arrive, so `close` must discard it before it closes the socket.
        self._phase = _BODY
        self.close()
