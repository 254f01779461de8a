"""Who may do what: `Authorization: Bearer KEY`, asked for by each handler that needs it.

By the handler, not by its address: however that was written, who comes to a guarded handler needs a key.
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

UNCOUNTED = frozenset({"/api/health", "/api/health/live", "/api/health/ready"})
"""Addresses that no limit is for: who watches the service must not be told to come back later."""

_BEARER = re.compile(rb"bearer +([!-~]+)[ \t]*", re.IGNORECASE)


_guarded: set[object] = set()


def needs(right: Right) -> Callable[[Handler], Handler]:
    """Have a handler answer those alone who have a key with this right; everybody, where there are no keys.

    It raises `KeyNeeded` or `KeyNotAllowed` before anything of the request is read but its head. As one of
    FastAPI's dependencies this would cost each request 13 us, keys or not.
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
    """Whether a handler takes a key."""
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
    """The key that a request comes with, noted for the log; none if it comes with two."""
    presented = [value for name, value in scope["headers"] if name == b"authorization"]
    match = _BEARER.fullmatch(presented[0]) if len(presented) == 1 else None
    key = keys.find(match[1]) if match else None
    if key:
        scope["api_key"] = key.label
    return key
