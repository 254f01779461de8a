"""A mounted folder that is slow or hangs: a stand-in for NFS and EFS."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.servers.waiting import wait_until

CONNECTIONS = Path("/sys/fs/fuse/connections")
"""Where the kernel counts the calls that wait. https://docs.kernel.org/filesystems/fuse/fuse.html"""


@contextmanager
def slow_folder(folder: Path, milliseconds: float = 0) -> Iterator["SlowFolder"]:
    """Mount a folder below `folder`. Skips the test where FUSE is missing."""
    if sys.platform != "linux" or os.geteuid() != 0 or not os.path.exists("/dev/fuse"):
        pytest.skip("only root on Linux with FUSE can mount a file system of a program")
    if not find_spec("mfusepy") or not list(Path("/usr/lib").glob("*/libfuse3.so.*")):
        pytest.skip("libfuse3 is not installed")
    if not os.path.ismount(CONNECTIONS):
        mount = ["mount", "-t", "fusectl", "fusectl", str(CONNECTIONS)]
        subprocess.run(mount, check=True)
    mounted = SlowFolder(folder)
    mounted.delay(milliseconds)
    mounted.mount()
    try:
        yield mounted
    finally:
        mounted.close()


class SlowFolder:
    """A mounted folder, and its control."""

    def __init__(self, folder: Path) -> None:
        self._source = folder / "source"
        self.path = folder / "mounted"
        self._source.mkdir(parents=True)
        self.path.mkdir()

    def mount(self) -> None:
        """Mount the folder. Return when it is mounted."""
        command = [sys.executable, "-m", "tests.servers.slow_file_system", str(self._source), str(self.path)]
        self._process = subprocess.Popen(command)
        wait_until(self._is_mounted)
        self._connection = CONNECTIONS / str(os.minor(os.stat(self.path).st_dev))

    def _is_mounted(self) -> bool:
        assert self._process.poll() is None
        return os.path.ismount(self.path)

    def delay(self, milliseconds: float) -> None:
        """Delay every later call."""
        self._source.with_suffix(".delay").write_text(str(milliseconds))

    def hang(self) -> None:
        """Let no later call return.

        A call that the file system has already read cannot be given up: unlike NFS, the kernel keeps its
        process alive until there is an answer. So this stops the file system when it has nothing to answer.
        """
        wait_until(self._stop_when_idle)

    def _stop_when_idle(self) -> bool:
        self._process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self._process.pid, os.WSTOPPED)
        if int((self._connection / "waiting").read_text()) == 0:
            return True
        self.resume()
        return False

    def resume(self) -> None:
        """Answer again, including the calls that hang."""
        self._process.send_signal(signal.SIGCONT)

    def close(self) -> None:
        """Unmount it."""
        self.resume()
        command = ["umount", "-l", str(self.path)]
        subprocess.run(command, check=True)
        self._process.wait(timeout=30)
