"""How much the slow tests do: `make test-slow` sets TEST_SIZE to `full`, `.ci/run` to `small`."""

import os

FULL = os.environ.get("TEST_SIZE") == "full"


def sized(*, full: int, small: int) -> int:
    """Return the number for the size of this run; without TEST_SIZE, the small one."""
    return full if FULL else small
