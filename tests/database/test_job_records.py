"""The records of jobs, on both databases: every chunk is worked on, and counted once."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from avatar_gen.database import job_records
from avatar_gen.database.engine import open_engines
from avatar_gen.database.job_records import Chunk, Job, JobRecords, State, unpack_rows
from avatar_gen.database.schema import prepare
from tests.conftest import database


@pytest.fixture(params=["sqlite", "postgresql"])
def records(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[JobRecords]:
    for module in ("sqlite", "postgresql"):
        # Threads of a test may wait longer for each other than clients would.
        monkeypatch.setattr(f"avatar_gen.database.{module}.TIMEOUT_SECONDS", 60)
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres").new_database()
    else:
        url = f"file:{tmp_path}/jobs.db"
    engines = open_engines(database(url))
    prepare(engines)
    yield JobRecords(engines)
    engines.close()


def add(records: JobRecords, chunks: int = 3, now_ms: int = 1000) -> str:
    job_id = str(uuid4())
    records.create(job_id, now_ms)
    records.add_chunks(job_id, 0, [[(2, {"seed": f"{number}"}), (3, {})] for number in range(chunks)])
    records.open(job_id, 2 * chunks)
    return job_id


def found(records: JobRecords, job_id: str) -> Job:
    job = records.find(job_id)
    assert job
    return job


def claimed(records: JobRecords, now_ms: int) -> Chunk:
    chunk = records.claim(now_ms, 100)
    assert chunk
    return chunk


def test_chunks_are_claimed_in_order_and_each_once(records: JobRecords) -> None:
    late, early = add(records, now_ms=2000), add(records, now_ms=1000)
    chunks = [claimed(records, 3000) for _ in range(6)]
    assert [chunk.key for chunk in chunks] == [(job, number) for job in (early, late) for number in range(3)]
    assert unpack_rows(chunks[1].content) == [(2, {"seed": "1"}), (3, {})]
    assert records.claim(3000, 100) is None
    # After the lease they are free again, with the time of the first claim.
    again = claimed(records, 3101)
    assert (again.key, again.attempts, again.started_ms) == ((early, 0), 2, 3000)
    assert records.claim(3101, 100, only=(late, 2))
    assert records.claim(3101, 100, only=(late, 2)) is None


def test_a_chunk_that_is_finished_twice_counts_once(records: JobRecords) -> None:
    job_id = add(records, chunks=2)
    first, second = claimed(records, 2000), claimed(records, 2000)
    records.finish(first, {1: "no colour"}, 3000)
    records.finish(first, {}, 3001)
    job = found(records, job_id)
    assert (job.state, job.done, job.failed, job.started_ms) == (State.RUNNING, 1, 1, 2000)
    records.finish(second, {}, 4000)
    job = found(records, job_id)
    assert (job.state, job.done, job.failed, job.ended_ms) == (State.DONE, 3, 1, 4000)
    assert not records.has_unfinished()
    last = records.finished(job_id, 0)
    kept = records.finished(job_id, -1)
    assert kept
    assert last
    assert kept.read_failures() == {1: "no colour"}
    assert last.number == 1
    assert records.finished(job_id, 1) is None


def test_many_threads_share_the_chunks_without_a_gap_or_a_repetition(records: JobRecords) -> None:
    job_id = add(records, chunks=60)

    def work(_number: int) -> list[int]:
        numbers = []
        while chunk := records.claim(2000, 100):
            records.finish(chunk, {}, 3000)
            numbers.append(chunk.number)
        return numbers

    with ThreadPoolExecutor(4) as threads:
        numbers = [number for each in threads.map(work, range(4)) for number in each]
    assert sorted(numbers) == list(range(60))
    assert found(records, job_id).done == 120


def test_a_cancelled_job_is_claimed_no_more(records: JobRecords) -> None:
    job_id = add(records)
    chunk = claimed(records, 2000)
    assert records.cancel(job_id, 2500)
    assert not records.cancel(job_id, 2600)
    assert records.claim(3000, 100) is None
    records.finish(chunk, {}, 3000)
    job = found(records, job_id)
    assert (job.state, job.done, job.ended_ms) == (State.CANCELLED, 2, 2500)


@pytest.mark.parametrize("records", ["postgresql"], indirect=True)
def test_a_job_that_is_cancelled_during_a_claim_is_not_claimed(
    records: JobRecords, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite has one writer: there, a claim and a cancellation follow each other."""
    job_id = add(records)
    free = job_records._free

    def cancel_first(*arguments: Any) -> Any:  # noqa: ANN401 - as the function that it replaces
        monkeypatch.undo()
        assert records.cancel(job_id, 2500)
        return free(*arguments)

    monkeypatch.setattr(job_records, "_free", cancel_first)
    assert records.claim(3000, 100) is None
    assert not records.has_claimed(job_id, 3000)


def test_a_refund_is_no_attempt(records: JobRecords) -> None:
    add(records, chunks=1)
    for refund, attempts in ((True, 1), (False, 1), (True, 2)):
        chunk = claimed(records, 2000)
        assert chunk.attempts == attempts
        records.release(chunk, refund=refund)


def test_the_row_that_a_process_ended_with_is_known(records: JobRecords) -> None:
    add(records, chunks=1)
    chunk = claimed(records, 1000)
    records.note_suspect(chunk, 1, {0: "bad"}, 1100)
    chunk = claimed(records, 2000)
    assert (chunk.suspect, chunk.ends, chunk.read_failures()) == (1, 1, {0: "bad"})
    records.note_suspect(chunk, 1, {0: "bad"}, 2100)
    chunk = claimed(records, 3000)
    assert (chunk.suspect, chunk.ends) == (1, 2)
    records.release(chunk, refund=True)
    assert claimed(records, 3000).ends == 2


def test_old_jobs_are_deleted(records: JobRecords) -> None:
    done, broken, running = add(records, chunks=1), str(uuid4()), add(records, chunks=450)
    records.finish(claimed(records, 2000), {}, 3000)
    records.create(broken, 1000)
    records.sweep(ended_before_ms=3000, created_before_ms=1000)
    assert records.find(done)
    records.sweep(ended_before_ms=3001, created_before_ms=1001)
    assert records.find(done) is None
    assert records.find(broken) is None
    assert found(records, running).total == 900
    records.delete(running)
    assert records.claim(9000, 100) is None
