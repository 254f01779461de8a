"""A file system in user space (FUSE) that shows a folder, with a delay in each call.

`python -m tests.servers.slow_file_system SOURCE MOUNT` serves it until it is unmounted. Every call takes as
many milliseconds as the file `SOURCE.delay` says.
"""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mfusepy


class Calls(mfusepy.Operations):  # type: ignore[misc]
    """The calls of the kernel."""

    use_ns = True

    def __init__(self, source: str) -> None:
        self._source = source

    def getattr(self, path: str, fh: int | None = None) -> dict[str, Any]:
        del fh
        found = os.lstat(self._source + path)
        names = ("st_mode", "st_nlink", "st_size", "st_uid", "st_gid")
        times = {f"st_{each}time": getattr(found, f"st_{each}time_ns") for each in "amc"}
        return {**{name: getattr(found, name) for name in names}, **times}

    def readdir(self, path: str, fh: int) -> list[str]:
        del fh
        return [".", "..", *os.listdir(self._source + path)]

    def open(self, path: str, flags: int) -> int:
        return os.open(self._source + path, flags)

    def create(self, path: str, mode: int, fi: object = None) -> int:
        del fi
        return os.open(self._source + path, os.O_RDWR | os.O_CREAT | os.O_EXCL, mode)

    def read(self, path: str, size: int, offset: int, fh: int) -> bytes:
        del path
        return os.pread(fh, size, offset)

    def write(self, path: str, data: bytes, offset: int, fh: int) -> int:
        del path
        return os.pwrite(fh, data, offset)

    def fsync(self, path: str, datasync: int, fh: int) -> int:
        del path, datasync
        os.fsync(fh)
        return 0

    def fsyncdir(self, path: str, datasync: int, fh: int) -> int:
        del path, datasync, fh
        return 0

    def release(self, path: str, fh: int) -> int:
        del path
        os.close(fh)
        return 0

    def mkdir(self, path: str, mode: int) -> None:
        os.mkdir(self._source + path, mode)

    def unlink(self, path: str) -> None:
        os.unlink(self._source + path)

    def rename(self, old: str, new: str) -> None:
        os.rename(self._source + old, self._source + new)

    def truncate(self, path: str, length: int, fh: int | None = None) -> None:
        del fh
        os.truncate(self._source + path, length)

    def statfs(self, path: str) -> dict[str, int]:
        found = os.statvfs(self._source + path)
        names = (
            "f_bavail",
            "f_bfree",
            "f_blocks",
            "f_bsize",
            "f_favail",
            "f_ffree",
            "f_files",
            "f_frsize",
        )
        return {name: getattr(found, name) for name in names}


def slow(call: Callable[..., Any], delay: Path) -> Callable[..., Any]:
    """Return a call that waits first."""

    def slowed(*arguments: Any) -> Any:  # noqa: ANN401
        time.sleep(float(delay.read_text() or 0) / 1000)
        return call(*arguments)

    return slowed


def serve(source: str, target: str) -> None:
    """Mount a folder, and answer until it is unmounted."""
    for name, call in list(vars(Calls).items()):
        if callable(call) and not name.startswith("_"):
            setattr(Calls, name, slow(call, Path(f"{source}.delay")))
    # The kernel asks again for each name and each file, as it sometimes does with NFS.
    options = {"attr_timeout": 0, "entry_timeout": 0, "negative_timeout": 0, "auto_cache": False}
    mfusepy.FUSE(Calls(source), target, foreground=True, allow_other=True, **options)


if __name__ == "__main__":
    serve(*sys.argv[1:])
