"""Files that survive a crash of the machine, and the operating system's errors as ours."""

import contextlib
import errno
import os
from collections.abc import Iterable
from pathlib import Path

from avatar_gen.errors import StorageFull, StorageUnavailable


def read(path: str) -> bytes:
    """A small file, whole. Raises `OSError`."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        size = os.fstat(descriptor).st_size
        return os.read(descriptor, size)
    finally:
        os.close(descriptor)


def write_synced(files: Iterable[tuple[str, bytes]], *, wait: bool = True) -> None:
    """Write new files, and by default wait until the disk has them.

    All are written before the first is waited for: the file system then has less to do for the others.
    """
    with contextlib.ExitStack() as stack:
        descriptors = []
        for path, data in files:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
            stack.callback(os.close, descriptor)
            descriptors.append(descriptor)
            if os.write(descriptor, data) < len(data):
                # A disk takes less than it was given only when it has just become full.
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)
        for descriptor in descriptors if wait else ():
            os.fsync(descriptor)


def sync(folder: str | Path) -> None:
    """Make the names in a folder survive a crash: fsync of a file does not cover its own name."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class translated:  # noqa: N801 - it is called like the generator that it would be, were that not 1 us slower
    """The operating system's errors as ours; its words and paths stay in the cause, for the log."""

    def __enter__(self) -> None: ...

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        if isinstance(error, OSError):
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise StorageFull from error
            raise StorageUnavailable from error
