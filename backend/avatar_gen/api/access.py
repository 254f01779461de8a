"""API keys in `Authorization: Bearer KEY`, required by the handlers that need a permission.

The handler requires the key, not its path: no spelling of a path leads around the check.
"""

import re
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.types import Scope

from avatar_gen.errors import KeyNeeded, KeyNotAllowed
from avatar_gen.security.api_keys import Keys
from avatar_gen.settings.schema import ApiKey, Permission

Handler = TypeVar("Handler", bound=Callable[..., Awaitable[Any]])

UNCOUNTED = frozenset(
    path + detail for path in ("/health", "/api/health") for detail in ("", "/detailed", "/live", "/ready")
)
"""Paths without a rate limit: a monitor must always get the state of the service."""

_BEARER = re.compile(rb"bearer +([!-~]+)[ \t]*", re.IGNORECASE)


def needs(permission: Permission) -> Callable[[Handler], Handler]:
    """Let `StrictRoute` require an API key with this permission, before it reads the query and the body.

    If no keys are configured, every client is allowed.
    """

    def mark(handler: Handler) -> Handler:
        handler.permission = permission  # type: ignore[attr-defined]
        return handler

    return mark


def is_guarded(handler: object) -> bool:
    """Return whether a handler requires a key."""
    return hasattr(handler, "permission")


def require_permission(request: Request, permission: Permission) -> None:
    """Raise `KeyNeeded` or `KeyNotAllowed` unless the request has a key with this permission."""
    keys: Keys | None = request.app.state.keys
    if keys is None:
        return
    key = identify(request.scope, keys)
    if key is None:
        raise KeyNeeded
    if permission not in key.may:
        raise KeyNotAllowed(f"This API key may not {permission}.")


def identify(scope: Scope, keys: Keys) -> ApiKey | None:
    """Return the key of a request, and note it for the log. Two keys count as none."""
    presented = bearer(scope)
    key = keys.find(presented) if presented else None
    if key:
        scope["api_key"] = key.label
    return key


def bearer(scope: Scope) -> bytes | None:
    """Return what follows `Bearer` in the `Authorization` field of a request. Two fields count as none."""
    presented = [value for name, value in scope["headers"] if name == b"authorization"]
    match = _BEARER.fullmatch(presented[0]) if len(presented) == 1 else None
    return match[1] if match else None
