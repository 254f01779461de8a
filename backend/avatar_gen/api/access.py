"""API keys in `Authorization: Bearer KEY`, required by the handlers that need a permission.

The handler requires the key, not its path: no spelling of a path leads around the check.
"""

import re
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any, TypeVar, cast

from starlette.requests import Request
from starlette.types import Scope

from avatar_gen.errors import KeyNeeded, KeyNotAllowed
from avatar_gen.security.api_keys import Keys
from avatar_gen.settings.schema import ApiKey, Right

Handler = TypeVar("Handler", bound=Callable[..., Awaitable[Any]])

UNCOUNTED = frozenset(
    {
        "/api/health",
        "/api/health/live",
        "/api/health/ready",
        "/api/health/detailed",
        "/health",
        "/health/detailed",
    }
)
"""Paths without a rate limit: a monitor must always get the state of the service."""

_BEARER = re.compile(rb"bearer +([!-~]+)[ \t]*", re.IGNORECASE)


_guarded: set[object] = set()


def needs(right: Right) -> Callable[[Handler], Handler]:
    """Require an API key with this permission. If no keys are configured, allow every client.

    The handler raises `KeyNeeded` or `KeyNotAllowed` before it reads the body.
    """

    def guard(handler: Handler) -> Handler:
        @wraps(handler)
        async def guarded(request: Request, **others: object) -> object:
            _let_in(request, right)
            return await handler(request=request, **others)

        _guarded.add(guarded)
        return cast("Handler", guarded)

    return guard


def is_guarded(handler: object) -> bool:
    """Return whether a handler requires a key."""
    return handler in _guarded


def _let_in(request: Request, right: Right) -> None:
    keys: Keys | None = request.app.state.keys
    if keys is None:
        return
    key = identify(request.scope, keys)
    if key is None:
        raise KeyNeeded
    if right not in key.may:
        raise KeyNotAllowed(f"This API key may not {right}.")


def identify(scope: Scope, keys: Keys) -> ApiKey | None:
    """Return the key of a request, and note it for the log. Two keys count as none."""
    presented = [value for name, value in scope["headers"] if name == b"authorization"]
    match = _BEARER.fullmatch(presented[0]) if len(presented) == 1 else None
    key = keys.find(match[1]) if match else None
    if key:
        scope["api_key"] = key.label
    return key
