"""The records of jobs: the rows of their lists in chunks, and how far each chunk is.

A process claims a chunk for a time, works on it, and finishes it. If the process ends before that, another
one claims the chunk again. Only the first `finish` of a chunk counts, so the progress of a job is exact.

Each method blocks and is one short transaction. Each raises `DatabaseUnavailable` if the database fails.
"""

import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, and_, case, delete, insert, select, update

from avatar_gen.database import Engines
from avatar_gen.database.tables import job_chunks, jobs
from avatar_gen.database.transactions import transaction

_CHUNK_COLUMNS = job_chunks.c

_AT_ONCE = 200
"""Chunks that one statement deletes. More could take longer than the timeout of a statement."""


class State(StrEnum):
    """The state of a job."""

    RECEIVING = "receiving"
    """The list is still being read. The client has no answer yet."""
    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Job:
    """A job, with the number of its rows by outcome."""

    id: str
    created_ms: int
    state: State
    total: int
    done: int
    failed: int
    started_ms: int | None
    ended_ms: int | None


Rows = list[tuple[int, dict[str, Any]]]
"""Rows of a list: the line, or the number in a JSON list, and the fields."""

Failures = dict[int, str]
"""Why rows failed, by their index in their chunk."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A part of a job's list."""

    job_id: str
    number: int
    rows: int
    content: bytes
    """See `unpack_rows`. It stays packed until a process needs it."""
    started_ms: int | None
    """The time of the first claim, which is the time of creation of all its avatars."""
    attempts: int = 0
    """Claims so far, this one included."""
    suspect: int | None = None
    """The index of the row that a process worked on alone when it ended."""
    ends: int = 0
    """How many processes ended while they worked on that row."""
    failures: bytes | None = None

    @property
    def key(self) -> tuple[str, int]:
        """The job and the number of the chunk in it."""
        return self.job_id, self.number

    def read_failures(self) -> Failures:
        """Return the failures that were noted so far."""
        return {} if self.failures is None else {int(at): why for at, why in _unpack(self.failures).items()}


def pack_rows(rows: Rows) -> bytes:
    """Return the content of a chunk."""
    return _pack(rows)


def unpack_rows(content: bytes) -> Rows:
    """Return the rows that `pack_rows` packed."""
    return [(line, fields) for line, fields in _unpack(content)]


class JobRecords:
    """The records of all jobs."""

    def __init__(self, engines: Engines) -> None:
        self._engines = engines

    def create(self, job_id: str, now_ms: int) -> None:
        """Add a job whose list is about to be read."""
        row = {"id": job_id, "created_ms": now_ms, "state": State.RECEIVING}
        with transaction(self._engines.write) as connection:
            connection.execute(insert(jobs).values(**row, total=0, done=0, failed=0))

    def add_chunks(self, job_id: str, first: int, chunks: Sequence[Rows]) -> None:
        """Add chunks with the numbers from `first` on."""
        rows = [
            {
                "job_id": job_id,
                "number": number,
                "rows": len(chunk),
                "content": pack_rows(chunk),
                "finished": 0,
                "leased_until_ms": 0,
                "attempts": 0,
                "ends": 0,
            }
            for number, chunk in enumerate(chunks, first)
        ]
        with transaction(self._engines.write) as connection:
            connection.execute(insert(job_chunks), rows)

    def open(self, job_id: str, total: int) -> None:
        """Note that the list of a job is complete, so that the job can run."""
        with transaction(self._engines.write) as connection:
            connection.execute(_update_job(job_id).values(state=State.RUNNING, total=total))

    def find(self, job_id: str) -> Job | None:
        """Return a job, or None."""
        with transaction(self._engines.read) as connection:
            row = connection.execute(select(jobs).where(jobs.c.id == job_id)).mappings().one_or_none()
        return None if row is None else Job(**{**row, "state": State(row["state"])})

    def cancel(self, job_id: str, now_ms: int) -> bool:
        """Cancel a job. Return whether it was running."""
        statement = _update_job(job_id).where(jobs.c.state == State.RUNNING)
        with transaction(self._engines.write) as connection:
            result = connection.execute(statement.values(state=State.CANCELLED, ended_ms=now_ms))
            return result.rowcount > 0

    def has_claimed(self, job_id: str, now_ms: int) -> bool:
        """Return whether a process has claimed a chunk of a job that is not finished."""
        columns = _CHUNK_COLUMNS
        claimed = (columns.finished == 0, columns.job_id == job_id, columns.leased_until_ms >= now_ms)
        with transaction(self._engines.read) as connection:
            return connection.execute(select(columns.number).where(*claimed).limit(1)).first() is not None

    def has_unfinished(self) -> bool:
        """Return whether a job runs."""
        with transaction(self._engines.read) as connection:
            running = select(jobs.c.id).where(jobs.c.state == State.RUNNING).limit(1)
            return connection.execute(running).first() is not None

    def count_free(self, now_ms: int, limit: int) -> int:
        """Return the number of chunks that can be claimed now, at most `limit`."""
        columns = _CHUNK_COLUMNS
        free = and_(columns.finished == 0, columns.leased_until_ms < now_ms, jobs.c.state == State.RUNNING)
        found = select(columns.number).join(jobs, jobs.c.id == columns.job_id).where(free).limit(limit)
        with transaction(self._engines.read) as connection:
            return len(connection.execute(found).all())

    def claim(self, now_ms: int, lease_ms: int, only: tuple[str, int] | None = None) -> Chunk | None:
        """Claim the first chunk of the oldest job that is free, or this one, or return None."""
        with transaction(self._engines.write) as connection:
            row = _find_free(connection, now_ms, only)
            if row is None or not _keeps_running(connection, row["job_id"]):
                return None
            # If there is a suspect, the last process ended while it worked on that row alone.
            ends = row["ends"] + (row["suspect"] is not None)
            started_ms = row["started_ms"] or now_ms
            changes = {"attempts": row["attempts"] + 1, "ends": ends, "started_ms": started_ms}
            chunk = Chunk(**{**row, **changes})
            connection.execute(_update_chunk(chunk).values(**changes, leased_until_ms=now_ms + lease_ms))
            first = update(jobs).where(jobs.c.id == chunk.job_id, jobs.c.started_ms.is_(None))
            connection.execute(first.values(started_ms=now_ms))
            return chunk

    def release(self, chunk: Chunk, *, refund: bool) -> None:
        """Give a claimed chunk back. With `refund`, the claim does not count as an attempt."""
        counts = {name: _CHUNK_COLUMNS[name] - int(refund) for name in ("attempts", "ends")}
        with transaction(self._engines.write) as connection:
            connection.execute(_update_chunk(chunk).values(leased_until_ms=0, **counts))

    def note_suspect(self, chunk: Chunk, index: int, failures: Failures, until_ms: int) -> None:
        """Note the row that a process is about to work on alone, and the failures before it."""
        values = {"suspect": index, "ends": 0, "failures": _pack(failures), "leased_until_ms": until_ms}
        statement = _update_chunk(chunk)
        if index == chunk.suspect:
            values["ends"] = chunk.ends
        with transaction(self._engines.write) as connection:
            connection.execute(statement.values(values))

    def finish(self, chunk: Chunk, failures: Failures, now_ms: int) -> None:
        """Note that a chunk is done, and count its rows, unless another process has done so."""
        failed = len(failures)
        with transaction(self._engines.write) as connection:
            statement = _update_chunk(chunk).where(_CHUNK_COLUMNS.finished == 0)
            packed = _pack(failures) if failures else None
            if connection.execute(statement.values(finished=1, failures=packed)).rowcount:
                _count(connection, chunk.job_id, chunk.rows - failed, failed, now_ms)

    def finished(self, job_id: str, after: int) -> Chunk | None:
        """Return the first finished chunk of a job behind the chunk with this number, or None."""
        columns = _CHUNK_COLUMNS
        statement = _chunks().where(columns.finished == 1, columns.job_id == job_id, columns.number > after)
        with transaction(self._engines.read) as connection:
            row = connection.execute(statement.order_by(columns.number).limit(1)).mappings().one_or_none()
        return None if row is None else Chunk(**row)

    def sweep(self, *, ended_before_ms: int, created_before_ms: int) -> None:
        """Delete jobs that ended before a time, and incomplete lists that began before another time."""
        broken = and_(jobs.c.state == State.RECEIVING, jobs.c.created_ms < created_before_ms)
        with transaction(self._engines.read) as connection:
            old = select(jobs.c.id).where((jobs.c.ended_ms < ended_before_ms) | broken)
            ids = connection.execute(old).scalars().all()
        for job_id in ids:
            self.delete(job_id)

    def delete(self, job_id: str) -> None:
        """Delete a job and its list, in several transactions."""
        columns = _CHUNK_COLUMNS
        numbers = select(columns.number).where(columns.job_id == job_id).limit(_AT_ONCE)
        found: Iterable[int] = [0]
        while found:
            with transaction(self._engines.write) as connection:
                found = connection.execute(numbers).scalars().all()
                these = and_(columns.job_id == job_id, columns.number.in_(found))
                connection.execute(delete(job_chunks).where(these))
        with transaction(self._engines.write) as connection:
            connection.execute(delete(jobs).where(jobs.c.id == job_id))


def _update_job(job_id: str) -> Any:  # noqa: ANN401 - SQLAlchemy has no simple type
    return update(jobs).where(jobs.c.id == job_id)


def _update_chunk(chunk: Chunk) -> Any:  # noqa: ANN401 - SQLAlchemy has no simple type
    return update(job_chunks).where(
        _CHUNK_COLUMNS.job_id == chunk.job_id, _CHUNK_COLUMNS.number == chunk.number
    )


def _chunks() -> Select[Any]:
    names = Chunk.__dataclass_fields__
    return select(*(_CHUNK_COLUMNS[name] for name in names))


def _find_free(connection: Connection, now_ms: int, only: tuple[str, int] | None) -> RowMapping | None:
    """Find and lock a chunk to claim."""
    running = select(jobs.c.id).where(jobs.c.state == State.RUNNING).order_by(jobs.c.created_ms)
    if only is not None:
        running = running.where(jobs.c.id == only[0])
    for job_id in connection.execute(running).scalars().all():
        statement = _free(job_id, now_ms)
        if only is not None:
            statement = statement.where(_CHUNK_COLUMNS.number == only[1])
        if row := connection.execute(statement).mappings().one_or_none():
            return row
    return None


def _keeps_running(connection: Connection, job_id: str) -> bool:
    """Return whether a job still runs, and let nobody cancel it before the end of the transaction."""
    state = select(jobs.c.state).where(jobs.c.id == job_id).with_for_update(key_share=True)
    return connection.execute(state).scalar_one_or_none() == State.RUNNING


def _free(job_id: str, now_ms: int) -> Select[Any]:
    """Return the statement of the first free chunk of a job. It reads the index alone, at any progress."""
    columns = _CHUNK_COLUMNS
    free = (columns.finished == 0, columns.job_id == job_id, columns.leased_until_ms < now_ms)
    # SQLite has one writer, and ignores the lock.
    return _chunks().where(*free).order_by(columns.number).limit(1).with_for_update(skip_locked=True)


def _count(connection: Connection, job_id: str, done: int, failed: int, now_ms: int) -> None:
    """Count rows. The last ones end the job."""
    columns = jobs.c
    all_done = columns.done + columns.failed + done + failed >= columns.total
    ends = and_(all_done, columns.state == State.RUNNING)
    connection.execute(
        _update_job(job_id).values(
            done=columns.done + done,
            failed=columns.failed + failed,
            state=case((ends, State.DONE.value), else_=columns.state),
            ended_ms=case((ends, now_ms), else_=columns.ended_ms),
        )
    )


def _pack(value: Mapping[int, str] | Rows) -> bytes:
    return zlib.compress(json.dumps(value, separators=(",", ":")).encode(), 1)


def _unpack(data: bytes) -> Any:  # noqa: ANN401 - JSON
    return json.loads(zlib.decompress(data))
