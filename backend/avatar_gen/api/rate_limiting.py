"""Refuses requests of clients that exceed a rate limit."""

from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Protocol

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from avatar_gen.api.access import UNCOUNTED, identify
from avatar_gen.api.client_address import ClientAddresses
from avatar_gen.api.responses import failure
from avatar_gen.security.rate_limits import Count, Limit
from avatar_gen.settings.schema import Limits

_READING = frozenset({"GET", "HEAD", "OPTIONS"})


class Counts(Protocol):
    """Counts that several processes share: `avatar_gen.security.shared_limits`."""

    async def count(self, limits: Sequence[Limit], client: str) -> list[Count]:
        """Count a request of a client for each limit."""


class RateLimiting:
    """ASGI middleware that counts requests, by API key or else by client.

    Each answer says how many requests are left, in the fields of draft-ietf-httpapi-ratelimit-headers-11.
    """

    def __init__(
        self,
        app: ASGIApp,
        limits: Limits,
        clients: ClientAddresses,
        publish: Callable[[Response, Scope], Response],
        shared: Counts | None = None,
    ) -> None:
        """`publish` completes the headers of an error. Without `shared`, this process counts alone."""
        self._app = app
        self._publish = publish
        self._clients = clients
        self._shared = shared
        self._client = limits.client and Limit("client", limits.client)
        self._writes = limits.writes and Limit("writes", limits.writes)
        self._key = limits.key and Limit("key", limits.key)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or scope["path"] in UNCOUNTED:
            await self._app(scope, receive, send)
            return
        limits, client = self._applying(scope)
        if self._shared is None:
            counts = [limit.count(client) for limit in limits]
        else:
            counts = await self._shared.count(limits, client)
        fields = [
            (b"ratelimit-policy", b", ".join([limit.policy for limit in limits])),
            (b"ratelimit", b", ".join([count.item for count in counts])),
        ]

        async def send_with_fields(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *fields]
            await send(message)

        refusal = _refusal(counts)
        app = self._publish(refusal, scope) if refusal else self._app
        await app(scope, receive, send_with_fields if limits else send)

    def _applying(self, scope: Scope) -> tuple[list[Limit], str]:
        """Return the limits of a request, and the client that it is counted for."""
        keys = scope["app"].state.keys
        if self._key and keys and (key := identify(scope, keys)):
            return [self._key], key.label
        writing = None if scope["method"] in _READING else self._writes
        return [limit for limit in (self._client, writing) if limit], self._clients.of(scope)


def _refusal(counts: list[Count]) -> Response | None:
    """Return the answer to a request that exceeds a limit, or None if it exceeds none."""
    wait = max((count.retry_after for count in counts), default=0)
    if not wait:
        return None
    message = f"Too many requests. Try again in {wait} {'second' if wait == 1 else 'seconds'}."
    return failure(HTTPStatus.TOO_MANY_REQUESTS, message, headers={"Retry-After": str(wait)})
