"""A real Redis or Valkey server, as a program of the system."""

import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Self

import pytest
import redis

from tests.servers.net import free_port

PROGRAM = shutil.which("redis-server") or shutil.which("valkey-server")

needs_redis = pytest.mark.skipif(PROGRAM is None, reason="redis-server is not installed")


class Redis:
    """A server that can be paused, killed and started again on its port. It stores nothing on disk."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._folder = tempfile.mkdtemp(prefix="avatars-redis-")
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The id of the server's process."""
        assert self._process
        return self._process.pid

    def start(self) -> Self:
        """Start the server; return when it answers."""
        assert PROGRAM
        options = {"bind": "127.0.0.1", "port": str(self.port), "dir": self._folder, "save": ""}
        arguments = [word for name, value in options.items() for word in (f"--{name}", value)]
        self._process = subprocess.Popen([PROGRAM, *arguments], stdout=subprocess.DEVNULL)
        with self.client() as client:
            deadline = time.monotonic() + 30
            while True:
                try:
                    client.ping()
                except redis.ConnectionError:
                    assert time.monotonic() < deadline
                    time.sleep(0.01)
                else:
                    return self

    def client(self) -> redis.Redis:
        """Return a client."""
        return redis.Redis.from_url(self.url)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal: SIGSTOP pauses the server, SIGCONT continues it."""
        assert self._process
        self._process.send_signal(number)

    def kill(self) -> None:
        """Kill the server if it runs. It loses everything."""
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None

    def destroy(self) -> None:
        """Stop the server, and delete its files."""
        self.kill()
        shutil.rmtree(Path(self._folder))
