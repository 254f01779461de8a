"""Answers that are pictures: their headers, and 304 for a client that has the picture already."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, NamedTuple

from starlette.responses import Response
from starlette.types import Scope

from avatar_gen.api.compression import ETAG_SUFFIX, accepts_gzip, is_text
from avatar_gen.runtime.compression import MAGIC

if TYPE_CHECKING:
    from avatar_gen.services.rendering import PictureRequest, Renderer

Headers = list[tuple[bytes, bytes]]

IMMUTABLE = b"public, max-age=31536000, immutable"
"""`Cache-Control` of a picture by URL, which never changes: docs/decisions/0010."""

PUBLIC = (
    (b"access-control-allow-origin", b"*"),
    (b"access-control-expose-headers", b"*"),
    (b"x-robots-tag", b"noindex"),
)
"""Pages of all origins may read pictures and their headers. Search engines must not list them: their URLs may
have names in them."""

CONTENT_POLICY = b"default-src 'none'; style-src 'unsafe-inline'; sandbox"
"""For an SVG that is opened as a page: nothing runs in it, nothing is fetched."""


class Picture(NamedTuple):
    """An answer without JSON: a picture, or a redirect to one."""

    status: int
    headers: Headers
    content: bytes = b""


class PictureRoute(NamedTuple):
    """A route that is answered before FastAPI."""

    path_format: str
    """The route's name in the log and in the statistics."""
    matches: Callable[[Scope], object]
    """Return something true if a request's path belongs to the route."""
    get: Callable[[Scope], Awaitable[Picture]]
    """Answer GET and HEAD. Raises `AvatarError`."""
    other_methods: Callable[[Scope], tuple[str, ...]] = lambda _scope: ()
    """Return the methods that FastAPI answers at the path of a request."""
    is_picture: bool = True
    """Whether the answers to GET and HEAD are pictures, and carry `PUBLIC`."""


def publish(answer: Response, scope: Scope, *, is_picture: bool) -> Response:
    """Return an error with `PUBLIC` if the request is for a picture. HEAD is GET here, as in `RequestLog`."""
    if is_picture and scope["method"] == "GET":
        answer.raw_headers += PUBLIC
    return answer


async def answer(
    scope: Scope, etag: bytes, headers: Headers, media_type: str, make: Callable[[], Awaitable[bytes]]
) -> Picture:
    """Return a picture with the headers of every picture; or 304 if the client has it, without making it."""
    headers = [(b"etag", etag), *headers]
    if _is_cached_by_client(scope, etag):
        return Picture(304, headers)
    content = await make()
    headers += (
        (b"content-type", media_type.encode()),
        (b"content-length", b"%d" % len(content)),
    )
    if media_type == "image/svg+xml":
        headers.append((b"content-security-policy", CONTENT_POLICY))
    if content.startswith(MAGIC):
        headers.append((b"content-encoding", b"gzip"))
    return Picture(200, headers, content)


def answer_drawn(
    scope: Scope, request: "PictureRequest", headers: Headers, media_type: str, *, negotiated: bool = False
) -> Awaitable[Picture]:
    """Return a picture by URL, or 304 without drawing it if the client has it.

    `negotiated` says whether `Accept` decided the format. A text is compressed if the client accepts that.
    """
    renderer: Renderer = scope["app"].state.renderer
    key = request.key()
    etag = f"{key.hex()}-{request.made_by}"
    varies = ["Accept"] if negotiated else []
    packed = False
    if is_text(media_type):
        varies.append("Accept-Encoding")
        packed = accepts_gzip(scope)
        etag += ETAG_SUFFIX if packed else ""
    if varies:
        headers = [*headers, (b"vary", ", ".join(varies).encode())]
    return answer(
        scope, f'"{etag}"'.encode(), headers, media_type, lambda: renderer.render(request, key, packed=packed)
    )


def _is_cached_by_client(scope: Scope, etag: bytes) -> bool:
    """Return whether `If-None-Match` names this picture: RFC 9110, section 13.1.2."""
    for name, value in scope["headers"]:
        if name == b"if-none-match":
            tags = {tag.strip().removeprefix(b"W/") for tag in value.split(b",")}
            if etag in tags or b"*" in tags:
                return True
    return False
