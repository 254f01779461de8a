"""Whether the service lives, can do its work, and should be sent requests."""

import asyncio
import logging
import time
from collections.abc import Awaitable
from typing import Any, TypeVar

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from avatar_gen import __version__
from avatar_gen.api.answers import UNCACHED, Answer, Check, Checks, Health, Message
from avatar_gen.api.failures import fails
from avatar_gen.api.requests import Parameters, parse_query
from avatar_gen.avatars import Avatars
from avatar_gen.errors import AvatarError, NotReady

log = logging.getLogger(__name__)

router = APIRouter(prefix="/api/health", tags=["health"])

_PATIENCE = 2.0
"""Seconds: a dependency that takes longer to answer is down."""

_STARTED = time.monotonic()

T = TypeVar("T")

_UNHEALTHY: dict[int | str, dict[str, Any]] = {
    503: {"model": Answer[Health], "description": "A dependency is down."}
}


@router.get("", responses={**fails(400), **_UNHEALTHY})
async def health(request: Request, response: Response) -> Answer[Health]:
    """Ask each dependency."""
    parse_query(request.scope["query_string"], Parameters)
    data = await examine(request.app.state.avatars)
    down = [name for name, check in data.checks if check.status == "down"]
    response.headers.update(UNCACHED)
    response.status_code = 503 if down else 200
    message = f"Down: {', '.join(down)}" if down else "The service is healthy"
    return Answer(statusCode=response.status_code, message=message, data=data)


@router.get("/ready", responses=fails(400, 503))
async def ready(request: Request, response: Response) -> Message:
    """Say whether to send requests here: not before the start has ended, nor once the end has begun."""
    parse_query(request.scope["query_string"], Parameters)
    if not request.app.state.serving:
        raise NotReady("The service is stopping.")
    data = await examine(request.app.state.avatars)
    down = [name for name, check in data.checks if check.status == "down"]
    if down:
        raise NotReady(f"The service is not ready; down: {', '.join(down)}.")
    response.headers.update(UNCACHED)
    return Message(message="Ready")


@router.get("/live", responses=fails(400))
async def live(request: Request, response: Response) -> Message:
    """Say that the process can answer at all."""
    parse_query(request.scope["query_string"], Parameters)
    response.headers.update(UNCACHED)
    return Message(message="Alive")


async def examine(avatars: Avatars) -> Health:
    """What the dependencies answer, within two seconds."""
    (database_up, total), (storage_up, _) = await asyncio.gather(
        _ask("database", avatars.total()), _ask("storage", avatars.check_storage())
    )
    kinds = avatars.kinds
    return Health(
        status="healthy" if database_up and storage_up else "unhealthy",
        database=total,
        version=__version__,
        uptime=round(time.monotonic() - _STARTED, 3),
        checks=Checks(
            database=Check(status="up" if database_up else "down", type=kinds["database"]),
            storage=Check(status="up" if storage_up else "down", type=kinds["storage"]),
        ),
    )


async def _ask(name: str, question: Awaitable[T]) -> tuple[bool, T | None]:
    """Whether a dependency answers, and what. Why it does not goes to the log."""
    try:
        async with asyncio.timeout(_PATIENCE):
            return True, await question
    except (AvatarError, TimeoutError) as error:
        log.error("The %s is down: %r", name, error.__cause__ or error)  # noqa: TRY400
        return False, None
