"""The end of a job that a client cancels."""

import asyncio
from collections.abc import Iterator
from contextlib import closing

import pytest

from avatar_gen.database.job_records import State
from avatar_gen.errors import JobNotReady
from avatar_gen.services.jobs import jobs as jobs_module
from avatar_gen.services.jobs.chunk_work import ChunkWork, DrawTask, draw
from avatar_gen.services.jobs.jobs import Jobs
from tests.services.jobs.conftest import JOB, ROWS

NONE: frozenset[str] = frozenset()


@pytest.fixture
def jobs(work: ChunkWork, monkeypatch: pytest.MonkeyPatch) -> Iterator[Jobs]:
    # The worker of these tests stores nothing while `cancel` waits.
    monkeypatch.setattr(jobs_module, "TIMEOUT_SECONDS", 0.2)
    with closing(Jobs(work.records, work._store, None)) as made:
        yield made


def test_a_cancelled_job_ends_when_the_last_chunk_is_stored(
    work: ChunkWork, jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    chunk = work.claim()
    assert chunk
    outcome = draw(NONE, DrawTask(chunk))
    is_running = work._is_running

    def cancelled_meanwhile(claimed: object) -> bool:
        assert is_running(chunk)
        asyncio.run(jobs.cancel(JOB))
        job = asyncio.run(jobs.find(JOB)).job
        assert (job.state, job.ended_ms) == (State.RUNNING, None)
        with pytest.raises(JobNotReady):
            asyncio.run(jobs.manifest(JOB, "csv"))
        return claimed is chunk

    monkeypatch.setattr(work, "_is_running", cancelled_meanwhile)
    work.store(outcome)
    job = asyncio.run(jobs.find(JOB)).job
    assert (job.state, job.done + job.failed) == (State.CANCELLED, len(ROWS))
    assert job.ended_ms is not None


def test_a_cancelled_job_ends_at_once_if_its_claimed_chunk_is_not_stored(work: ChunkWork, jobs: Jobs) -> None:
    chunk = work.claim()
    assert chunk
    outcome = draw(NONE, DrawTask(chunk))
    asyncio.run(jobs.cancel(JOB))
    assert asyncio.run(jobs.find(JOB)).job.ended_ms is None
    work.store(outcome)
    job = asyncio.run(jobs.find(JOB)).job
    assert (job.done, job.failed) == (0, 0)
    assert job.ended_ms is not None


def test_a_job_that_nobody_works_on_ends_as_it_is_cancelled(work: ChunkWork, jobs: Jobs) -> None:
    asyncio.run(jobs.cancel(JOB))
    assert asyncio.run(jobs.find(JOB)).job.ended_ms is not None
    assert work.claim() is None
