import asyncio
import os
import platform
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from avatar_gen.drawing import dicebear
from avatar_gen.drawing.frames import Shape
from avatar_gen.errors import Overloaded
from avatar_gen.imaging import pool as pool_module
from avatar_gen.imaging.pool import FairQueue, Pool
from avatar_gen.imaging.vips import return_free_memory
from avatar_gen.services.render_options import RenderOptions
from avatar_gen.services.rendering import DicebearRequest, RenderRequest

MEGABYTE = 1 << 20


class Job:
    """A job that runs until it is told to end."""

    def __init__(self) -> None:
        self.started = threading.Event()
        self.end = threading.Event()

    def __call__(self) -> bool:
        self.started.set()
        return self.end.wait(60)


async def started(job: Job) -> None:
    assert await asyncio.to_thread(job.started.wait, 60)


def test_work_beyond_the_queue_is_refused_at_once_and_taken_again_later() -> None:
    async def scenario() -> None:
        pool = Pool(threads=1, waiting=2, memory=1)
        gate = threading.Event()
        running = [asyncio.create_task(pool.run(0, gate.wait)) for _ in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(Overloaded) as caught:
            await pool.run(0, gate.wait)
        assert caught.value.status == 503
        assert caught.value.retry_after == 1
        gate.set()
        assert await asyncio.gather(*running) == [True] * 3
        assert await pool.run(0, max, 1, 2) == 2
        pool.close()

    asyncio.run(scenario())


def test_what_work_raises_is_raised_where_it_was_asked_for() -> None:
    async def scenario() -> None:
        pool = Pool(threads=1, waiting=0, memory=1)
        with pytest.raises(ZeroDivisionError):
            await pool.run(0, divmod, 1, 0)
        assert await pool.run(0, divmod, 7, 2) == (3, 1)
        pool.close()

    asyncio.run(scenario())


def test_a_job_waits_until_its_memory_fits_and_is_not_overtaken() -> None:
    async def scenario() -> None:
        pool = Pool(threads=4, waiting=8, memory=100)
        first, second, large, small = Job(), Job(), Job(), Job()
        tasks = [
            asyncio.create_task(pool.run(memory, job))
            for memory, job in ((40, first), (40, second), (60, large), (10, small))
        ]
        await started(first)
        await started(second)
        assert (pool.memory_used, pool.taken) == (80, 4)
        assert not large.started.is_set()
        # It would fit, but the large one came before it.
        assert not small.started.is_set()
        first.end.set()
        await tasks[0]
        await started(large)
        assert pool.memory_used == 100
        assert not small.started.is_set()
        for job in (second, large, small):
            job.end.set()
        assert await asyncio.gather(*tasks) == [True] * 4
        assert (pool.memory_used, pool.taken) == (0, 0)
        pool.close()

    asyncio.run(scenario())


def test_a_job_larger_than_the_whole_memory_runs_alone() -> None:
    async def scenario() -> None:
        pool = Pool(threads=2, waiting=2, memory=100)
        small, large, last = Job(), Job(), Job()
        tasks = [
            asyncio.create_task(pool.run(memory, job))
            for memory, job in ((1, small), (500, large), (1, last))
        ]
        await started(small)
        assert not large.started.is_set()
        small.end.set()
        await started(large)
        assert not last.started.is_set()
        large.end.set()
        await started(last)
        last.end.set()
        await asyncio.gather(*tasks)
        pool.close()

    asyncio.run(scenario())


def test_a_cancelled_job_holds_its_memory_until_its_thread_ends() -> None:
    async def scenario() -> None:
        pool = Pool(threads=2, waiting=2, memory=100)
        running, queued, last = Job(), Job(), Job()
        first, second, third = (
            asyncio.create_task(pool.run(memory, job))
            for memory, job in ((90, running), (90, queued), (10, last))
        )
        await started(running)
        first.cancel()
        second.cancel()
        await asyncio.gather(first, second, return_exceptions=True)
        assert first.cancelled()
        assert second.cancelled()
        # The queued one is gone, so the last one fits beside the one that still runs.
        await started(last)
        assert (pool.memory_used, pool.taken) == (100, 2)
        running.end.set()
        last.end.set()
        await third
        # The job's thread has ended, what it set free is counted when the loop comes round.
        await asyncio.wait_for(pool.run(100, bool), 60)
        assert not queued.started.is_set()
        pool.close()

    asyncio.run(scenario())


def test_a_job_that_is_cancelled_the_moment_it_may_start_gives_its_turn_on() -> None:
    async def scenario() -> None:
        pool = Pool(threads=1, waiting=2, memory=100)
        running, queued, last = Job(), Job(), Job()
        first, second, third = (
            asyncio.create_task(pool.run(memory, job))
            for memory, job in ((1, running), (2, queued), (3, last))
        )
        await started(running)

        def cancel_when_allowed() -> None:
            if pool.memory_used == 2:
                second.cancel()
            else:
                asyncio.get_running_loop().call_soon(cancel_when_allowed)

        cancel_when_allowed()
        running.end.set()
        await started(last)
        last.end.set()
        await asyncio.gather(first, third)
        assert second.cancelled()
        assert not queued.started.is_set()
        assert (pool.memory_used, pool.taken) == (0, 0)
        pool.close()

    asyncio.run(scenario())


def test_a_closed_pool_takes_nothing_and_counts_nothing() -> None:
    async def scenario() -> None:
        pool = Pool(threads=1, waiting=1, memory=1)
        pool.close()
        with pytest.raises(RuntimeError):
            await pool.run(1, max, 1, 2)
        assert (pool.memory_used, pool.taken) == (0, 0)

    asyncio.run(scenario())


def test_a_line_that_is_too_long_refuses_and_counts() -> None:
    async def scenario() -> None:
        line = FairQueue(2)
        turns = await asyncio.gather(*(line.acquire() for _ in range(5)), return_exceptions=True)
        # The first does not wait, two may, and the others are two too many.
        assert [type(each) for each in turns] == [type(None)] * 3 + [Overloaded] * 2
        assert (line.refused, line.taken) == (2, 0)
        await asyncio.sleep(0)
        await line.acquire()

    asyncio.run(scenario())


def options(px: int, shape: Shape = "square") -> RenderOptions:
    """Options without the limit of a picture by URL, which a picture by hash may exceed."""
    return RenderOptions(shape=shape).model_copy(update={"size": px})


MIX: list[RenderRequest | DicebearRequest] = [
    *(
        RenderRequest("bauhaus", "a", format_name, options(1024))
        for format_name in ("avif", "webp", "png", "jpeg")
    ),
    RenderRequest("marble", "b", "avif", options(1024, shape="circle")),
    RenderRequest("wave", "c", "avif", options(1024, shape="circle")),
    RenderRequest("smile", "d", "avif", options(2048)),
    DicebearRequest("glass", {"seed": "a", "size": 1024}, "png"),
    DicebearRequest("lorelei", {"seed": "a", "size": 1024}, "avif", "sepia"),
    RenderRequest("bauhaus", "e", "avif", options(2048)),
]
"""The pictures that need most memory; 2048 px is what `/avatar/{hash}` draws at most."""


def peak() -> int:
    """The most memory that this process had since it was last asked, in bytes."""
    lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    Path("/proc/self/clear_refs").write_text("5")
    return int(lines["VmHWM"].split()[0]) * 1024


def draw_mix(allowed: int) -> None:
    """Draw the mix by sixteen threads, and print by how much the process grew."""

    async def scenario() -> None:
        pool = Pool(threads=16, waiting=64, memory=allowed)
        await asyncio.gather(*(pool.run(each.memory, each.draw) for each in MIX))
        pool.close()

    for style in ("glass", "lorelei"):
        DicebearRequest(style, {"seed": "a", "size": 16}, "avif").draw()
    for format_name in ("avif", "webp", "png", "jpeg"):
        RenderRequest("bauhaus", "a", format_name, options(16)).draw()
    before = peak()
    asyncio.run(scenario())
    sys.stdout.write(f"{(peak() - before) // MEGABYTE}")


@pytest.mark.skipif(not os.access("/proc/self/clear_refs", os.W_OK), reason="needs Linux's /proc")
def test_any_mix_of_pictures_stays_within_its_memory() -> None:
    """In a process of its own, whose peak is that of these pictures alone."""
    code = f"from {__name__} import draw_mix; draw_mix(192_000_000)"
    result = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    largest = max(each.memory for each in MIX) // MEGABYTE
    # What malloc keeps of the pictures before comes on top.
    assert int(result.stdout) < 1.15 * max(largest, 192_000_000 // MEGABYTE)


def test_each_picture_takes_what_it_says_or_less() -> None:
    assert dicebear.has_filters("glass")
    assert not dicebear.has_filters("lorelei")
    small, large = (RenderRequest("smile", "a", "avif", options(px)).memory for px in (128, 2048))
    assert small < 4_000_000
    assert large > 150_000_000


def encode_and_trim() -> None:
    """Encode pictures as AVIF in two threads, and print the memory before and after it is returned, in MB."""

    def resident() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")

    async def scenario() -> None:
        pool = Pool(threads=2, waiting=16, memory=1 << 30)
        requests = [RenderRequest("rings", str(number), "avif", options(512)) for number in range(12)]
        await asyncio.gather(*(pool.run(each.memory, each.draw) for each in requests))
        before = resident()
        pool.close()
        return_free_memory()
        sys.stdout.write(f"{before // MEGABYTE} {resident() // MEGABYTE}")

    asyncio.run(scenario())


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries have no malloc_trim")
def test_memory_of_encoding_can_be_returned_to_the_system() -> None:
    code = f"from {__name__} import encode_and_trim; encode_and_trim()"
    result = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    before, after = map(int, result.stdout.split())
    assert before - after >= 10


def test_memory_is_returned_once_after_several_jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        loop, returned = asyncio.get_running_loop(), asyncio.Event()
        calls: list[None] = []

        def note() -> None:
            calls.append(None)
            loop.call_soon_threadsafe(returned.set)

        monkeypatch.setattr(pool_module, "return_free_memory", note)
        monkeypatch.setattr(pool_module, "TRIM_SECONDS", 0.05)
        pool = Pool(threads=2, waiting=8, memory=1)
        await asyncio.gather(*(pool.run(0, max, 1, 2) for _ in range(6)))
        await asyncio.wait_for(returned.wait(), 60)
        pool.close()
        assert len(calls) == 1

    asyncio.run(scenario())
