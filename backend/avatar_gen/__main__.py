"""`python -m avatar_gen` is the `avatar-gen` command."""

import os
import signal
import sys


def _end(number: int, _frame: object) -> None:
    # Not sys.exit: an exception in a handler is lost if the signal arrives in a callback of native code.
    os._exit(0 if sys.argv[1:2] == ["serve"] else 128 + number)


# Before the imports below, which take long. The kernel does not end process 1 of a container for a signal
# without a handler, and `docker stop` would wait for its timeout. The entrypoint blocks SIGTERM until here.
for _number in (signal.SIGINT, signal.SIGTERM):
    if signal.getsignal(_number) is not signal.SIG_IGN:
        signal.signal(_number, _end)
signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})

from avatar_gen.cli import main  # noqa: E402

main()
