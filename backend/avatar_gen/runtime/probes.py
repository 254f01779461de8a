"""Checks of dependencies that may hang."""

import asyncio
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from avatar_gen.runtime.threads import DaemonThreads

T = TypeVar("T")


class Probe(Generic[T]):
    """A check that blocks. It runs in a thread of its own, and never twice at once.

    All callers that wait at the same time share one result, so checks never pile up on a dependency that
    hangs.
    """

    def __init__(self, name: str, question: Callable[[], T]) -> None:
        self._question = question
        self._thread = DaemonThreads(1, f"probe of {name}")
        self._answer: asyncio.Future[T] | None = None
        self._asked_at = 0.0

    async def ask(self, timeout: float) -> T:  # noqa: ASYNC109 - it counts from when the question was asked
        """Return the answer, or raise what the question raises.

        Raises `TimeoutError` when the question has been open for longer than `timeout` seconds.
        """
        if self._answer is None or self._answer.done():
            self._asked_at = time.monotonic()
            self._answer = asyncio.wrap_future(self._thread.submit(self._question))
            # Without this, asyncio logs an error if every caller has timed out.
            self._answer.add_done_callback(lambda answer: answer.cancelled() or answer.exception())
        remaining = self._asked_at + timeout - time.monotonic()
        async with asyncio.timeout(max(0.0, remaining)):
            return await asyncio.shield(self._answer)

    def close(self) -> None:
        """Stop waiting. A thread whose question hangs is left behind; it does not keep the process alive."""
        if self._answer is not None:
            self._answer.cancel()
        self._thread.shutdown(wait=False)
