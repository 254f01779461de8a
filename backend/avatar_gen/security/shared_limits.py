"""Rate limits that all processes and replicas count together, in Redis.

Import this module only where Redis is configured: the import of the client is slow.
"""

import asyncio
import logging
import time
from collections.abc import Sequence

from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from throttled import RateLimiterType
from throttled.asyncio import RateLimiterRegistry, RedisStore
from throttled.exceptions import StoreUnavailableError

from avatar_gen.security.rate_limits import Count, Limit

log = logging.getLogger(__name__)

TIMEOUT_SECONDS = 0.05
"""The longest that a request waits for Redis. After that, this process counts the request."""

_PAUSE_SECONDS = 1.0
"""Time between two attempts to reach Redis while it is unavailable. Each attempt is one request."""

_MAX_CONNECTIONS = 32
"""Connections of each process. Further requests wait for a free one, within the timeout."""

_PREFIX = "avatar-gen"


class SharedLimits:
    """Counts requests in Redis, or in the memory of this process while Redis is unavailable.

    It belongs to one event loop.
    """

    def __init__(self, url: str) -> None:
        """`url` is `redis://`, `rediss://` (TLS) or `unix://`. This connects to nothing yet."""
        connections = {
            "max_connections": _MAX_CONNECTIONS,
            "timeout": TIMEOUT_SECONDS,
            # The first try may meet a connection that Redis closed at a restart.
            "retry": Retry(NoBackoff(), 1),
        }
        self._store = RedisStore(
            url,
            options={
                "CONNECTION_POOL_CLASS": "redis.asyncio.BlockingConnectionPool",
                "CONNECTION_POOL_KWARGS": connections,
            },
        )
        self._gcra = RateLimiterRegistry.get(RateLimiterType.GCRA.value)
        self._failures = 0
        """Attempts without an answer since the last answer."""
        self._next_trial = 0.0

    async def count(self, limits: Sequence[Limit], client: str) -> list[Count]:
        """Count a request of a client for each limit. This raises nothing and takes at most 50 ms."""
        if time.monotonic() >= self._next_trial:
            if self._failures:
                self._pause()  # This request tries. Requests at the same time must not wait as well.
            try:
                async with asyncio.timeout(TIMEOUT_SECONDS):
                    counts = [await self._count(limit, client) for limit in limits]
            except (RedisError, StoreUnavailableError, OSError) as error:
                self._note_failure(error)
            else:
                self._note_answer()
                return counts
        return [limit.count(client) for limit in limits]

    async def close(self) -> None:
        """Close the connections."""
        # The store has no method for this.
        await self._store._backend.get_client().connection_pool.aclose()  # type: ignore[attr-defined] # noqa: SLF001

    async def _count(self, limit: Limit, client: str) -> Count:
        limiter = self._gcra(limit.quota, self._store, key_prefix=_PREFIX)
        return limit.count_of(await limiter.limit(f"{limit.name}:{client}"))

    def _pause(self) -> None:
        self._next_trial = time.monotonic() + _PAUSE_SECONDS

    def _note_failure(self, error: Exception) -> None:
        """Stop asking for a second. Warn at the second failure: one may be a pause of this process."""
        self._pause()
        self._failures += 1
        if self._failures == 2:
            log.warning(
                "Redis is unavailable (%s). Until it answers, each process counts rate limits alone",
                str(error.__cause__ or error) or f"no answer within {TIMEOUT_SECONDS * 1000:g} ms",
            )

    def _note_answer(self) -> None:
        if self._failures >= 2:
            log.info("Redis answers again. All processes count rate limits together")
        self._failures = 0
        self._next_trial = 0.0
