"""Several processes that serve one address, each as if it were alone."""

import contextlib
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence

log = logging.getLogger(__name__)

_PAUSE = 1.0
"""Seconds before a worker that has died is replaced: one that cannot start must not keep a processor busy."""


def supervise(
    count: int,
    listener: socket.socket,
    arguments: Sequence[str],
    channel_of: Callable[[int], socket.socket] | None = None,
) -> None:
    """Run as many workers until told to stop, and replace those that die.

    A worker is this program with `arguments`, the number of the listening socket that all of them share, that
    of this process, without which it ends by itself, and that of its channel, below 0 where it has none. Told
    to stop, this returns once all have answered what is in flight.
    """
    descriptor = listener.fileno()
    stopping = False

    def start(number: int) -> subprocess.Popen[bytes]:
        with contextlib.ExitStack() as stack:
            channel = stack.enter_context(channel_of(number)).fileno() if channel_of else -1
            shared = [each for each in (descriptor, channel) if each >= 0]
            numbers = map(str, (descriptor, os.getpid(), channel))
            command = [sys.executable, "-m", "avatar_gen", *arguments, *numbers]
            return subprocess.Popen(command, pass_fds=shared)  # noqa: S603 - our own program

    def stop(*_: object) -> None:
        nonlocal stopping
        stopping = True
        # The workers have it still, for as long as they take connections; then nobody must.
        listener.close()
        for worker in workers.values():
            worker.terminate()

    workers = {number: start(number) for number in range(count)}
    for each in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(each, stop)
    while workers:
        time.sleep(0.1)
        for number, worker in [each for each in workers.items() if each[1].poll() is not None]:
            del workers[number]
            if not stopping:
                log.error("Worker %d has ended with status %d and is replaced", worker.pid, worker.returncode)
                time.sleep(_PAUSE)
            if not stopping:
                workers[number] = start(number)
            if stopping:
                # The signal may have come while the newest was being started.
                stop()
