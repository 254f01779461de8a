"""The Redis server that all processes and replicas share, with one circuit breaker for all calls.

Import this module only where Redis is configured: the import of the client is slow.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

log = logging.getLogger(__name__)

T = TypeVar("T")

TIMEOUT_SECONDS = 0.05
"""The longest that a request waits for Redis. After that, this process does without it."""

_PAUSE_SECONDS = 1.0
"""Time between two attempts to reach Redis while it is unavailable. Each attempt is one request."""

_MAX_IN_BACKGROUND = 64
"""Questions in the background. Further ones are dropped, since they must not delay the others."""

_MAX_CONNECTIONS = 32
"""Connections of each process. Further requests wait for a free one, within the timeout."""


class SharedRedis:
    """Questions to Redis, which may be unavailable. It belongs to one event loop."""

    def __init__(self, url: str) -> None:
        """`url` is `redis://`, `rediss://` (TLS) or `unix://`. This connects to nothing yet."""
        connections = BlockingConnectionPool.from_url(
            url,
            max_connections=_MAX_CONNECTIONS,
            timeout=TIMEOUT_SECONDS,
            # The first try may meet a connection that Redis closed at a restart.
            retry=Retry(NoBackoff(), 1),
        )
        self.client = Redis.from_pool(connections)
        self._later: set[asyncio.Task[object]] = set()
        self._failures = 0
        """Attempts without an answer since the last answer."""
        self._next_trial = 0.0

    async def ask(self, question: Callable[[], Awaitable[T]], *errors: type[Exception]) -> T | None:
        """Return the answer, or None while Redis is unavailable. This takes at most 50 ms.

        It raises no error of Redis or of the network. `errors` are further ones that mean the same.
        """
        if time.monotonic() < self._next_trial:
            return None
        if self._failures:
            self._pause()  # This request tries. Requests at the same time must not wait as well.
        unavailable: tuple[type[Exception], ...] = (RedisError, OSError, *errors)
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                answer = await question()
        except unavailable as error:
            self._note_failure(error)
            return None
        self._note_answer()
        return answer

    def ask_later(self, question: Callable[[], Awaitable[object]]) -> None:
        """Ask in the background, and ignore the answer."""
        if len(self._later) < _MAX_IN_BACKGROUND:
            task = asyncio.create_task(self.ask(question))
            self._later.add(task)
            task.add_done_callback(self._later.discard)

    async def close(self) -> None:
        """Close the connections. Questions in the background are cancelled."""
        for task in self._later:
            task.cancel()
        await asyncio.gather(*self._later, return_exceptions=True)
        await self.client.aclose(close_connection_pool=True)

    def _pause(self) -> None:
        self._next_trial = time.monotonic() + _PAUSE_SECONDS

    def _note_failure(self, error: Exception) -> None:
        """Stop asking for a second. Warn at the second failure: one may be a pause of this process."""
        self._pause()
        self._failures += 1
        if self._failures == 2:
            log.warning(
                "Redis is unavailable (%s). Until it answers, each process counts rate limits and caches"
                " pictures alone",
                str(error.__cause__ or error) or f"no answer within {TIMEOUT_SECONDS * 1000:g} ms",
            )

    def _note_answer(self) -> None:
        if self._failures >= 2:
            log.info("Redis answers again. All processes share rate limits and pictures")
        self._failures = 0
        self._next_trial = 0.0
