"""Where pictures are rendered and encoded: as many threads as processors, and queues with an end."""

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from avatar_gen.errors import Overloaded

P = ParamSpec("P")
T = TypeVar("T")


_TOO_MUCH = "The service is encoding as many pictures as it can; try again in a second."

MAX_QUEUED = 512
"""Pictures that may wait to be drawn on the event loop: some 0.2 s' worth."""


class Pool:
    """Threads for work that would hold up the event loop.

    Beyond `threads` running and `waiting` queued calls it refuses at once: a client that is told to come
    back in a second is served better than one in a queue that only grows.
    """

    def __init__(self, threads: int, waiting: int) -> None:
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="imaging")
        self.queue = FairQueue()
        """Where what is too quick to be worth a thread waits instead."""
        self.limit = threads + waiting
        self.taken = 0
        """Calls that run or wait."""
        self.refused = 0
        """Calls that were one too many, so far."""

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call `work` in a thread. Raises `Overloaded` when the queue is full."""
        if self.taken >= self.limit:
            self.refused += 1
            raise Overloaded(_TOO_MUCH)
        self.taken += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._executor, lambda: work(*args, **kwargs))
        finally:
            self.taken -= 1

    def close(self) -> None:
        """Wait for what is running, and start nothing more."""
        self._executor.shutdown(cancel_futures=True)


class FairQueue:
    """Where work waits that is done on the event loop: one piece each time that the loop comes round.

    However much there is, all else that the loop has to do, such as to say that we live, waits for half a
    millisecond of it.
    """

    def __init__(self, most: int = MAX_QUEUED) -> None:
        self.limit = most
        self.refused = 0
        """Pieces that were one too many, so far."""
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._busy = False

    @property
    def taken(self) -> int:
        """Pieces that wait."""
        return len(self._waiting)

    async def acquire(self) -> None:
        """Return when it is the caller's turn. Raises `Overloaded` when the line is too long."""
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
            # Who was told that the service is stopping waits no more.
            if not turn.cancelled():
                turn.set_result(None)
                loop.call_soon(self._next, loop)
                return
        self._busy = False
