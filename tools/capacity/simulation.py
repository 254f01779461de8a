"""A simulation of requests, event by event: a cache, replicas behind it, an object store and a database.

`tools.capacity.comparison` compares it with measurements at its small end.
"""

import heapq
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import NamedTuple

from tools.capacity.popularity import Popularity


class Kind(NamedTuple):
    """A kind of request. The costs are those behind the cache."""

    share: float
    """Of all requests."""
    lifetime: float | None
    """Seconds for which the cache holds an answer; None: it holds none."""
    service_us: float
    """CPU time of a replica."""
    first_us: float
    """The same for the first request for a picture, which the replica does not have in memory."""
    calls: dict[str, float]
    """Calls of the store and the database, such as "store GET" and "database query"."""
    first_calls: dict[str, float]
    """The same for the first request for a picture."""
    database_us: float = 0
    """CPU time of the database."""


class Load(NamedTuple):
    """What clients send."""

    rate: float
    """Requests in a second, at random times."""
    seconds: float
    avatars: int
    skew: float
    """See `tools.capacity.popularity`."""


class Observed(NamedTuple):
    """What happened, for each request."""

    requests: int
    hits: float
    """The share that the cache answered."""
    calls: dict[str, float]
    service_us: float
    busy: float
    """The share of the time in which a replica works."""
    p50_ms: float
    p99_ms: float


_STORE_SECONDS = 0.001
"""The mean time of a call of the store: docs/decisions/0021-objects-in-an-object-store.md."""

_DATABASE_PROCESSORS = 2


class Station:
    """Processors that serve in the order of arrival."""

    def __init__(self, processors: int) -> None:
        self._free = [0.0] * processors
        self.worked = 0.0
        """Seconds."""

    def serve(self, now: float, seconds: float) -> float:
        """Return when something that arrives now, and takes so many seconds, is finished."""
        end = max(now, heapq.heappop(self._free)) + seconds
        heapq.heappush(self._free, end)
        self.worked += seconds
        return end


@dataclass
class _Entry:
    """A picture in the cache, or on its way there."""

    expires: float = float("inf")
    waiting: list[float] = field(default_factory=list)
    """When requests arrived that wait for the picture."""


class Simulation:
    """One run. Service times are exponential, and so are the times of the store."""

    def __init__(self, load: Load, kinds: dict[str, Kind], *, replicas: int = 1, seed: int = 1) -> None:
        self._load, self._kinds = load, kinds
        self._chance = random.Random(seed)  # noqa: S311 - no secret
        self._popularity = Popularity(load.avatars, load.skew)
        self._replicas = [Station(1) for _ in range(replicas)]
        self._database = Station(_DATABASE_PROCESSORS)
        self._events: list[tuple[float, int, Callable[[float], None]]] = []
        self._numbers = count()
        self._cache: dict[tuple[str, int], _Entry] = {}
        self._known: set[tuple[str, int]] = set()
        self._calls: Counter[str] = Counter()
        self._hits = self._sent = 0
        self._latencies: list[float] = []

    def run(self) -> Observed:
        """Run until all requests are answered."""
        self._at(self._pause(), self._arrive)
        while self._events:
            now, _, event = heapq.heappop(self._events)
            event(now)
        worked = sum(each.worked for each in self._replicas)
        latencies = sorted(self._latencies)
        return Observed(
            requests=self._sent,
            hits=self._hits / self._sent,
            calls={name: number / self._sent for name, number in sorted(self._calls.items())},
            service_us=worked * 1e6 / self._sent,
            busy=worked / self._load.seconds / len(self._replicas),
            p50_ms=latencies[self._sent // 2] * 1000,
            p99_ms=latencies[self._sent * 99 // 100] * 1000,
        )

    def _at(self, time: float, event: Callable[[float], None]) -> None:
        heapq.heappush(self._events, (time, next(self._numbers), event))

    def _pause(self) -> float:
        return self._chance.expovariate(self._load.rate)

    def _arrive(self, now: float) -> None:
        if now > self._load.seconds:
            return
        self._at(now + self._pause(), self._arrive)
        self._sent += 1
        names, weights = list(self._kinds), [kind.share for kind in self._kinds.values()]
        (name,) = self._chance.choices(names, weights)
        key = name, self._popularity.choose(self._chance)
        entry = self._cache.get(key)
        if self._kinds[name].lifetime is None:
            self._ask_replica(now, key, None)
        elif entry is None or entry.expires < now:
            self._cache[key] = entry = _Entry()
            self._ask_replica(now, key, entry)
        else:
            self._hits += 1
            if entry.expires == float("inf"):
                entry.waiting.append(now)
            else:
                self._latencies.append(0.0)

    def _ask_replica(self, arrived: float, key: tuple[str, int], entry: _Entry | None) -> None:
        kind = self._kinds[key[0]]
        first = entry is not None and key not in self._known
        self._known.add(key)
        calls = kind.first_calls if first else kind.calls
        self._calls.update(calls)
        replica = self._replicas[self._sent % len(self._replicas)]
        end = replica.serve(arrived, self._time(kind.first_us if first else kind.service_us))
        if any(name.startswith("store") for name in calls):
            end += self._chance.expovariate(1 / _STORE_SECONDS)
        self._at(end, lambda now: self._ask_database(now, arrived, kind, entry))

    def _ask_database(self, now: float, arrived: float, kind: Kind, entry: _Entry | None) -> None:
        if kind.database_us:
            now = self._database.serve(now, self._time(kind.database_us))
        self._at(now, lambda now: self._answer(now, arrived, kind, entry))

    def _time(self, microseconds: float) -> float:
        return self._chance.expovariate(1e6 / microseconds)

    def _answer(self, now: float, arrived: float, kind: Kind, entry: _Entry | None) -> None:
        self._latencies.append(now - arrived)
        if entry:
            self._latencies += [now - each for each in entry.waiting]
            entry.waiting.clear()
            entry.expires = now + (kind.lifetime or 0)
