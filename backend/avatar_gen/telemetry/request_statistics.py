"""What is counted of each request: cheap enough for all of them, and put into words when somebody asks.

Everything happens on the event loop, so nothing has to be locked. docs/decisions/0016 has what it costs.
"""

from bisect import bisect_left
from collections import Counter

BOUNDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
"""Seconds: the upper bounds of the histogram's buckets. A picture takes a tenth of the first."""

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"})

OTHER = "other"
"""Stands for all methods that no address takes, and for all paths that are no address of ours."""

Key = tuple[str, str, int]
"""Method, route and status: of each there is a small number, whatever clients send."""


class RequestStatistics:
    """What a process has counted of its requests since it began."""

    def __init__(self) -> None:
        self.requests: dict[Key, list[float]] = {}
        """For each key how many took no longer than each bound and longer than the one before, how many took
        longer than all of them, and the seconds of all together."""
        self.faults: Counter[str] = Counter()
        """How often each kind of `AvatarError` was answered."""
        self.renders: Counter[tuple[str, str]] = Counter()
        """How many pictures were made, by style and format; those that were remembered are not among them."""
        self.objects: Counter[str] = Counter()
        """How many stored objects were `written`, `removed`, or found `missing` when they were to be."""

    def observe(self, method: str, route: str | None, status: int, seconds: float) -> None:
        """Count a request. `route` is the form of its address; `status` is 0 where nobody heard an answer."""
        timings = self.requests.get((method, route or OTHER, status))
        if timings is None:
            known = method if method in _METHODS else OTHER
            timings = self.requests.setdefault((known, route or OTHER, status), [0.0] * (len(BOUNDS) + 2))
        timings[bisect_left(BOUNDS, seconds)] += 1
        timings[-1] += seconds

    def by_class(self, first_digit: int) -> float:
        """How many answers had a status of this class."""
        return sum(
            sum(timings[:-1]) for key, timings in self.requests.items() if key[2] // 100 == first_digit
        )
