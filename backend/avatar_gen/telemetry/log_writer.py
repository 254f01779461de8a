"""Writes log lines on a thread of its own: a disk, pipe or terminal that hangs does not delay requests."""

import contextlib
import os
import select
import threading
from collections.abc import Callable, Sequence

DELAY_SECONDS = 0.1
"""How long lines of requests are collected. A process that is killed loses as many seconds of them."""

BUFFER_LIMIT = 1_000_000
"""Characters that wait to be written, some 5,000 lines. Lines beyond that are dropped and counted."""

FLUSH_SECONDS = 1.0
"""How long the end of the process waits for the last lines."""


class LogWriter:
    """Hands lines to `write`, which gets several of them at a time and may block."""

    def __init__(self, write: Callable[[Sequence[str]], None], *, note_dropped: Callable[[int], str]) -> None:
        """Start the thread. `note_dropped` returns the line that says how many lines were dropped."""
        self.dropped = 0
        """Lines that were dropped so far."""
        self._write = write
        self._note_dropped = note_dropped
        self._noted = 0
        self._lines: list[str] = []
        self._size = 0
        self._is_writing = False
        self._is_closed = False
        self._changed = threading.Condition(threading.Lock())
        self._arrived = threading.Event()
        self._urgent = threading.Event()
        threading.Thread(target=self._run, name="log", daemon=True).start()

    def add(self, line: str, *, at_once: bool = False) -> None:
        """Queue a line. Write the queue soon, or now if `at_once` is true."""
        with self._changed:
            if self._size > BUFFER_LIMIT:
                self.dropped += 1
                return
            self._lines.append(line)
            self._size += len(line)
            is_first = len(self._lines) == 1
        if is_first:
            self._arrived.set()
        if at_once:
            self._urgent.set()

    def flush(self) -> None:
        """Wait for a bounded time until all lines have been written."""
        self._urgent.set()
        with self._changed:
            self._changed.wait_for(lambda: not (self._lines or self._is_writing), timeout=FLUSH_SECONDS)

    def close(self) -> None:
        """Write what waits, if that is possible, and end the thread."""
        self.flush()
        self._is_closed = True
        self._arrived.set()
        self._urgent.set()

    def _run(self) -> None:
        while not self._is_closed:
            self._arrived.wait()
            self._urgent.wait(DELAY_SECONDS)
            self._arrived.clear()
            self._urgent.clear()
            lines = self._take()
            # After a broken pipe or a full disk, go on: the next lines may be written.
            with contextlib.suppress(OSError, ValueError):
                self._write(lines)
            with self._changed:
                self._is_writing = False
                self._changed.notify_all()

    def _take(self) -> list[str]:
        with self._changed:
            lines, self._lines, self._size = self._lines, [], 0
            dropped, self._noted = self.dropped - self._noted, self.dropped
            self._is_writing = True
        return [*lines, self._note_dropped(dropped)] if dropped else lines


def to_descriptor(number: int) -> Callable[[Sequence[str]], None]:
    """Return a function that writes lines to a file descriptor.

    It does not use Python's streams: their buffers are flushed at the end of the process, which would block.
    """

    def write(lines: Sequence[str]) -> None:
        rest = memoryview("".join(lines).encode(errors="backslashreplace"))
        while rest:
            try:
                rest = rest[os.write(number, rest) :]
            except BlockingIOError:
                select.select((), (number,), ())

    return write
