"""Threads for rendering and encoding, bounded by processors and by memory, with queues of bounded length."""

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from avatar_gen.errors import Overloaded
from avatar_gen.imaging.vips import return_free_memory

P = ParamSpec("P")
T = TypeVar("T")

_TOO_MUCH = "Too many pictures are waiting. Try again in a second."

TRIM_SECONDS = 5
"""Seconds between a job and the return of free memory to the system. It happens at most once in this time."""

MAX_QUEUED = 512
"""The number of pictures that may wait to be drawn on the event loop."""


class Pool:
    """Threads for work that would block the event loop.

    A job starts when a thread is free and its memory fits beside that of the running jobs. A job that needs
    more than `memory` runs alone. Jobs start in the order in which they came, so a large one does not wait
    behind smaller ones without end. Beyond `threads` running and `waiting` queued jobs, the pool raises
    `Overloaded`.
    """

    def __init__(self, threads: int, waiting: int, *, memory: int) -> None:
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="imaging")
        self.queue = FairQueue()
        """The queue of pictures that are drawn on the event loop."""
        self._threads = threads
        self._memory = memory
        self._running = 0
        self.memory_used = 0
        """Bytes that the running jobs may take."""
        self._queued: deque[tuple[asyncio.Future[None], int]] = deque()
        self.limit = threads + waiting
        self.taken = 0
        """Jobs that run or wait."""
        self.refused = 0
        """Jobs that were refused so far."""
        self._trimming: asyncio.TimerHandle | None = None
        self._closed = False

    async def run(self, memory: int, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call `work`, which takes up to `memory` bytes, in a thread. Raises `Overloaded`.

        If the caller is cancelled while `work` runs, its thread and its memory stay in use until it ends.
        """
        if self.taken >= self.limit:
            self.refused += 1
            raise Overloaded(_TOO_MUCH)
        loop = asyncio.get_running_loop()
        self.taken += 1
        try:
            await self._start(memory)
        except BaseException:
            self.taken -= 1
            raise
        try:
            job = loop.run_in_executor(self._executor, lambda: work(*args, **kwargs))
        except BaseException:
            self._end(memory)
            raise
        job.add_done_callback(lambda _: self._end(memory))
        return await asyncio.shield(job)

    def close(self) -> None:
        """Wait for the running jobs, and start no more."""
        self._closed = True
        if self._trimming:
            self._trimming.cancel()
        self._executor.shutdown(cancel_futures=True)

    async def _start(self, memory: int) -> None:
        """Return when the job may run: its thread and memory are then in use."""
        if not self._queued and self._fits(memory):
            self._take(memory)
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queued.append((turn, memory))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._give_back(memory)
            else:
                self._start_queued()
            raise

    def _fits(self, memory: int) -> bool:
        if self._running == self._threads:
            return False
        return not self._running or self.memory_used + memory <= self._memory

    def _take(self, memory: int) -> None:
        self._running += 1
        self.memory_used += memory

    def _give_back(self, memory: int) -> None:
        self._running -= 1
        self.memory_used -= memory
        self._start_queued()

    def _end(self, memory: int) -> None:
        self.taken -= 1
        self._give_back(memory)
        if not self._trimming and not self._closed:
            self._trimming = asyncio.get_running_loop().call_later(TRIM_SECONDS, self._trim)

    def _trim(self) -> None:
        """Return free memory to the system in a thread, which is not counted as a job."""
        self._trimming = None
        self._executor.submit(return_free_memory)

    def _start_queued(self) -> None:
        """Start the jobs at the head of the queue that fit now."""
        while self._queued:
            turn, memory = self._queued[0]
            if not turn.cancelled():
                if not self._fits(memory):
                    return
                self._take(memory)
                turn.set_result(None)
            self._queued.popleft()


class FairQueue:
    """A queue for work that runs on the event loop: one piece in each iteration of the loop.

    However long the queue is, everything else on the loop, such as the liveness probe, waits for one piece.
    """

    def __init__(self, limit: int = MAX_QUEUED) -> None:
        self.limit = limit
        self.refused = 0
        """Pieces that were refused so far."""
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._busy = False

    @property
    def taken(self) -> int:
        """The number of waiting pieces."""
        return len(self._waiting)

    async def acquire(self) -> None:
        """Return when it is the caller's turn. Raises `Overloaded` if the queue is full."""
        loop = asyncio.get_running_loop()
        if not self._busy:
            self._busy = True
            loop.call_soon(self._next, loop)
            return
        if self.taken >= self.limit:
            self.refused += 1
            raise Overloaded(_TOO_MUCH)
        turn = loop.create_future()
        self._waiting.append(turn)
        await turn

    def _next(self, loop: asyncio.AbstractEventLoop) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            # A client that has gone away no longer needs its turn.
            if not turn.cancelled():
                turn.set_result(None)
                loop.call_soon(self._next, loop)
                return
        self._busy = False
