"""A dependency that hangs holds one thread, however often it is asked."""

import asyncio
import subprocess
import sys
import threading
from threading import Event

import pytest

from avatar_gen.runtime.probes import Probe
from avatar_gen.runtime.threads import DaemonThreads


def test_an_answer_is_returned_and_an_error_raised() -> None:
    async def scenario() -> None:
        probe = Probe("test", lambda: 5)
        assert await probe.ask(10) == 5
        failing = Probe("test", lambda: 1 / 0)
        for _ in range(2):
            with pytest.raises(ZeroDivisionError):
                await failing.ask(10)

    asyncio.run(scenario())


def test_one_question_is_in_flight_and_all_share_its_answer() -> None:
    asked: list[int] = []
    answer = Event()

    def question() -> int:
        asked.append(1)
        answer.wait(30)
        return len(asked)

    async def scenario() -> None:
        probe = Probe("test", question)
        waiting = [asyncio.ensure_future(probe.ask(30)) for _ in range(20)]
        await asyncio.sleep(0)
        answer.set()
        assert await asyncio.gather(*waiting) == [1] * 20
        assert await probe.ask(30) == 2

    asyncio.run(scenario())


def test_a_question_that_hangs_is_asked_once_and_answered_by_a_timeout() -> None:
    asked: list[int] = []
    answer = Event()

    def question() -> int:
        asked.append(1)
        answer.wait(60)
        return 7

    async def scenario() -> None:
        probe = Probe("test", question)
        threads = threading.active_count()
        for _ in range(50):
            with pytest.raises(TimeoutError):
                await probe.ask(0.01)
        assert threading.active_count() == threads + 1
        assert len(asked) == 1
        answer.set()
        assert probe._answer
        await asyncio.wait([probe._answer])
        # The dependency is back: it is asked anew.
        assert await probe.ask(30) == 7
        assert len(asked) == 2
        probe.close()

    asyncio.run(scenario())


def test_a_client_that_leaves_does_not_take_the_answer_from_the_others() -> None:
    answer = Event()

    async def scenario() -> None:
        probe = Probe("test", lambda: answer.wait(30))
        first, second = (asyncio.ensure_future(probe.ask(30)) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.sleep(0)
        answer.set()
        assert await second is True

    asyncio.run(scenario())


HANGS = """
import asyncio, threading
from avatar_gen.runtime.probes import Probe
from avatar_gen.runtime.threads import DaemonThreads

async def main():
    probe = Probe("test", threading.Event().wait)
    try:
        await probe.ask(0.01)
    except TimeoutError:
        print("timed out")
    probe.close()
    threads = DaemonThreads(2, "test")
    threads.submit(threading.Event().wait)
    threads.shutdown(timeout=0.01)

asyncio.run(main())
"""


def test_a_thread_that_hangs_does_not_keep_the_process_alive() -> None:
    result = subprocess.run(
        [sys.executable, "-c", HANGS], capture_output=True, text=True, timeout=60, check=True
    )
    assert (result.stdout, result.stderr) == ("timed out\n", "")


class TestDaemonThreads:
    def test_run_calls_and_return_their_results(self) -> None:
        threads = DaemonThreads(3, "test")
        calls = [threads.submit(pow, number, 2) for number in range(20)]
        assert [call.result(30) for call in calls] == [number**2 for number in range(20)]
        with pytest.raises(ZeroDivisionError):
            threads.submit(lambda: 1 / 0).result(30)
        assert len(threads._threads) == 3
        threads.shutdown()
        assert not any(thread.is_alive() for thread in threads._threads)

    def test_skip_probes_without_a_waiting_client(self) -> None:
        threads = DaemonThreads(1, "test")
        leave = Event()
        ran: list[int] = []
        threads.submit(leave.wait, 30)
        forgotten = threads.submit(ran.append, 1)
        assert forgotten.cancel()
        last = threads.submit(ran.append, 2)
        leave.set()
        last.result(30)
        assert ran == [2]
        threads.shutdown()
