"""Files that survive a crash of the machine, and the operating system's errors as errors of this service."""

import contextlib
import errno
import os
import stat
from collections.abc import Iterable, Sequence
from concurrent import futures
from pathlib import Path

from avatar_gen.errors import StorageFull, StorageUnavailable
from avatar_gen.objects.mounts import open_cached
from avatar_gen.runtime.threads import DaemonThreads


class OddFile(Exception):
    """A file that this service cannot have written: a pipe, a folder, or one that is far too large."""


MAX_FILE_SIZE = 64_000_000
"""Bytes. No file that this service reads whole is larger."""


def read(path: str, limit: int = MAX_FILE_SIZE) -> bytes:
    """Return the content of a regular file of at most `limit` bytes.

    Raises `OddFile` for anything else, and `OSError`. Never waits for the other end of a pipe.
    """
    return read_with_status(path, limit)[1]


def read_with_status(path: str, limit: int) -> tuple[os.stat_result, bytes]:
    """Return the status and the content of a file, as `read` does."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        found = _require_regular(descriptor, limit)
        content = os.read(descriptor, found.st_size)
        # A network file system may return less than it was asked for.
        while len(content) < found.st_size and (more := os.read(descriptor, found.st_size - len(content))):
            content += more
        return found, content
    finally:
        os.close(descriptor)


def read_cached(path: str, limit: int) -> tuple[os.stat_result, bytes]:
    """Return the same as `read_with_status`, without waiting for the disk.

    Use it only on the event loop, and only if `mounts.is_local`.

    Also raises `OSError` if the kernel does not have the whole file in its memory.
    """
    descriptor = open_cached(path)
    try:
        found = _require_regular(descriptor, limit)
        content = bytearray(found.st_size)
        if content and os.preadv(descriptor, [content], 0, os.RWF_NOWAIT) < len(content):
            raise BlockingIOError
        return found, bytes(content)
    finally:
        os.close(descriptor)


def _require_regular(descriptor: int, limit: int) -> os.stat_result:
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode):
        raise OddFile("it is not a regular file")
    if found.st_size > limit:
        raise OddFile(f"it has {found.st_size} bytes, more than {limit}")
    return found


def write_synced(files: Iterable[tuple[str, bytes]], *, wait: bool = True) -> None:
    """Write new files, and by default return when the disk has them.

    All are written before the first is waited for: the file system then has less to do for the others.
    """
    with contextlib.ExitStack() as stack:
        descriptors = []
        for path, data in files:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
            stack.callback(os.close, descriptor)
            descriptors.append(descriptor)
            if os.write(descriptor, data) < len(data):
                # A disk takes only a part of the data when it has just become full.
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)
        if wait:
            _fsync(descriptors)


def sync(*folders: str | Path) -> None:
    """Make the names in folders survive a crash: fsync of a file does not cover its own name."""
    with contextlib.ExitStack() as stack:
        descriptors = []
        for folder in folders:
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            stack.callback(os.close, descriptor)
            descriptors.append(descriptor)
        _fsync(descriptors)


_SYNC_THREADS = 8

_syncing = DaemonThreads(_SYNC_THREADS, "syncing")


def _fsync(descriptors: Sequence[int]) -> None:
    """Return when the disk has all of the files. Several threads wait, so that it writes them together."""
    if len(descriptors) <= 2:
        _fsync_each(descriptors)
        return
    parts = [descriptors[start::_SYNC_THREADS] for start in range(min(_SYNC_THREADS, len(descriptors)))]
    calls = [_syncing.submit(_fsync_each, part) for part in parts]
    # Wait for all, even if one fails: the caller closes the descriptors, and others may reuse them.
    futures.wait(calls)
    for call in calls:
        call.result()


def _fsync_each(descriptors: Iterable[int]) -> None:
    for descriptor in descriptors:
        os.fsync(descriptor)


class translated:  # noqa: N801 - it is used like a generator-based context manager, which would be slower
    """Raise the operating system's errors as `StorageFull` or `StorageUnavailable`.

    Its words and paths stay in the cause, which goes to the log.
    """

    def __enter__(self) -> None: ...

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        if isinstance(error, OSError):
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise StorageFull from error
            raise StorageUnavailable from error
