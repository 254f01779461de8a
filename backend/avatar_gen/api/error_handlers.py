"""Render every error in the envelope, and log what the client does not read."""

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

from avatar_gen.api.access import require_permission
from avatar_gen.api.pictures import publish
from avatar_gen.api.responses import INTERNAL_ERROR, failure
from avatar_gen.errors import AvatarError, AvatarNotFound, NotReady, Overloaded

log = logging.getLogger(__name__)

_MAY_BE_AN_ID = re.compile(r"/api/[^/]+")


def add_error_handlers(app: FastAPI) -> None:
    """Make `app` answer errors in the envelope."""
    app.add_exception_handler(AvatarError, _answer_avatar_error)
    app.add_exception_handler(HTTPException, _answer_http_exception)
    app.add_exception_handler(Exception, _answer_internal_error)


async def _answer_avatar_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, AvatarError)  # noqa: S101 - the handler is registered for nothing else
    return answer_error(request.scope, error)


def answer_error(scope: Scope, error: AvatarError) -> Response:
    """Return the answer of an error; count the error, and log it if the service is at fault."""
    scope["app"].state.statistics.errors[type(error).__name__] += 1
    if isinstance(error, (Overloaded, NotReady)):
        _warn_each_second(error)
    elif error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        log.error("%s: %s", type(error).__name__, error.__cause__ or error, exc_info=error.__cause__)
    return failure(error.status, str(error), error)


_warned_at: dict[str, float] = {}


def _warn_each_second(error: AvatarError) -> None:
    """Log an error at most once a second: an overloaded service refuses thousands of requests."""
    now = time.monotonic()
    if now - _warned_at.get(str(error), -1.0) >= 1:
        _warned_at[str(error)] = now
        log.warning("%s", error)


async def _answer_http_exception(request: Request, error: Exception) -> Response:
    """Answer what the router raises: an unknown route or method."""
    assert isinstance(error, HTTPException)  # noqa: S101 - as above
    headers = dict(error.headers or {})
    if error.status_code == HTTPStatus.NOT_FOUND and _MAY_BE_AN_ID.fullmatch(request.url.path):
        # An id that is not a UUID is answered like any unknown id.
        if request.method == "DELETE":
            try:
                require_permission(request, "delete")
            except AvatarError as refusal:
                return answer_error(request.scope, refusal)
        answer = failure(HTTPStatus.NOT_FOUND, str(AvatarNotFound()))
        return publish(answer, request.scope, is_picture=True)
    if error.status_code == HTTPStatus.NOT_FOUND:
        message = "There is nothing at this URL; /swagger lists the routes."
    elif error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(sorted(_methods(request)))
        message = f"This URL takes {headers['Allow']}."
    else:
        message = f"{error.detail}."
    return failure(HTTPStatus(error.status_code), message, headers=headers)


async def _answer_internal_error(_request: Request, _error: Exception) -> Response:
    """Answer an error of our own. Starlette raises it again, and `RequestLog` logs it."""
    return failure(HTTPStatus.INTERNAL_SERVER_ERROR, INTERNAL_ERROR)


def _methods(request: Request) -> set[str]:
    """Return the methods of all routes with this path. The router names those of the first one alone."""
    routes = [route for route in request.app.router.routes if isinstance(route, Route)]
    matching = (route for route in routes if route.matches(request.scope)[0] is Match.PARTIAL)
    methods = {method for route in matching for method in route.methods or ()}
    # `RequestLog` lets every GET route answer HEAD.
    return methods | {"HEAD"} if "GET" in methods else methods
