"""File systems that can hang because another machine or program answers for them."""

import asyncio
import os
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

from avatar_gen.errors import StorageUnavailable
from avatar_gen.runtime.threads import DaemonThreads

T = TypeVar("T")

_MOUNTS = "/proc/self/mountinfo"
_REMOTE = re.compile(r"nfs\d?|cifs|smb\w*|fuse\..*|fuse|9p|ceph|glusterfs|lustre|virtiofs|afs|gpfs|beegfs")

_THREADS = 8
_TIMEOUT_SECONDS = 5.0


def is_remote(folder: Path) -> bool:
    """Return whether a folder is on a network or user-space file system, such as NFS or EFS."""
    try:
        device = os.stat(folder).st_dev
        with open(_MOUNTS, encoding="utf-8", errors="replace") as lines:
            mounts = [line.split(" ") for line in lines]
    except OSError:
        return False
    number = f"{os.major(device)}:{os.minor(device)}"
    # https://man7.org/linux/man-pages/man5/proc_pid_mountinfo.5.html: "-" ends the optional fields.
    types = [fields[fields.index("-") + 1] for fields in mounts if fields[2] == number]
    return any(map(_REMOTE.fullmatch, types))


class Reader:
    """Small reads for the event loop: inline from a local disk, in threads from what can hang.

    A local read takes less time than a hop to a thread. A read that hangs must not stop the event loop.
    """

    def __init__(self, *, threaded: bool) -> None:
        self._threads = DaemonThreads(_THREADS, "reading objects") if threaded else None

    async def run(self, call: Callable[..., T], *args: object) -> T:
        """Return what the call returns. Raises `StorageUnavailable` if it takes too long."""
        if self._threads is None:
            return call(*args)
        try:
            async with asyncio.timeout(_TIMEOUT_SECONDS):
                return await asyncio.wrap_future(self._threads.submit(partial(call, *args)))
        except TimeoutError as error:
            raise StorageUnavailable from error
