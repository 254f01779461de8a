"""Jobs that clients start, watch and cancel."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TypeVar
from uuid import uuid4

from avatar_gen.database import READERS, TIMEOUT_SECONDS
from avatar_gen.database.job_records import Job, JobRecords, State
from avatar_gen.errors import (
    AvatarError,
    DatabaseUnavailable,
    InvalidRequest,
    JobNotFound,
    JobNotReady,
    Overloaded,
    Problem,
)
from avatar_gen.objects import ObjectStore
from avatar_gen.runtime.batches import batches
from avatar_gen.runtime.threads import DaemonThreads
from avatar_gen.services.bulk.text_lines import Readable
from avatar_gen.services.jobs.chunk_work import CHUNK_ROWS, now_ms
from avatar_gen.services.jobs.job_list import read_list
from avatar_gen.services.jobs.local_runner import LocalRunner
from avatar_gen.services.jobs.results import manifest, pictures

T = TypeVar("T")

log = logging.getLogger(__name__)

MAX_LISTS = 4
"""Lists that are received at the same time. Each takes a thread."""

_CHUNKS_AT_ONCE = 20
"""Chunks of a list that are stored in one transaction."""

_KEPT_MS = 7 * 24 * 3600 * 1000
"""How long a job is kept after its end."""

_CANCEL_SECONDS = 0.05
"""Time between two checks of whether a cancelled job has ended."""

_BROKEN_AFTER_MS = 24 * 3600 * 1000
"""After this time, a list that is not complete will never be: its process was killed."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a job is."""

    job: Job
    rate: float | None
    """Rows in a second, on average since the start. None before the start."""
    seconds_left: int | None
    """None before the start, 0 after the end."""

    @classmethod
    def of(cls, job: Job) -> "Progress":
        """Return the progress of a job now."""
        processed = job.done + job.failed
        if job.started_ms is None or not processed:
            return cls(job, None, None)
        rate = 1000 * processed / max(1, (job.ended_ms or now_ms()) - job.started_ms)
        left = round((job.total - processed) / rate) if job.ended_ms is None else 0
        return cls(job, round(rate, 1), left)


class Jobs:
    """The jobs of all processes that use this database.

    Without a runner, workers of Celery do the work.
    """

    def __init__(self, records: JobRecords, store: ObjectStore, runner: LocalRunner | None) -> None:
        self._records = records
        self._store = store
        self._runner = runner
        self._receiving = 0
        self._receivers = DaemonThreads(MAX_LISTS, "receiving")
        self._readers = DaemonThreads(READERS, "reading jobs")

    def resume(self) -> None:
        """Continue the jobs that an earlier process left unfinished."""
        if self._runner is not None:
            with suppress(DatabaseUnavailable):
                if self._records.has_unfinished():
                    self._runner.wake()

    async def start(self, stream: Readable, *, is_json: bool, defaults: Mapping[str, str]) -> Progress:
        """Store a list, and start its job. When this returns, the job survives a crash.

        `stream` is read in a thread. Raises `InvalidRequest`, `BodyTooLarge`, and `Overloaded` while too
        many lists are being received.
        """
        if self._receiving >= MAX_LISTS:
            raise Overloaded("Too many lists are being received. Try again in a second.")
        self._receiving += 1
        try:
            receiving = self._receivers.submit(self._receive, stream, is_json=is_json, defaults=defaults)
            job_id = await asyncio.wrap_future(receiving)
        finally:
            self._receiving -= 1
        if self._runner is not None:
            self._runner.wake()
        return await self.find(job_id)

    async def find(self, job_id: str) -> Progress:
        """Return the progress of a job. Raises `JobNotFound`."""
        job = await self._find(job_id)
        if job.state is State.CANCELLED:
            # It runs until the chunks that processes have claimed are stored or given back. When no chunk is
            # claimed, all rows are counted.
            is_end = not await self._is_being_stored(job_id)
            job = await self._find(job_id)
            job = job if is_end else replace(job, state=State.RUNNING, ended_ms=None)
        return Progress.of(job)

    async def _find(self, job_id: str) -> Job:
        job = await self._ask(lambda: self._records.find(job_id))
        if job is None or job.state is State.RECEIVING:
            raise JobNotFound
        return job

    async def cancel(self, job_id: str) -> None:
        """Cancel a job. What it has stored stays. Raises `JobNotFound`, and `JobNotReady` if it has ended.

        The job usually has ended when this returns. It ends later if storing a chunk takes long.
        """
        if not await self._ask(lambda: self._records.cancel(job_id, now_ms())):
            if (await self.find(job_id)).job.ended_ms is not None:
                raise JobNotReady("The job has ended. Only a running job can be cancelled.")
            return
        with suppress(TimeoutError, DatabaseUnavailable):
            async with asyncio.timeout(TIMEOUT_SECONDS):
                while await self._is_being_stored(job_id):  # noqa: ASYNC110 - another process may store it
                    await asyncio.sleep(_CANCEL_SECONDS)

    async def _is_being_stored(self, job_id: str) -> bool:
        return await self._ask(lambda: self._records.has_claimed(job_id, now_ms()))

    async def manifest(self, job_id: str, format_name: str) -> AsyncIterator[bytes]:
        """Return the rows of a job with their ids or errors, as `csv` or `json`.

        Raises `JobNotFound`, and `JobNotReady` before the end of the job.
        """
        job = await self._ended(job_id)
        return await self._stream(manifest(self._records, job.id, format_name))

    async def pictures(self, job_id: str, px: int) -> AsyncIterator[bytes]:
        """Return the pictures of a job as a ZIP archive.

        Raises `JobNotFound`, `JobNotReady`, and `InvalidRequest` for more pictures than an archive may have.
        """
        job = await self._ended(job_id)
        return await self._stream(pictures(self._records, self._store, job, px))

    def close(self) -> None:
        """End the work. Another process, or the next start, continues it."""
        if self._runner is not None:
            self._runner.close()
        self._receivers.shutdown(wait=False)
        self._readers.shutdown(wait=False)

    def _receive(self, stream: Readable, *, is_json: bool, defaults: Mapping[str, str]) -> str:
        job_id, now = str(uuid4()), now_ms()
        self._records.sweep(ended_before_ms=now - _KEPT_MS, created_before_ms=now - _BROKEN_AFTER_MS)
        self._records.create(job_id, now)
        try:
            rows = read_list(stream, is_json=is_json, defaults=defaults)
            total = number = 0
            for chunks in batches(batches(rows, CHUNK_ROWS), _CHUNKS_AT_ONCE):
                self._records.add_chunks(job_id, number, chunks)
                number += len(chunks)
                total += sum(map(len, chunks))
            self._records.open(job_id, total)
        except RecursionError:
            self._delete(job_id)
            problem = Problem("body", "is nested too deeply")
            raise InvalidRequest(f"The list {problem.message}.", (problem,)) from None
        except BaseException:
            self._delete(job_id)
            raise
        return job_id

    def _delete(self, job_id: str) -> None:
        """Delete a list that is not complete. If that is impossible, `sweep` does it later."""
        with suppress(AvatarError):
            self._records.delete(job_id)

    async def _ended(self, job_id: str) -> Job:
        job = (await self.find(job_id)).job
        if job.ended_ms is None:
            raise JobNotReady("The job has not ended. Its result is there when its endedAt is set.")
        return job

    async def _stream(self, parts: Iterator[bytes]) -> AsyncIterator[bytes]:
        """Return the parts, of which the first one is made now: its errors can still be answered."""

        async def following() -> AsyncIterator[bytes]:
            part: bytes | None = first
            while part is not None:
                yield part
                part = await self._in_thread(lambda: next(parts, None))

        first = await self._in_thread(lambda: next(parts, b""))
        return following()

    async def _in_thread(self, question: Callable[[], T]) -> T:
        return await asyncio.wrap_future(self._readers.submit(question))

    async def _ask(self, question: Callable[[], T]) -> T:
        """Ask the database. Raises `DatabaseUnavailable` if the answer takes too long."""
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                return await self._in_thread(question)
        except TimeoutError as error:
            raise DatabaseUnavailable from error
