"""SIGINT and SIGTERM for commands: the handler notes the signal, and the command stops at its next check.

An exception that a signal handler raises is lost if the signal arrives in a callback of cffi or ctypes: both
print it and go on. libvips calls back while it draws. So no handler here raises.
"""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

GRACE_SECONDS = 1.0
"""Time between a signal and the end of a command that does not reach a check, for example in a read."""


class Interrupted(BaseException):
    """The command has been told to end. `status` is its exit status."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


_noted: list[int] = []
"""The exit status for the first signal, if one arrived. A list, because a handler cannot wait for a lock."""


@contextmanager
def note_interrupts() -> Iterator[None]:
    """Install the handlers. A signal that is ignored stays ignored, as for a command in the background."""
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _note)
    signal.signal(signal.SIGALRM, _end)
    try:
        yield
    finally:
        # Python removes the handlers at its end, and SIGALRM would then kill the process.
        signal.setitimer(signal.ITIMER_REAL, 0)


def check_interrupted() -> None:
    """Raise `Interrupted` if a signal was noted."""
    if _noted:
        raise Interrupted(_noted[0])


def _note(number: int, frame: FrameType | None) -> None:
    if _noted:
        # A second signal does not wait.
        _end(number, frame)
    _noted.append(128 + number)
    signal.setitimer(signal.ITIMER_REAL, GRACE_SECONDS)


def _end(_number: int, _frame: FrameType | None) -> None:
    """End the process at once. Every command can be killed at any time and run again."""
    os.write(2, b"\nInterrupted.\n")
    os._exit(_noted[0])
