"""Jobs without a broker: one process claims chunks, and others draw them."""

import multiprocessing
import time
from functools import partial

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


def test_a_stop_does_not_wait_for_what_is_being_drawn(work: ChunkWork) -> None:
    """On a busy machine, drawing can take longer than the shutdown may."""
    runner = LocalRunner(work, frozenset(), processes=1, prepare=partial(time.sleep, 600))
    runner.wake()
    wait_until(lambda: bool(runner._claimed and multiprocessing.active_children()))
    thread = runner._thread
    runner.close()
    assert thread
    thread.join(60)
    assert not thread.is_alive()
    assert multiprocessing.active_children() == []
    chunk = work.claim()
    assert chunk
    assert chunk.attempts == 1
