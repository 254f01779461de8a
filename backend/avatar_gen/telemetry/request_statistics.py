"""Statistics of requests. The metrics collector gives them their names.

Statistics are used on the event loop alone, so they need no lock. docs/decisions/0016 has the cost.
"""

from bisect import bisect_left
from collections import Counter

BOUNDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
"""Seconds: the upper bounds of the histogram's buckets. A picture from memory falls into the first."""

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"})

OTHER = "other"
"""Stands for all methods that no route has, and for all paths without a route."""

Key = tuple[str, str, int]
"""Method, route and status. Clients cannot make up new ones, so the number of keys is small."""


class RequestStatistics:
    """The statistics of one process since its start."""

    def __init__(self) -> None:
        self.requests: dict[Key, list[float]] = {}
        """For each key: the number of requests in each bucket of the histogram, the number above the highest
        bound, and the total of seconds."""
        self.errors: Counter[str] = Counter()
        """How often each kind of `AvatarError` was answered."""
        self.renders: Counter[tuple[str, str]] = Counter()
        """How many pictures were made, by style and format. Pictures from a cache are not counted."""
        self.objects: Counter[str] = Counter()
        """How many stored objects were `written`, `removed`, or `missing` although a record names them."""
        self.photos: Counter[str] = Counter()
        """How many uploaded photographs were `stored`, `refused` because of the file, or `failed`.

        `killed` counts those of the refused whose process ended without an answer."""
        self.upstreams: Counter[tuple[str, str]] = Counter()
        """Requests to other avatar servers, by server and outcome. `busy` ones were not sent."""

    def observe(self, method: str, route: str | None, status: int, seconds: float) -> None:
        """Count a request. `route` is the pattern of its path; `status` is 0 if it was not answered."""
        timings = self.requests.get((method, route or OTHER, status))
        if timings is None:
            known = method if method in METHODS else OTHER
            timings = self.requests.setdefault((known, route or OTHER, status), [0.0] * (len(BOUNDS) + 2))
        timings[bisect_left(BOUNDS, seconds)] += 1
        timings[-1] += seconds

    def by_class(self, first_digit: int) -> float:
        """Return how many answers had a status with this first digit."""
        return sum(
            sum(timings[:-1]) for key, timings in self.requests.items() if key[2] // 100 == first_digit
        )
