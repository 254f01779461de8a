"""Objects as files in a folder: `<root>/<first two digits>/<id>.zip`."""

import contextlib
import errno
import os
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from secrets import token_hex

from avatar_gen.errors import StorageFull, StorageUnavailable

_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_SUFFIX = ".zip"
_INCOMING = "incoming"
_ABANDONED = 3600
"""Seconds after which a file in `incoming` belongs to no living process: a write takes milliseconds."""


class LocalStore:
    """An `ObjectStore` in a folder, which several processes may share.

    256 folders by the first byte of the id: a million avatars are four thousand files in each.
    """

    kind = "local"

    def __init__(self, root: Path) -> None:
        self._root = root.absolute()
        self._incoming = self._root / _INCOMING

    def open(self) -> None:
        """Make the folder, and clear away what a killed process left half written."""
        with _translated():
            self._incoming.mkdir(parents=True, exist_ok=True)
            before = time.time() - _ABANDONED
            for path in self._incoming.iterdir():
                # Another process may be clearing away the same files.
                with contextlib.suppress(FileNotFoundError):
                    if path.stat().st_mtime < before:
                        path.unlink()

    def put(self, objects: Mapping[str, bytes]) -> None:
        paths = {self._path(avatar_id): data for avatar_id, data in objects.items()}
        arriving = {f"{self._incoming}/{token_hex(8)}": path for path in paths}
        ours = list(arriving)
        with _translated():
            try:
                _write_synced(zip(arriving, paths.values(), strict=True))
                for temporary, path in arriving.items():
                    self._rename(temporary, path)
                    ours.append(path)
                for folder in {os.path.dirname(path) for path in paths}:
                    _sync(folder)
            except BaseException:
                for path in ours:
                    with contextlib.suppress(OSError):
                        os.unlink(path)
                raise

    def get(self, avatar_id: str) -> bytes | None:
        path = self._path(avatar_id)
        with _translated():
            try:
                descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:
                return None
            try:
                size = os.fstat(descriptor).st_size
                return os.read(descriptor, size)
            finally:
                os.close(descriptor)

    def remove(self, avatar_id: str) -> bool:
        path = self._path(avatar_id)
        with _translated():
            try:
                os.unlink(path)
            except FileNotFoundError:
                return False
            _sync(os.path.dirname(path))
            return True

    def ids(self) -> Iterator[str]:
        with _translated():
            for shard in sorted(os.listdir(self._root)):
                if len(shard) == 2:
                    names = os.listdir(self._root / shard)
                    ids = (name.removesuffix(_SUFFIX) for name in sorted(names))
                    yield from filter(_ID.fullmatch, ids)

    def check(self) -> None:
        with _translated():
            if not os.access(self._incoming, os.R_OK | os.W_OK | os.X_OK):
                # Say why: a folder that is gone, a disk mounted read-only, or a missing permission.
                os.utime(self._incoming)
                raise PermissionError(errno.EACCES, "cannot write", str(self._incoming))

    def _rename(self, temporary: str, path: str) -> None:
        try:
            os.rename(temporary, path)
        except FileNotFoundError:
            # The first object of its folder, whose own name is to survive a crash too.
            os.makedirs(os.path.dirname(path), exist_ok=True)
            _sync(self._root)
            os.rename(temporary, path)

    def _path(self, avatar_id: str) -> str:
        """Where an object lies; nothing but a canonical id, so nothing outside of the root, has a path."""
        if not _ID.fullmatch(avatar_id):
            raise ValueError("not a canonical UUID")
        return f"{self._root}/{avatar_id[:2]}/{avatar_id}{_SUFFIX}"


def _write_synced(files: Iterable[tuple[str, bytes]]) -> None:
    """Write new files and wait until the disk has them.

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
        for descriptor in descriptors:
            os.fsync(descriptor)


def _sync(folder: str | Path) -> None:
    """Make the names in a folder survive a crash: fsync of a file does not cover its own name."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    """The operating system's errors as ours; its words and paths stay in the cause, for the log."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageFull from error
        raise StorageUnavailable from error
