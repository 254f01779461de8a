"""`/api/jobs`: lists that clients send, of which each row becomes a stored avatar."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from typing import Annotated, Literal, cast

from fastapi import APIRouter, Query
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from avatar_gen.api.access import needs
from avatar_gen.api.error_responses import fails
from avatar_gen.api.openapi import JOB_PARAMETER, LINKS_TO_JOB
from avatar_gen.api.operation_ids import operation_id
from avatar_gen.api.requests import Parameters
from avatar_gen.api.responses import EXAMPLE_ID, UNCACHED, Answer, Message
from avatar_gen.api.root_path import root_of
from avatar_gen.api.strict_routes import StrictRoute
from avatar_gen.avatar import GIVEN_ID, format_time, stored_id
from avatar_gen.database.job_records import State
from avatar_gen.errors import AvatarError, BodyTooLarge, InvalidRequest, JobNotFound, NotJson
from avatar_gen.runtime.transport import RECEIVE_TIMEOUT
from avatar_gen.services.avatar_options import AvatarOptions
from avatar_gen.services.avatars import EXPONENTS
from avatar_gen.services.jobs.jobs import Jobs, Progress
from avatar_gen.services.validation import read_fields, whole_number

router = APIRouter(
    prefix="/api/jobs", tags=["jobs"], route_class=StrictRoute, generate_unique_id_function=operation_id
)

LIST_LIMIT = 256 * 1024 * 1024
"""Bytes of a list. A million rows with an e-mail address and a name each have about 60 MB."""

LIST_SECONDS = 300
"""Time in which a list must arrive."""

_EVENT_SECONDS = 1.0
"""Time between two reads of the progress of a job whose events are sent."""

_TYPES = {"csv": "text/csv; charset=utf-8", "json": "application/json", "zip": "application/zip"}

_GIVEN_ID = re.compile(GIVEN_ID)

_IN_PATH = {"parameters": [JOB_PARAMETER]}

_ENTRY = {
    "line": {"type": "integer", "examples": [2]},
    "seed": {"type": "string", "examples": ["ada@example.org"]},
    "name": {"type": "string", "examples": ["ada"]},
    "id": {"type": ["string", "null"], "examples": [EXAMPLE_ID]},
    "createdAt": {"type": ["string", "null"], "examples": ["2026-11-27T18:50:44.022Z"]},
    "error": {"type": ["string", "null"], "examples": [None]},
}
"""The schema of a row in a manifest as JSON."""

_LIST = {
    "requestBody": {
        "required": True,
        "content": {
            "text/csv": {
                "schema": {"type": "string"},
                "example": "seed,name,style\nada@example.org,ada,smile\n",
            },
            "application/json": {
                # Without types: a row with other values fails alone.
                "schema": {
                    "type": "array",
                    "minItems": 1,
                    "description": "Objects with these fields, and the other fields of generate.",
                    "items": {
                        "type": "object",
                        "properties": {
                            "seed": {"description": "Required.", "examples": ["ada@example.org"]},
                            "name": {"description": "Its name in a ZIP archive.", "examples": ["ada"]},
                            "style": {"description": "Also called type.", "examples": ["smile"]},
                        },
                    },
                }
            },
        },
    }
}


class JobParameters(Parameters):
    """The options of all rows of a list."""

    type: str | None = Field(
        default=None, description="The style of rows without one. By default pixelize.", examples=["smile"]
    )


class ResultParameters(Parameters):
    """The form of a result."""

    format: Literal["csv", "json", "zip"] = Field(
        default="csv", description="A manifest as CSV or JSON, or a ZIP archive of all pictures as PNG."
    )
    size: Annotated[int, Field(ge=EXPONENTS[0], le=EXPONENTS[-1]), BeforeValidator(whole_number)] = Field(
        default=EXPONENTS[-1], description="For zip: an exponent. The pictures are 2^size px wide."
    )


JobState = Literal["waiting", "running", "done", "cancelled"]


class JobData(BaseModel):
    """A job and its progress."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": EXAMPLE_ID,
                    "state": "done",
                    "total": 1000,
                    "done": 999,
                    "failed": 1,
                    "rate": 500.0,
                    "timeLeft": 0,
                    "createdAt": "2026-11-27T18:50:44.011Z",
                    "startedAt": "2026-11-27T18:50:44.022Z",
                    "endedAt": "2026-11-27T18:50:46.022Z",
                }
            ]
        }
    )

    id: str = Field(examples=[EXAMPLE_ID])
    state: JobState
    total: int = Field(description="Rows of the list.")
    done: int = Field(description="Rows whose avatar is stored.")
    failed: int = Field(description="Rows of which no avatar can be made. The result has the reasons.")
    rate: float | None = Field(description="Rows in a second, on average since the start.")
    timeLeft: int | None = Field(description="Seconds until the end, at this rate.")  # noqa: N815
    createdAt: str  # noqa: N815
    startedAt: str | None  # noqa: N815
    endedAt: str | None  # noqa: N815

    @classmethod
    def of(cls, progress: Progress) -> "JobData":
        """Return the data of a job."""
        job = progress.job
        waiting = job.state is State.RUNNING and job.started_ms is None
        state = cast("JobState", "waiting" if waiting else job.state.value)
        return cls(
            id=job.id,
            state=state,
            total=job.total,
            done=job.done,
            failed=job.failed,
            rate=progress.rate,
            timeLeft=progress.seconds_left,
            createdAt=format_time(job.created_ms),
            startedAt=None if job.started_ms is None else format_time(job.started_ms),
            endedAt=None if job.ended_ms is None else format_time(job.ended_ms),
        )


@router.post(
    "",
    status_code=202,
    responses={202: {"links": LINKS_TO_JOB}, **fails(400, 413, 415, 503, 507)},
    openapi_extra=_LIST,
)
@needs("write")
async def start_job(
    request: Request, response: Response, query: Annotated[JobParameters, Query()]
) -> Answer[JobData]:
    """Store an avatar for each row of a list, in the background."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in {"text/csv", "application/json"}:
        raise NotJson("The body must be a list, sent with Content-Type: text/csv or application/json.")
    defaults = {"type": query.type} if query.type else {}
    read_fields(defaults, AvatarOptions, part="query")
    body = _Body(request)
    progress = await _jobs(request).start(body, is_json=media_type != "text/csv", defaults=defaults)
    response.headers["Location"] = f"{root_of(request)}/api/jobs/{progress.job.id}"
    return Answer(statusCode=202, message="Job started", data=JobData.of(progress))


@router.get("/{id}", responses=fails(400, 404, 503), openapi_extra=_IN_PATH)
@needs("write")
async def get_job(request: Request, response: Response) -> Answer[JobData]:
    """Return the progress of a job."""
    progress = await _jobs(request).find(_id(request))
    response.headers.update(UNCACHED)
    return Answer(message="Job found", data=JobData.of(progress))


@router.get(
    "/{id}/events",
    responses={
        200: {"content": {"text/event-stream": {}}, "description": "Events"},
        **fails(400, 404, 503),
    },
    response_class=StreamingResponse,
    openapi_extra=_IN_PATH,
)
@needs("write")
async def get_job_events(request: Request) -> Response:
    """Send the progress of a job as server-sent events, at each change, until the job ends."""
    progress = await _jobs(request).find(_id(request))
    return _streamed(request, _events(request, progress), "text/event-stream")


@router.get(
    "/{id}/result",
    responses={
        200: {
            "content": {
                "text/csv": {"schema": {"type": "string"}},
                "application/json": {
                    "schema": {"type": "array", "items": {"type": "object", "properties": _ENTRY}}
                },
                "application/zip": {"schema": {"type": "string", "format": "binary"}},
            },
            "description": "The result",
        },
        **fails(400, 404, 409, 503),
    },
    response_class=StreamingResponse,
    openapi_extra=_IN_PATH,
)
@needs("write")
async def get_job_result(request: Request, query: Annotated[ResultParameters, Query()]) -> Response:
    """Return the id or the error of each row, or all pictures, of a job that has ended."""
    jobs, job_id = _jobs(request), _id(request)
    if query.format == "zip":
        parts = await jobs.pictures(job_id, 1 << query.size)
    else:
        parts = await jobs.manifest(job_id, query.format)
    name = {"Content-Disposition": f'attachment; filename="job-{job_id}.{query.format}"'}
    return _streamed(request, parts, _TYPES[query.format], name)


@router.delete(
    "/{id}",
    responses=fails(400, 404, 409, 503, 507),
    openapi_extra=_IN_PATH,
)
@needs("write")
async def cancel_job(request: Request) -> Message:
    """Cancel a running job. The avatars that it has stored stay."""
    await _jobs(request).cancel(_id(request))
    return Message(message="Job cancelled")


class _Body:
    """The body of a request as a stream for a thread, which waits for each part."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._loop = asyncio.get_running_loop()
        self._received = 0
        self._more = True
        if extension := request.scope.get("extensions", {}).get(RECEIVE_TIMEOUT):
            extension["connection"].message_limit = LIST_LIMIT
            extension["connection"].receive_timeout = LIST_SECONDS

    def read(self, _size: int, /) -> bytes:
        """Return the next part. Raises `InvalidRequest` if the client is gone, and `BodyTooLarge`."""
        return asyncio.run_coroutine_threadsafe(self._next(), self._loop).result()

    async def _next(self) -> bytes:
        body = b""
        while self._more and not body:
            message = await self._request.receive()
            if message["type"] == "http.disconnect":
                raise InvalidRequest("The body did not arrive.")
            body, self._more = message.get("body", b""), message.get("more_body", False)
        self._received += len(body)
        if self._received > LIST_LIMIT:
            raise BodyTooLarge(f"The list is larger than {LIST_LIMIT >> 20} MB. Send it in parts.")
        return body


async def _events(request: Request, progress: Progress) -> AsyncIterator[bytes]:
    """Yield an event whenever the progress changes, else a comment. End with the job, or the service."""
    jobs, job_id, sent = _jobs(request), progress.job.id, None
    while True:
        if progress.job == sent:
            yield b":\n\n"
        else:
            kind = "end" if progress.job.ended_ms is not None else "progress"
            yield f"event: {kind}\ndata: {json.dumps(JobData.of(progress).model_dump())}\n\n".encode()
            sent = progress.job
        if sent.ended_ms is not None or not request.app.state.serving:
            return
        await asyncio.sleep(_EVENT_SECONDS)
        try:
            progress = await jobs.find(job_id)
        except AvatarError:
            return  # A browser connects again by itself.


def _streamed(
    request: Request, parts: AsyncIterator[bytes], media_type: str, headers: dict[str, str] | None = None
) -> Response:
    fields = {**UNCACHED, "X-Accel-Buffering": "no", "Content-Type": media_type, **(headers or {})}
    if request.scope.get("is_head"):
        # A `Response` would say that the body has 0 bytes, but nobody knows how many it will have.
        return StreamingResponse(iter(()), headers=fields)
    return StreamingResponse(parts, headers=fields)


def _jobs(request: Request) -> Jobs:
    jobs: Jobs = request.app.state.jobs
    return jobs


def _id(request: Request) -> str:
    """Return the job's id in its stored form. Raises `JobNotFound` if it is not a UUID."""
    given = request.path_params["id"]
    if not _GIVEN_ID.fullmatch(given):
        raise JobNotFound
    return stored_id(given)
