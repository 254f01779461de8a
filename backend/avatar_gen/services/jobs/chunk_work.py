"""The work on a chunk of a job: draw its rows, store them, and count them exactly once.

All that is stored depends on the job, the number of the row and the time of the first claim alone. A chunk
that a process left half done is done again from its beginning, with the same ids and the same bytes.
"""

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, NamedTuple
from uuid import UUID

from avatar_gen.avatar import Avatar, AvatarSpec
from avatar_gen.database.job_records import Chunk, Failures, JobRecords, State, unpack_rows
from avatar_gen.database.repository import Repository
from avatar_gen.errors import AvatarError
from avatar_gen.objects import ObjectStore
from avatar_gen.services.avatar_options import AvatarOptions
from avatar_gen.services.avatars import draw_object
from avatar_gen.services.validation import read_fields, refuse

log = logging.getLogger(__name__)

CHUNK_ROWS = 100
"""Rows that are drawn, stored and counted together."""

LEASE_MS = 10_000
"""How long a process has a chunk for itself. A chunk takes a second, or some if the storage is slow. If it
takes longer than this, another process does the same again, which changes nothing."""

_CAREFUL_AFTER = 3
"""Attempts after which the rows of a chunk are worked on one by one, to find the one that ends processes."""

_MAX_ENDS = 2
"""Processes that may end while they work on a row, before the row counts as failed."""


class DrawTask(NamedTuple):
    """Rows of a chunk to draw."""

    chunk: Chunk
    only: int | None = None
    """The index of the one row to draw. None stands for all."""


class Drawn(NamedTuple):
    """An avatar that has been drawn."""

    avatar: Avatar
    data: bytes


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of a `DrawTask`."""

    chunk: Chunk
    drawn: Sequence[Drawn]
    failures: Failures


def avatar_id(job_id: str, row: int) -> str:
    """Return the id of the avatar of a row, counted from 0 through all chunks.

    It is derived as in a UUID 5, by another hash, and has the form of a UUID 4, as all ids of avatars.
    """
    digest = blake2b(UUID(job_id).bytes + row.to_bytes(8, "big"), digest_size=16).digest()
    return str(UUID(bytes=digest, version=4))


def avatar_ids(chunk: Chunk) -> list[str]:
    """Return the ids of the avatars of a chunk's rows."""
    first = chunk.number * CHUNK_ROWS
    return [avatar_id(chunk.job_id, first + index) for index in range(chunk.rows)]


def read_row(fields: dict[str, Any], licences: frozenset[str]) -> AvatarSpec:
    """Return the options of the avatar of a row, whose style is prepared then.

    `licences` are those of DiceBear's styles that are served. Raises `InvalidRequest` and `StyleNotServed`.
    """
    values = {name: value for name, value in fields.items() if name != "name"}
    if not values.get("seed"):
        refuse("seed", "is required")
    _check_name(fields.get("name", ""))
    if "style" in values:
        refuse("style", "and type exclude each other")
    asked = read_fields(values, AvatarOptions)
    asked.style.prepare(licences)
    return asked.spec()


def _check_name(name: object) -> None:
    """Raise `InvalidRequest` for what cannot be made into the name of a file."""
    if not isinstance(name, str):
        refuse("name", "must be text")
    try:
        name.encode()
    except UnicodeEncodeError:
        refuse("name", "must be valid Unicode text")


def draw(licences: frozenset[str], task: DrawTask) -> Outcome:
    """Draw rows, in this process or another. A row that cannot be drawn is a failure, and stops no other."""
    chunk = task.chunk
    rows, ids = unpack_rows(chunk.content), avatar_ids(chunk)
    drawn: list[Drawn] = []
    failures: Failures = {}
    for index in range(chunk.rows) if task.only is None else [task.only]:
        try:
            spec = read_row(rows[index][1], licences)
            avatar = spec.as_avatar(ids[index], chunk.started_ms)
            drawn.append(Drawn(avatar, draw_object(avatar, spec)))
        except AvatarError as error:
            failures[index] = str(error)
        except Exception:
            log.exception("Row %d of job %s cannot be drawn", rows[index][0], chunk.job_id)
            failures[index] = "The service failed to draw it."
    return Outcome(chunk, drawn, failures)


def now_ms() -> int:
    """Return the milliseconds since 1970."""
    return time.time_ns() // 1_000_000


DrawRows = Callable[[Iterable[DrawTask]], Iterable[Outcome]]


class ChunkWork:
    """Claims chunks and stores what was drawn. Methods raise what the store and the database raise."""

    def __init__(self, records: JobRecords, store: ObjectStore, repository: Repository) -> None:
        self.records = records
        self._store = store
        self._repository = repository

    def claim(self, only: tuple[str, int] | None = None) -> Chunk | None:
        """Claim a chunk, or return None if there is none to claim now."""
        return self.records.claim(now_ms(), LEASE_MS, only)

    def store(self, outcome: Outcome) -> None:
        """Store the avatars of a whole chunk, objects before rows, and count them.

        Nothing is stored if the job was cancelled since it was claimed. Its end waits for claimed chunks.
        """
        if self._is_running(outcome.chunk):
            self._store_avatars(outcome.drawn)
            self.records.finish(outcome.chunk, outcome.failures, now_ms())
        else:
            self.records.release(outcome.chunk, refund=False)

    def store_carefully(self, chunk: Chunk, draw_rows: DrawRows) -> None:
        """Draw and store the rows of a chunk one by one, until the job ends.

        `draw_rows` must take a task only after it has returned the outcome of the task before. It may end
        this process, or raise: the next claim finds the row that did this, and leaves it out in the end.
        """
        failures = chunk.read_failures()
        first = chunk.suspect or 0
        if chunk.suspect is not None and chunk.ends >= _MAX_ENDS:
            failures[first] = "The process that drew it ended, several times."
            first += 1

        def tasks() -> Iterable[DrawTask]:
            for index in range(first, chunk.rows):
                self.records.note_suspect(chunk, index, failures, now_ms() + LEASE_MS)
                yield DrawTask(chunk, index)

        for outcome in draw_rows(tasks()):
            if not self._is_running(chunk):
                self.records.release(chunk, refund=False)
                return
            failures.update(outcome.failures)
            self._store_avatars(outcome.drawn)
        self.records.finish(chunk, failures, now_ms())

    def _is_running(self, chunk: Chunk) -> bool:
        job = self.records.find(chunk.job_id)
        return job is not None and job.state is State.RUNNING

    def _store_avatars(self, drawn: Sequence[Drawn]) -> None:
        if drawn:
            self._store.put({each.avatar.id: each.data for each in drawn})
            self._repository.add([each.avatar for each in drawn])


def needs_care(chunk: Chunk) -> bool:
    """Return whether a chunk has ended several processes."""
    return chunk.attempts > _CAREFUL_AFTER
