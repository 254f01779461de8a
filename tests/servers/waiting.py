"""Waiting for what happens in another thread or process."""

import time
from collections.abc import Callable


def wait_until(
    happened: Callable[[], bool], *, seconds: float = 60, explain: Callable[[], str] = str
) -> None:
    """Ask again and again, ever more seldom. Fail with what `explain` says if it takes longer than this."""
    started = time.monotonic()
    while not happened():
        waited = time.monotonic() - started
        assert waited < seconds, explain()
        time.sleep(min(0.005 + waited / 10, 0.1))
