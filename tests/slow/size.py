"""How much the slow tests do: `make test-slow` sets TEST_SIZE to `full`, `.ci/run` to `small`."""

import os
from typing import TypeVar

T = TypeVar("T")

FULL = os.environ.get("TEST_SIZE") == "full"


def sized(*, full: T, small: T) -> T:
    """Return the number, or the cases, for the size of this run; without TEST_SIZE, the small one."""
    return full if FULL else small
