"""Which avatars clients ask for, and how often a cache has them: few are popular, and most are rare.

The law of Zipf: avatar r, counted from 1, gets a share of requests in proportion to 1 / r ** skew. For pages
of the web the skew is 0.64 to 0.83 (Breslau et al., Web Caching and Zipf-like Distributions, INFOCOM 1999).
"""

import random
from bisect import bisect
from collections.abc import Iterator
from itertools import accumulate

_EXACT = 1000
"""Ranks that count alone. Above them, a group of ranks counts as its middle one."""

_GROWTH = 1.02


class Popularity:
    """Avatars from which clients choose."""

    def __init__(self, avatars: int, skew: float) -> None:
        self._limits = list(accumulate((rank + 1) ** -skew for rank in range(avatars)))

    def choose(self, chance: random.Random) -> int:
        """Return one avatar, counted from 0. The most popular one is 0."""
        return bisect(self._limits, chance.random() * self._limits[-1], hi=len(self._limits) - 1)


def shares(avatars: int, skew: float) -> Iterator[tuple[float, float]]:
    """Yield the share of one avatar, and the number of avatars that have about this share."""
    groups = list(_groups(avatars))
    total = sum(count * middle**-skew for middle, count in groups)
    return ((middle**-skew / total, count) for middle, count in groups)


def _groups(avatars: int) -> Iterator[tuple[float, float]]:
    """Yield ranks, and how many avatars each stands for."""
    first = 1
    while first <= avatars:
        after = min(avatars + 1, first + 1 if first < _EXACT else round(first * _GROWTH))
        yield (first * (after - 1)) ** 0.5, after - first
        first = after


def hit_rate(avatars: int, skew: float, rate: float, lifetime: float) -> float:
    """Return the share of requests that a cache answers, if it holds each picture for `lifetime` seconds.

    After a picture was fetched, all requests of its lifetime are hits. So of an avatar with `n` requests in a
    lifetime, one request in `n + 1` goes further. The cache has room for everything.
    """
    return sum(
        share * count * (wanted := rate * share * lifetime) / (wanted + 1)
        for share, count in shares(avatars, skew)
    )
