"""Several processes that serve one port, each as if it were alone."""

import contextlib
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from avatar_gen.runtime.server import announce_end

log = logging.getLogger(__name__)

_PAUSE_SECONDS = 1.0
"""Time before a worker is replaced. A worker that cannot start must not keep a processor busy."""

_TICK_SECONDS = 0.1

Worker = subprocess.Popen[bytes]


@dataclass
class Supervisor:
    """Starts workers, replaces those that end, and ends them all after a signal."""

    listener: socket.socket
    """The socket that all workers share."""
    arguments: Sequence[str]
    """The command line of a worker. Three numbers are added: the listener, this process, the channel."""
    channel_of: Callable[[int], socket.socket] | None
    """Makes the channel on which a worker is asked for its metrics; None if nothing asks."""
    shutdown_timeout: float
    """Seconds after which workers that have not ended are killed."""
    workers: dict[int, Worker] = field(default_factory=dict)
    is_stopping: bool = False

    def run(self, count: int) -> None:
        """Keep `count` workers running until a signal arrives. Return after all of them have ended."""
        for each in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(each, self._stop)
        due = dict.fromkeys(range(count), time.monotonic())
        while not self.is_stopping:
            self._start_due(due)
            for number, worker in [each for each in self.workers.items() if each[1].poll() is not None]:
                log.error("Worker %d has ended with status %d and is replaced", worker.pid, worker.returncode)
                del self.workers[number]
                due[number] = time.monotonic() + _PAUSE_SECONDS
            time.sleep(_TICK_SECONDS)
        self._end()

    def _stop(self, *_: object) -> None:
        """Note the signal. All else happens outside of the handler."""
        self.is_stopping = True

    def _start_due(self, due: dict[int, float]) -> None:
        now = time.monotonic()
        for number in [number for number, at in due.items() if at <= now]:
            try:
                self.workers[number] = self._start(number)
            except OSError as error:
                log.error("Worker %d cannot be started yet: %s", number, error.strerror)  # noqa: TRY400
                due[number] = now + _PAUSE_SECONDS
            else:
                del due[number]

    def _start(self, number: int) -> Worker:
        descriptor = self.listener.fileno()
        with contextlib.ExitStack() as stack:
            channel = stack.enter_context(self.channel_of(number)).fileno() if self.channel_of else -1
            shared = [each for each in (descriptor, channel) if each >= 0]
            numbers = map(str, (descriptor, os.getpid(), channel))
            command = [sys.executable, "-m", "avatar_gen", *self.arguments, *numbers]
            return subprocess.Popen(command, pass_fds=shared)  # noqa: S603 - our own program

    def _end(self) -> None:
        announce_end()
        # The workers still have the socket, until they accept no more connections.
        self.listener.close()
        for worker in self.workers.values():
            worker.terminate()
        deadline = time.monotonic() + self.shutdown_timeout
        for worker in self.workers.values():
            try:
                worker.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                log.error("Worker %d does not end and is killed", worker.pid)  # noqa: TRY400
                worker.kill()
                worker.wait()
