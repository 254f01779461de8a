"""SIGINT and SIGTERM for commands: the handler notes the signal, and the command stops at its next check.

An exception that a signal handler raises is lost if the signal arrives in a callback of cffi or ctypes: both
print it and go on. libvips calls back while it draws. So no handler here raises.
"""

import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
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
    """Install the handlers. A signal that is ignored stays ignored, as for a command in the background.

    Python calls a handler only between two of its own steps. If a signal arrives just before a read, the
    handler runs after the read, which may never end. So a thread ends the command: it learns of the signal at
    once, because Python's own handler in C writes the number of each signal into a socket.
    """
    reader, writer = socket.socketpair()
    writer.settimeout(0)
    signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
    Thread(target=_end_later, args=(reader,), name="interrupts", daemon=True).start()
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _note)
    try:
        yield
    finally:
        signal.set_wakeup_fd(-1)
        writer.close()


def check_interrupted() -> None:
    """Raise `Interrupted` if a signal was noted."""
    if _noted:
        raise Interrupted(_noted[0])


def _note(number: int, _frame: FrameType | None) -> None:
    _noted.append(128 + number)


def _end_later(reader: socket.socket) -> None:
    """End the process some time after the first signal, or at once after a second one.

    Every command can be killed at any time and run again. `reader` yields the number of each signal, and ends
    when the command has ended.
    """
    with reader:
        first = reader.recv(1)
        if not first:
            return
        reader.settimeout(GRACE_SECONDS)
        try:
            if not reader.recv(1):
                return
        except TimeoutError:
            pass
    os.write(2, b"\nInterrupted.\n")
    os._exit(128 + first[0])
