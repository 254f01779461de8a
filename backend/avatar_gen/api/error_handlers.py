"""Every error becomes one kind of answer here, and what the client should not read goes to the log."""

import logging
import re
import time
from http import HTTPStatus

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import Scope

from avatar_gen.api.responses import INTERNAL_ERROR, failure
from avatar_gen.errors import AvatarError, AvatarNotFound, NotReady, Overloaded

log = logging.getLogger(__name__)

_MAY_BE_AN_ID = re.compile(r"/api/[^/]+")


def add_error_handlers(app: FastAPI) -> None:
    """Let `app` answer errors in the envelope."""
    app.add_exception_handler(AvatarError, _answer_avatar_error)
    app.add_exception_handler(HTTPException, _answer_http_exception)
    app.add_exception_handler(Exception, _answer_fault)


async def _answer_avatar_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, AvatarError)  # noqa: S101 - it is registered for nothing else
    return answer_error(request.scope, error)


def answer_error(scope: Scope, error: AvatarError) -> Response:
    """What the client is told of an error; the rest goes to the log, and it is counted."""
    scope["app"].state.statistics.faults[type(error).__name__] += 1
    if isinstance(error, (Overloaded, NotReady)):
        _say_now_and_then(error)
    elif error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        log.error("%s: %s", type(error).__name__, error.__cause__ or error, exc_info=error.__cause__)
    return failure(error.status, str(error), error)


_said_at: dict[str, float] = {}


def _say_now_and_then(error: AvatarError) -> None:
    """Once a second: thousands can be refused, and nobody is helped by as many lines."""
    now = time.monotonic()
    if now - _said_at.get(str(error), -1.0) >= 1:
        _said_at[str(error)] = now
        log.warning("%s", error)


async def _answer_http_exception(request: Request, error: Exception) -> Response:
    """What the router raises: no such address, no such method."""
    assert isinstance(error, HTTPException)  # noqa: S101
    headers = dict(error.headers or {})
    if error.status_code == HTTPStatus.NOT_FOUND and _MAY_BE_AN_ID.fullmatch(request.url.path):
        # What is no UUID is answered as any unknown id.
        message = str(AvatarNotFound())
    elif error.status_code == HTTPStatus.NOT_FOUND:
        message = "There is nothing at this address; see /swagger for what there is."
    elif error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(sorted(_methods(request)))
        message = f"This address takes {headers['Allow']}."
    else:
        message = f"{error.detail}."
    return failure(HTTPStatus(error.status_code), message, headers=headers)


async def _answer_fault(_request: Request, _error: Exception) -> Response:
    """What is nobody's fault but ours. Starlette raises it again, and `RequestLog` tells the log of it."""
    return failure(HTTPStatus.INTERNAL_SERVER_ERROR, INTERNAL_ERROR)


def _methods(request: Request) -> set[str]:
    """What an address takes, by all routes that it has: the router tells of the first one alone."""
    routes = [route for route in request.app.router.routes if isinstance(route, Route)]
    matching = (route for route in routes if route.matches(request.scope)[0] is Match.PARTIAL)
    return {method for route in matching for method in route.methods or ()}
