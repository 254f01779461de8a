"""Jobs without a broker: one process claims chunks, and others draw them."""

import pytest

from avatar_gen.database.job_records import State
from avatar_gen.services.jobs import chunk_work
from avatar_gen.services.jobs.chunk_work import ChunkWork
from avatar_gen.services.jobs.local_runner import LocalRunner
from tests.servers.waiting import wait_until
from tests.services.jobs.conftest import JOB


def test_a_chunk_whose_lease_ends_while_it_is_drawn_is_counted_once(
    work: ChunkWork, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """On a busy machine, a runner claims a chunk again that its own processes are drawing."""
    monkeypatch.setattr(chunk_work, "LEASE_MS", -1)
    runner = LocalRunner(work, frozenset(), processes=1, prepare=int)
    runner.wake()
    wait_until(lambda: runner._thread is None)
    chunk = work.records.finished(JOB, -1)
    assert chunk
    assert chunk.attempts > 1
    job = work.records.find(JOB)
    assert job
    assert (job.state, job.done, job.failed) == (State.DONE, 2, 2)
    assert caplog.text == ""
