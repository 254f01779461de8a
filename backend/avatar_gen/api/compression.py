"""Compression of answers that are text, for clients that accept gzip.

Answers with `Cache-Control: no-store` are not compressed. They can have secrets, such as the token of a
picker link. From the size of a compressed answer, a client that chooses another part of it can learn a secret
(BREACH).
"""

import re
import zlib
from functools import lru_cache

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from avatar_gen.runtime.compression import MAGIC, MIN_BYTES, pack

ETAG_SUFFIX = f"-gzip{zlib.ZLIB_RUNTIME_VERSION}"
"""The end of the strong ETag of a compressed answer. The release of zlib decides the compressed bytes."""

_TYPES = re.compile(r"(?:text/(?!event-stream)|application/(?:json|yaml|javascript)|image/svg\+xml)")

_MAX_BYTES = 256
"""Bytes of `Accept-Encoding` that are read. Browsers send about 30."""

_ELEMENT = re.compile(rb"[ \t]*([^ \t;,=]+)[ \t]*(?:;[ \t]*[qQ]=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)[ \t]*)?")

pack_list = lru_cache(maxsize=16)(pack)
"""`pack` with a cache, for answers that many requests get, such as the list of styles."""


@lru_cache(maxsize=64)
def is_text(media_type: str) -> bool:
    """Return whether answers of this type become smaller by compression."""
    return _TYPES.match(media_type) is not None


def accepts_gzip(scope: Scope) -> bool:
    """Return whether a client prefers gzip to an answer without compression: RFC 9110, section 12.5.3."""
    given = [value for name, value in scope["headers"] if name == b"accept-encoding"]
    if not given:
        return False
    accepted = b",".join(given)
    return len(accepted) <= _MAX_BYTES and _prefers_gzip(accepted)


@lru_cache(maxsize=128)
def _prefers_gzip(accepted: bytes) -> bool:
    matches = map(_ELEMENT.fullmatch, accepted.lower().split(b","))
    qualities = {match[1]: float(match[2] or 1) for match in matches if match}
    others = qualities.get(b"*", 0.0)
    quality = max(qualities.get(b"gzip", others), qualities.get(b"x-gzip", 0.0))
    return quality > 0 and quality >= qualities.get(b"identity", 0.0)


class Compression:
    """ASGI middleware. It compresses whole answers to GET; pictures do not pass through it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "http" and scope["method"] == "GET":
            send = _Answer(send, accepts_gzip=accepts_gzip(scope))
        await self._app(scope, receive, send)


class _Answer:
    """Sends one answer, compressed if it is text and the client accepts gzip."""

    def __init__(self, send: Send, *, accepts_gzip: bool) -> None:
        self._send = send
        self._accepts_gzip = accepts_gzip
        self._start: Message | None = None
        """The status and the header fields. They are sent when the body is known."""

    async def __call__(self, message: Message) -> None:
        """Send a part of the answer."""
        if message["type"] == "http.response.start" and _is_compressible(message):
            self._start = message
            return
        if self._start is not None:
            start, self._start = self._start, None
            if not message.get("more_body", False):
                message = self._compress(start, message)
            await self._send(start)
        await self._send(message)

    def _compress(self, start: Message, message: Message) -> Message:
        """Return the body to send, and change the header fields in `start`."""
        content: bytes = message.get("body", b"")
        if len(content) < MIN_BYTES:
            return message
        headers = MutableHeaders(raw=start["headers"])
        headers.add_vary_header("Accept-Encoding")
        start["headers"] = headers.raw
        packed = pack_list(content) if self._accepts_gzip else content
        if not packed.startswith(MAGIC):
            return message
        headers["content-encoding"] = "gzip"
        headers["content-length"] = str(len(packed))
        return {**message, "body": packed}


def _is_compressible(start: Message) -> bool:
    headers = Headers(raw=start["headers"])
    return (
        start["status"] == 200
        and is_text(headers.get("content-type", ""))
        and not {"content-encoding", "etag"} & {*headers}
        and "no-store" not in headers.get("cache-control", "")
    )
