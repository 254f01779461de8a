"""Reads for the event loop, from file systems that may hang.

A file system can hang because another machine or program answers for it (NFS, EFS, FUSE), or because its
disk does. Only reads that the kernel answers from its memory run on the event loop. All others run in
threads, with a timeout.
"""

import asyncio
import ctypes
import errno
import os
import re
import struct
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

from avatar_gen.objects import TIMEOUT_SECONDS
from avatar_gen.objects.breaker import Breaker
from avatar_gen.runtime.threads import DaemonThreads

T = TypeVar("T")

_MOUNTS = "/proc/self/mountinfo"
_LOCAL = re.compile(r"ext[234]|xfs|btrfs|zfs|f2fs|bcachefs|tmpfs|overlay")
"""File systems of which the kernel itself knows the open files. All other types count as remote: NFS, SMB,
FUSE, and unknown types."""

_THREADS = 16
"""Reads at the same time."""

_OPENAT2, _AT_FDCWD, _RESOLVE_CACHED = 437, -100, 0x20
# https://man7.org/linux/man-pages/man2/openat2.2.html: struct open_how has flags, mode and resolve.
_HOW = struct.pack("QQQ", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC, 0, _RESOLVE_CACHED)
_syscall = ctypes.CFUNCTYPE(
    ctypes.c_long,
    ctypes.c_long,
    ctypes.c_long,
    ctypes.c_char_p,
    ctypes.c_char_p,
    ctypes.c_size_t,
    use_errno=True,
)(("syscall", ctypes.CDLL(None)))


def open_cached(path: str) -> int:
    """Open a file to read it, and return its descriptor.

    Raises `BlockingIOError` if the kernel would have to ask the disk or another machine for the path, and
    other kinds of `OSError`, also on a system that cannot open files in this way.
    """
    descriptor: int = _syscall(_OPENAT2, _AT_FDCWD, os.fsencode(path), _HOW, len(_HOW))
    if descriptor < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), path)
    return descriptor


def is_local(folder: Path) -> bool:
    """Return whether the kernel can say if it has the files of a folder in its memory.

    It can on a local file system of Linux 5.12 or newer, unless a sandbox forbids the call.
    """
    if sys.platform != "linux" or not _LOCAL.fullmatch(_type_of(folder)):
        return False
    try:
        os.close(open_cached(str(folder)))
    except OSError as error:
        return error.errno == errno.EAGAIN
    return True


def _type_of(folder: Path) -> str:
    """Return the type of the file system that a folder is on, or an empty text."""
    path, found, kind = os.path.realpath(folder), "", ""
    try:
        with open(_MOUNTS, encoding="utf-8", errors="replace") as lines:
            mounts = [line.split(" ") for line in lines]
    except OSError:
        return ""
    for fields in mounts:
        point = re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), fields[4])
        # Of several mounts at one place the last one counts.
        if len(point) >= len(found) and f"{path}/".startswith(f"{point.rstrip('/')}/"):
            # https://man7.org/linux/man-pages/man5/proc_pid_mountinfo.5.html: "-" ends the optional fields.
            found, kind = point, fields[fields.index("-") + 1]
    return kind


class Reader:
    """Threads for small reads of a file system that may hang."""

    def __init__(self) -> None:
        self._threads = DaemonThreads(_THREADS, "reading objects")
        self._breaker = Breaker()

    async def run(self, call: Callable[..., T], *args: object) -> T:
        """Return what the call returns. Raises `StorageUnavailable` if it takes too long."""
        with self._breaker.watch(TimeoutError):
            async with asyncio.timeout(TIMEOUT_SECONDS):
                return await asyncio.wrap_future(self._threads.submit(partial(call, *args)))
