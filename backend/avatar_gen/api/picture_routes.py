"""What is asked for most, pictures, answered before FastAPI's layers and its router.

Served from memory, a picture takes 31 us of CPU here, of which uvicorn takes 22, and 37 through the layers
behind; docs/decisions/0005 has more of that. What fails is answered like everywhere else.
"""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import NamedTuple

from starlette.types import ASGIApp, Receive, Scope, Send

from avatar_gen.api.error_handlers import answer_error
from avatar_gen.api.responses import failure
from avatar_gen.errors import AvatarError

Headers = list[tuple[bytes, bytes]]

FOR_EVER = b"public, max-age=31536000, immutable"
"""`Cache-Control` of a picture by URL: what an address shows is never changed, see docs/decisions/0010."""

ANY_ORIGIN = ((b"access-control-allow-origin", b"*"),)

CONTENT_POLICY = b"default-src 'none'; style-src 'unsafe-inline'; sandbox"
"""For an SVG that is opened as a page: nothing runs in it, nothing is fetched."""


class Picture(NamedTuple):
    """An answer that is no JSON: a picture, or where or whether there is one."""

    status: int
    headers: Headers
    content: bytes = b""


class Address(NamedTuple):
    """An address that is answered here."""

    path_format: str
    """For the log."""
    matches: Callable[[Scope], object]
    """Whether a request's path is of this form."""
    get: Callable[[Scope], Awaitable[Picture]]
    """What answers GET, and so HEAD. Raises `AvatarError`."""
    others: tuple[str, ...] = ()
    """Methods that are answered elsewhere."""
    for_any_origin: bool = True
    """Whether scripts of all pages may read the answers to GET and HEAD."""


class PictureRoutes:
    """ASGI middleware that answers some addresses itself and hands on all others."""

    def __init__(self, app: ASGIApp, addresses: tuple[Address, ...]) -> None:
        self._app = app
        self._addresses = addresses

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        method = scope["method"]
        address = self._find(scope)
        scope["route"] = address
        if address is not None and method == "GET":
            try:
                status, headers, content = await address.get(scope)
            except AvatarError as error:
                failed = answer_error(scope, error)
                failed.raw_headers += ANY_ORIGIN if address.for_any_origin else ()
                await failed(scope, receive, send)
                return
            if address.for_any_origin:
                headers = [*headers, *ANY_ORIGIN]
            await send({"type": "http.response.start", "status": status, "headers": headers})
            await send({"type": "http.response.body", "body": content})
        elif address is not None and method not in address.others:
            allowed = ", ".join(("GET", "HEAD", *address.others))
            message = f"This address takes {allowed}."
            answer = failure(HTTPStatus.METHOD_NOT_ALLOWED, message, headers={"Allow": allowed})
            await answer(scope, receive, send)
        elif scope["path"].endswith("\n"):
            # A regular expression's `$` matches before it, so `/api/list%0a` would be a route.
            message = "There is nothing at this address."
            await failure(HTTPStatus.NOT_FOUND, message)(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _find(self, scope: Scope) -> Address | None:
        for address in self._addresses:
            if address.matches(scope):
                return address
        return None


async def answer(
    scope: Scope, etag: bytes, headers: Headers, media_type: str, make: Callable[[], Awaitable[bytes]]
) -> Picture:
    """A picture with all that is said of every one; or 304 where the client has it, and nothing is made."""
    headers = [(b"etag", etag), *headers]
    if _has_already(scope, etag):
        return Picture(304, headers)
    content = await make()
    headers += (
        (b"content-type", media_type.encode()),
        (b"content-length", b"%d" % len(content)),
    )
    if media_type == "image/svg+xml":
        headers.append((b"content-security-policy", CONTENT_POLICY))
    return Picture(200, headers, content)


def _has_already(scope: Scope, etag: bytes) -> bool:
    """Whether `If-None-Match` names this picture, as RFC 9110 has it in section 13.1.2."""
    for name, value in scope["headers"]:
        if name == b"if-none-match":
            tags = {tag.strip().removeprefix(b"W/") for tag in value.split(b",")}
            if etag in tags or b"*" in tags:
                return True
    return False
