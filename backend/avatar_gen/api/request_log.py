"""Gives every request an id, a log line, and an answer in the envelope if an error in the service occurs."""

import asyncio
import logging
import re
import time
from http import HTTPStatus
from secrets import token_hex
from typing import TYPE_CHECKING

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from avatar_gen.api.access import UNCOUNTED
from avatar_gen.api.pictures import publish
from avatar_gen.api.responses import INTERNAL_ERROR, failure
from avatar_gen.security.headers import FRAMED, PROTECTION
from avatar_gen.telemetry.logs import log_request, request_id, trace_id
from avatar_gen.telemetry.request_statistics import RequestStatistics

if TYPE_CHECKING:
    from avatar_gen.telemetry.tracing import Tracing

log = logging.getLogger(__name__)

_GIVEN_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")

_TRACEPARENT = re.compile(rb"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
"""Version, trace, span and flags: https://www.w3.org/TR/trace-context/."""


class RequestLog:
    """The outermost ASGI middleware.

    It uses a client's `X-Request-ID` if that has at most 64 letters, digits, dots, dashes or underscores.
    The trace of a `traceparent` goes into the log.
    """

    def __init__(self, app: ASGIApp, statistics: RequestStatistics, tracing: "Tracing | None" = None) -> None:
        self._app = app
        self._statistics = statistics
        self._tracing = tracing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        method = scope["method"]
        if method == "HEAD":
            # Every GET route answers HEAD too. The server has the original scope and leaves out the body.
            scope = {**scope, "method": "GET", "is_head": True}
        own_id, trace = _ids_of(scope)
        request_id.set(own_id)
        trace_id.set(trace)
        span = None
        if self._tracing and scope["path"] not in UNCOUNTED:
            span = self._tracing.begin(method, scope["headers"], own_id)
        status = 0

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                protection = FRAMED if scope.get("framed") else PROTECTION
                message["headers"] = [*message["headers"], *protection, (b"x-request-id", own_id.encode())]
            await send(message)

        try:
            error = await self._answer(scope, receive, send_with_id)
            if error and not status:
                is_picture = getattr(scope.get("route"), "is_picture", False)
                answer = publish(failure(*error), scope, is_picture=is_picture)
                await answer(scope, receive, send_with_id)
        finally:
            seconds = time.perf_counter() - started
            route = getattr(scope.get("route"), "path_format", None)
            self._statistics.observe(method, route, status, seconds)
            if self._tracing and span:
                self._tracing.end(span, method, route, status)
            log_request(method, route, scope["path"][:500], status, seconds, key=scope.get("api_key"))

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> tuple[HTTPStatus, str] | None:
        """Let the application answer. Return the status and message of the error if it did not."""
        try:
            await self._app(scope, receive, send)
        except asyncio.CancelledError:
            return HTTPStatus.SERVICE_UNAVAILABLE, "The service is stopping; send the request again."
        except Exception:
            log.exception("A request failed because of an error in the service")
            return HTTPStatus.INTERNAL_SERVER_ERROR, INTERNAL_ERROR
        return None


def _ids_of(scope: Scope) -> tuple[str, str | None]:
    """Return the id of a request, and that of its trace if it has one."""
    own_id = trace = None
    for name, value in scope["headers"]:
        if name == b"x-request-id" and not own_id and _GIVEN_ID.fullmatch(value):
            own_id = str(value, "ascii")
        elif name == b"traceparent" and (match := _TRACEPARENT.fullmatch(value)):
            trace = str(match[1], "ascii")
    return own_id or token_hex(8), trace
