"""A circuit breaker: while a store does not answer, calls fail at once instead of after a timeout each.

Without it, each request waits for the timeout while a store hangs, and takes a connection, a thread and
memory. A pause also lets a store recover without the load of every client's retries.
"""

import contextlib
import time
from collections.abc import Iterator
from random import uniform

from avatar_gen.errors import StorageUnavailable
from avatar_gen.objects import TIMEOUT_SECONDS

_FAILURES = 5
"""Calls in a row without an answer, after which the breaker opens."""

_PAUSE_SECONDS = 1.0
"""The average time between two trials, each of which is one call. It varies, so that not all processes try at
the same moment."""


class Breaker:
    """Watches the calls to one store. Threads may share it."""

    def __init__(self) -> None:
        self._failures = 0
        self._next_trial = 0.0

    @contextlib.contextmanager
    def watch(self, *unanswered: type[Exception]) -> Iterator[None]:
        """Run a call, and raise `StorageUnavailable` for the errors that mean that the store did not answer.

        Every other result, also another error, is an answer. Raises `StorageUnavailable` at once if the last
        calls got no answer, except for one call from time to time.
        """
        if self._failures >= _FAILURES:
            self._begin_trial()
        try:
            yield
        except unanswered as error:
            self._failures += 1
            self._next_trial = time.monotonic() + _PAUSE_SECONDS * uniform(0.5, 1.5)  # noqa: S311 - no secret
            raise StorageUnavailable from error
        except Exception:
            self._failures = 0
            raise
        self._failures = 0

    def _begin_trial(self) -> None:
        now = time.monotonic()
        if now < self._next_trial:
            raise StorageUnavailable from TimeoutError("the last calls got no answer")
        self._next_trial = now + TIMEOUT_SECONDS
