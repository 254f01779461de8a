"""Processor time, compared with a fixed computation: the same work takes more of it on a busy machine."""

import statistics
import time

IDLE = 0.03
"""Seconds that `reference` takes on the idle machine on which the documented figures were measured."""


def reference() -> float:
    """Return the seconds of processor time that a fixed computation takes now."""
    start = time.thread_time()
    assert sum(number * number for number in range(850_000))
    return time.thread_time() - start


def slowdown(references: list[float]) -> float:
    """Return how many times longer work takes on this machine, now, than on the idle one."""
    return max(1.0, statistics.median(references) / IDLE)
