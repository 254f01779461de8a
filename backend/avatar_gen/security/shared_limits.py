"""Rate limits that all processes and replicas count together, in Redis.

Import this module only where Redis is configured: the import of the client is slow.
"""

from collections.abc import Sequence

from throttled import RateLimiterType
from throttled.asyncio import RateLimiterRegistry, RedisStore
from throttled.exceptions import StoreUnavailableError

from avatar_gen.runtime.redis_client import SharedRedis
from avatar_gen.security.rate_limits import Count, Limit

_PREFIX = "avatar-gen"


class SharedLimits:
    """Counts requests in Redis, or in the memory of this process while Redis is unavailable."""

    def __init__(self, redis: SharedRedis) -> None:
        self._redis = redis
        self._store = RedisStore()
        # The store has no parameter for a client that exists.
        self._store._backend._client = redis.client  # type: ignore[assignment] # noqa: SLF001
        self._gcra = RateLimiterRegistry.get(RateLimiterType.GCRA.value)

    async def count(self, limits: Sequence[Limit], client: str) -> list[Count]:
        """Count a request of a client for each limit. This raises nothing and takes at most 50 ms."""

        async def count() -> list[Count]:
            return [await self._count(limit, client) for limit in limits]

        counts = await self._redis.ask(count, StoreUnavailableError)
        return [limit.count(client) for limit in limits] if counts is None else counts

    async def _count(self, limit: Limit, client: str) -> Count:
        limiter = self._gcra(limit.quota, self._store, key_prefix=_PREFIX)
        return limit.count_of(await limiter.limit(f"{limit.name}:{client}"))
