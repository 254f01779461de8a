"""How often somebody may ask: so many requests a second, and some more at once.

Counted by GCRA, a bucket that fills at the rate and holds the burst, of which a client needs one number. The
numbers are of this process alone, and of the clients that it heard of last: see docs/decisions/0014.
"""

from math import ceil
from typing import NamedTuple

from throttled import MemoryStore, Quota, RateLimiterRegistry, RateLimiterType, per_hour, per_min, per_sec

from avatar_gen.settings.values import Rate

MOST_REMEMBERED = 16_384
"""Clients, for each limit: 7 MB. Who is forgotten has a full bucket again; to be forgotten, somebody must ask
from as many addresses before his own bucket is full."""

_PERIODS = {"s": per_sec, "min": per_min, "hour": per_hour}


class Count(NamedTuple):
    """What is left to somebody."""

    retry_after: int
    """Seconds; 0: this request may pass."""
    item: bytes
    """Of the field `RateLimit`."""


class Limit:
    """One limit, for everybody whom it is for."""

    def __init__(self, name: str, rate: Rate) -> None:
        self._name = name.encode()
        self._burst = rate.burst
        quota: Quota = _PERIODS[rate.period](rate.requests, rate.burst)
        self._interval = quota.emission_interval
        window = ceil(rate.burst * self._interval)
        self.policy = b'"%s";q=%d;w=%d' % (self._name, rate.burst, window)
        """Its item of the field `RateLimit-Policy`: how many at once, and after how long as many again."""
        store = MemoryStore(options={"MAX_SIZE": MOST_REMEMBERED})
        self._limiter = RateLimiterRegistry.get(RateLimiterType.GCRA.value)(quota, store)

    def count(self, who: str) -> Count:
        """Count one more request of somebody; what is refused costs nothing."""
        result = self._limiter.limit(who)
        left = result.state.remaining
        # The library tells when the bucket is full again; of interest is when there is one more.
        next_one = result.state.reset_after - (self._burst - left - 1) * self._interval
        seconds = max(1, ceil(next_one))
        item = b'"%s";r=%d;t=%d' % (self._name, left, seconds)
        return Count(seconds if result.limited else 0, item)
