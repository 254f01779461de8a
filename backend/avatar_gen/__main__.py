"""`python -m avatar_gen` is the `avatar-gen` command."""

import signal
import sys


def _end(number: int, _frame: object) -> None:
    sys.exit(0 if "serve" in sys.argv else 128 + number)


# Before the imports below, which take half a second: process 1 of a container is not ended by a signal that
# nobody takes, and `docker stop` would wait for ten. What came earlier was held back by the entrypoint.
signal.signal(signal.SIGTERM, _end)
signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})

from avatar_gen.cli import main  # noqa: E402

main()
