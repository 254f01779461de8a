"""Waiting for what happens in another thread or process."""

import time
from collections.abc import Callable


def wait_until(
    happened: Callable[[], bool], *, seconds: float = 60, explain: Callable[[], str] = str
) -> None:
    """Ask again and again. Fail with what `explain` says if it takes longer than this."""
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, explain()
        time.sleep(0.005)
