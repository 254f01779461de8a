"""Rate limits: a number of requests in a period, and a burst of requests at once.

The algorithm is GCRA: a bucket that holds the burst and fills at the rate. It stores one number for each
client. Each process counts alone, and only the most recently seen clients; `shared_limits` counts for all
processes. See docs/decisions/0014.
"""

import sys
from math import ceil
from typing import NamedTuple

from avatar_gen.settings.values import Rate

# The library imports the client of Redis if it is installed. This takes time and memory, and a service
# without Redis does not need it: docs/decisions/0014. None makes the import fail, and the library works then.
_without_redis = "redis" not in sys.modules
if _without_redis:
    sys.modules["redis"] = None  # type: ignore[assignment]
try:
    from throttled import (
        MemoryStore,
        Quota,
        RateLimiterRegistry,
        RateLimiterType,
        RateLimitResult,
        per_hour,
        per_min,
        per_sec,
    )
finally:
    if _without_redis:
        del sys.modules["redis"]

MAX_CLIENTS = 16_384
"""Clients that each limit remembers. A client that drops out starts again with a full bucket. To drop out on
purpose, a client must send requests from as many addresses before its own bucket is full."""

_PERIODS = {"s": per_sec, "min": per_min, "hour": per_hour}


class Count(NamedTuple):
    """How many requests a client has left."""

    retry_after: int
    """Seconds until a request may pass; 0 if this one may."""
    item: bytes
    """The item of the header field `RateLimit`."""


class Limit:
    """One limit, with the counts of its clients."""

    def __init__(self, name: str, rate: Rate) -> None:
        self.name = name
        self._name = name.encode()
        self._burst = rate.burst
        self.quota: Quota = _PERIODS[rate.period](rate.requests, rate.burst)
        self._interval = self.quota.emission_interval
        window = ceil(rate.burst * self._interval)
        self.policy = b'"%s";q=%d;w=%d' % (self._name, rate.burst, window)
        """The item of the header field `RateLimit-Policy`: the burst, and the seconds to fill it again."""
        store = MemoryStore(options={"MAX_SIZE": MAX_CLIENTS})
        self._limiter = RateLimiterRegistry.get(RateLimiterType.GCRA.value)(self.quota, store)

    def count(self, client: str) -> Count:
        """Count a request of a client. A refused request is not counted."""
        return self.count_of(self._limiter.limit(client))

    def count_of(self, result: RateLimitResult) -> Count:
        """Return what a result of the library means to the client."""
        left = result.state.remaining
        # The library knows when the bucket is full again. A client needs to know when there is room for one.
        next_one = result.state.reset_after - (self._burst - left - 1) * self._interval
        seconds = max(1, ceil(next_one))
        item = b'"%s";r=%d;t=%d' % (self._name, left, seconds)
        return Count(seconds if result.limited else 0, item)
