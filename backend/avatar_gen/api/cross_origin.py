"""CORS: which pages of other origins may call the service.

Starlette's middleware refuses request headers that are not listed and answers a refused preflight outside the
envelope. With `*` and credentials, it allows every origin to send them.
"""

import re
from collections.abc import Awaitable
from functools import partial
from http import HTTPStatus

from starlette.datastructures import MutableHeaders
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from avatar_gen.api.responses import failure
from avatar_gen.settings.values import ANY

METHODS = "GET, HEAD, POST, PUT, DELETE"
EXPOSED = "ETag, RateLimit, RateLimit-Policy, Retry-After, X-Avatar-ID, X-Created-At, X-Version, X-Request-ID"
PREFLIGHT_SECONDS = 86_400

_FIELD_NAMES = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]*(?: *+, *+[A-Za-z0-9!#$%&'*+.^_`|~-]*)*+")
"""A list may have empty elements: RFC 9110, 5.6.1."""
_ALLOW_ORIGIN = b"access-control-allow-origin"

Fields = list[tuple[bytes, bytes]]


class CrossOrigin:
    """ASGI middleware. If no origins are listed, or `*`, it allows all pages, without credentials."""

    def __init__(self, app: ASGIApp, origins: list[str]) -> None:
        self._app = app
        self._origins = frozenset(origins) - {ANY}
        self._allows_all = not origins or ANY in origins

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Answer one request."""
        origin = _field(scope, b"origin") if scope["type"] == "http" else None
        if origin is None:
            return self._app(scope, receive, send)
        method = _field(scope, b"access-control-request-method")
        if scope["method"] == "OPTIONS" and method is not None:
            return self._preflight(scope, origin, method)(scope, receive, send)
        return self._app(scope, receive, partial(self._send, send, self._fields(origin)))

    def _fields(self, origin: str) -> Fields:
        """Return the header fields that allow an origin to read an answer, or refuse it."""
        if self._allows_all:
            return [(_ALLOW_ORIGIN, b"*")]
        if origin not in self._origins:
            return [(b"vary", b"Origin")]
        return [
            (_ALLOW_ORIGIN, origin.encode()),
            (b"access-control-allow-credentials", b"true"),
            (b"vary", b"Origin"),
        ]

    async def _send(self, send: Send, fields: Fields, message: Message) -> None:
        if message["type"] == "http.response.start":
            if _allows(message["headers"]):
                # A picture, which has its own fields.
                await send(message)
                return
            headers = MutableHeaders(raw=[*message["headers"]])
            for name, value in fields:
                if name == b"vary":
                    headers.add_vary_header(value.decode())
                else:
                    headers.raw.append((name, value))
            if _allows(fields):
                headers["access-control-expose-headers"] = EXPOSED
            message["headers"] = headers.raw
        await send(message)

    def _preflight(self, scope: Scope, origin: str, method: str) -> Response:
        fields = self._fields(origin)
        names = _field(scope, b"access-control-request-headers") or ""
        if not _allows(fields):
            answer = failure(
                HTTPStatus.BAD_REQUEST,
                "Pages of this origin may not call this service; corsEnabled lists those that may.",
            )
        elif method not in METHODS.split(", "):
            answer = failure(HTTPStatus.BAD_REQUEST, f"Pages of other origins may use {METHODS}.")
        elif names and not _FIELD_NAMES.fullmatch(names):
            answer = failure(
                HTTPStatus.BAD_REQUEST, "Access-Control-Request-Headers must be a list of names."
            )
        else:
            answer = PlainTextResponse("OK")
            answer.headers["Access-Control-Allow-Methods"] = METHODS
            answer.headers["Access-Control-Max-Age"] = str(PREFLIGHT_SECONDS)
            if names:
                answer.headers["Access-Control-Allow-Headers"] = names
        answer.raw_headers += fields
        return answer


def _allows(fields: Fields) -> bool:
    return any(name == _ALLOW_ORIGIN for name, _ in fields)


def _field(scope: Scope, wanted: bytes) -> str | None:
    for name, value in scope["headers"]:
        if name == wanted:
            return str(value, "latin-1")
    return None
