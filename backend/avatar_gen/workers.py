"""Several processes that serve one address, each as if it were alone."""

import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence

log = logging.getLogger(__name__)

_PAUSE = 1.0
"""Seconds before a worker that has died is replaced: one that cannot start must not keep a processor busy."""


def supervise(count: int, listener: socket.socket, arguments: Sequence[str]) -> None:
    """Run as many workers until told to stop, and replace those that die.

    A worker is this program with `arguments`, the number of the listening socket that all of them share, and
    that of this process, without which it ends by itself. Told to stop, this returns once all have answered
    what is in flight.
    """
    descriptor = listener.fileno()
    command = [sys.executable, "-m", "avatar_gen", *arguments, str(descriptor), str(os.getpid())]
    stopping = False

    def start() -> subprocess.Popen[bytes]:
        return subprocess.Popen(command, pass_fds=[descriptor])  # noqa: S603 - our own program

    def stop(*_: object) -> None:
        nonlocal stopping
        stopping = True
        # The workers have it still, for as long as they take connections; then nobody must.
        listener.close()
        for worker in workers:
            worker.terminate()

    workers = [start() for _ in range(count)]
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, stop)
    while workers:
        time.sleep(0.1)
        for worker in [worker for worker in workers if worker.poll() is not None]:
            workers.remove(worker)
            if not stopping:
                log.error("Worker %d has ended with status %d and is replaced", worker.pid, worker.returncode)
                time.sleep(_PAUSE)
            if not stopping:
                workers.append(start())
            if stopping:
                # The signal may have come while the newest was being started.
                stop()
