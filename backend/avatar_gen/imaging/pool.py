"""Where pictures are rendered and encoded: as many threads as processors, and a queue with an end."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from avatar_gen.errors import Overloaded

P = ParamSpec("P")
T = TypeVar("T")


class Pool:
    """Threads for work that would hold up the event loop.

    Beyond `threads` running and `waiting` queued calls it refuses at once: a client that is told to come
    back in a second is served better than one in a queue that only grows.
    """

    def __init__(self, threads: int, waiting: int) -> None:
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="imaging")
        self.limit = threads + waiting
        self.taken = 0
        """Calls that run or wait."""
        self.refused = 0
        """Calls that were one too many, so far."""

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call `work` in a thread. Raises `Overloaded` when the queue is full."""
        if self.taken >= self.limit:
            self.refused += 1
            raise Overloaded("The service is encoding as many pictures as it can; try again in a second.")
        self.taken += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._executor, lambda: work(*args, **kwargs))
        finally:
            self.taken -= 1

    def close(self) -> None:
        """Wait for what is running, and start nothing more."""
        self._executor.shutdown(cancel_futures=True)
