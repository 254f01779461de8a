"""Health routes: liveness, readiness, and the state of each dependency.

They ignore all parameters. `/health` and those that end in `detailed` are routes of the old service.
"""

import time
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from avatar_gen import __version__
from avatar_gen.api.error_responses import fails
from avatar_gen.api.operation_ids import operation_id
from avatar_gen.api.responses import UNCACHED, Answer, Check, Checks, Health, Message
from avatar_gen.errors import NotReady
from avatar_gen.services.health import HealthReport

router = APIRouter(tags=["health"], generate_unique_id_function=operation_id)

old_router = APIRouter(include_in_schema=False)
"""The routes that the old service had. The router tries routes in order, so these come last."""

_STARTED = time.monotonic()

_UNHEALTHY: dict[int | str, dict[str, Any]] = {
    503: {"model": Answer[Health], "description": "A dependency is down."}
}


@router.get("/api/health", responses=_UNHEALTHY)
async def get_health(request: Request, response: Response) -> Answer[Health]:
    """Return the state of each dependency."""
    report: HealthReport = await request.app.state.health.check()
    response.headers.update(UNCACHED)
    response.status_code = 503 if report.down else 200
    message = f"Down: {', '.join(report.down)}" if report.down else "The service is healthy"
    if report.optional_down:
        message += f"; down, but not required: {', '.join(report.optional_down)}"
    return Answer(statusCode=response.status_code, message=message, data=_describe(report))


@router.get("/api/health/ready", responses=fails(503))
async def get_readiness(request: Request, response: Response) -> Message:
    """Readiness probe: 200 after start-up and before shutdown, while what is stored can be served."""
    if not request.app.state.serving:
        raise NotReady("The service is stopping.")
    report: HealthReport = await request.app.state.health.check()
    if report.down_for_reading:
        raise NotReady(f"The service is not ready; down: {', '.join(report.down_for_reading)}.")
    response.headers.update(UNCACHED)
    return Message(message=f"Ready to read only; down: {', '.join(report.down)}" if report.down else "Ready")


@router.get("/api/health/live")
async def get_liveness(response: Response) -> Message:
    """Liveness probe: 200 as long as the process can answer at all."""
    response.headers.update(UNCACHED)
    return Message(message="Alive")


def _describe(report: HealthReport) -> Health:
    checks = {
        name: Check(status="up" if state.up else "down", type=state.kind)
        for name, state in report.dependencies.items()
    }
    return Health(
        status="unhealthy" if report.down else "healthy",
        database=report.stored_avatars,
        version=__version__,
        uptime=round(time.monotonic() - _STARTED, 3),
        checks=Checks.model_validate(checks),
    )


for _path in ("/health", "/health/detailed", "/api/health/detailed"):
    old_router.add_api_route(_path, get_health)
