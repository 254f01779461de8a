"""Refuses requests under a host name that is not allowed, before anything else is done for them."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from avatar_gen.api.responses import failure
from avatar_gen.security.hosts import AllowedHosts

MESSAGE = "This host name is not served here; add it to server.allowed_hosts (ALLOWED_HOSTS)."


class HostCheck:
    """ASGI middleware."""

    def __init__(
        self, app: ASGIApp, names: tuple[str, ...], publish: Callable[[Response, Scope], Response]
    ) -> None:
        """`publish` completes the headers of an error."""
        self._app = app
        self._publish = publish
        self._allows = AllowedHosts(names).allows

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Answer one request."""
        if scope["type"] == "http":
            for name, value in scope["headers"]:
                if name == b"host":
                    if self._allows(value):
                        break
                    answer = failure(HTTPStatus.MISDIRECTED_REQUEST, MESSAGE)
                    return self._publish(answer, scope)(scope, receive, send)
        return self._app(scope, receive, send)
