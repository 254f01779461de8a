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
_SHARDS = [f"{number:02x}" for number in range(256)]
_INCOMING = "incoming"
_ABANDONED = 60
"""Seconds after which a file in `incoming` belongs to no living process: a write takes milliseconds."""


class LocalStore:
    """An `ObjectStore` in a folder, which several processes may share.

    256 folders by the first byte of the id: a million avatars are four thousand files in each. What is being
    written or removed lies in `incoming` for as long as that takes.
    """

    kind = "local"

    def __init__(self, root: Path) -> None:
        self._root = root
        self._incoming = root / _INCOMING

    def open(self, *, make: bool = True) -> None:
        """Make the folders that are missing, unless the whole store is and `make` is false."""
        with _translated():
            self._root = self._root.absolute()
            self._incoming = self._root / _INCOMING
            if not make:
                os.stat(self._root)
            for folder in (_INCOMING, *_SHARDS):
                (self._root / folder).mkdir(parents=True, exist_ok=True)
            _sync(self._root)
            _sync(self._root.parent)
        self.check()

    def put(self, objects: Mapping[str, bytes]) -> None:
        paths = {self._path(avatar_id): data for avatar_id, data in objects.items()}
        arriving = {f"{self._incoming}/{token_hex(8)}": path for path in paths}
        ours = list(arriving)
        with _translated():
            try:
                _write_synced(zip(arriving, paths.values(), strict=True))
                for temporary, path in arriving.items():
                    os.rename(temporary, path)
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
                os.stat(self._incoming)
                return None
            try:
                size = os.fstat(descriptor).st_size
                return os.read(descriptor, size)
            finally:
                os.close(descriptor)

    @contextlib.contextmanager
    def removing(self, avatar_id: str) -> Iterator[bool]:
        path = self._path(avatar_id)
        aside = f"{self._incoming}/{token_hex(8)}"
        with _translated():
            try:
                # A rename keeps the time of writing, by which `incoming` is cleared away.
                os.utime(path)
                os.rename(path, aside)
            except FileNotFoundError:
                os.stat(self._incoming)
                yield False
                return
            try:
                _sync(os.path.dirname(path))
                yield True
            except BaseException:
                os.rename(aside, path)
                _sync(os.path.dirname(path))
                raise
            os.unlink(aside)

    def ids(self) -> Iterator[str]:
        with _translated():
            for shard in _SHARDS:
                names = sorted(os.listdir(self._root / shard))
                yield from filter(_ID.fullmatch, (name.removesuffix(_SUFFIX) for name in names))

    def check(self) -> None:
        """Also clear away what killed processes left half written."""
        with _translated():
            probe = f"{self._incoming}/{token_hex(8)}"
            try:
                _write_synced([(probe, b"A full disk takes names, but no contents.")], sync=False)
            finally:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(probe)
            before = time.time() - _ABANDONED
            for entry in os.scandir(self._incoming):
                # Another process may be clearing away the same files.
                with contextlib.suppress(FileNotFoundError):
                    if entry.stat().st_mtime < before:
                        os.unlink(entry.path)

    def _path(self, avatar_id: str) -> str:
        """Where an object lies; nothing but a canonical id, so nothing outside of the root, has a path."""
        if not _ID.fullmatch(avatar_id):
            raise ValueError("not a canonical UUID")
        return f"{self._root}/{avatar_id[:2]}/{avatar_id}{_SUFFIX}"


def _write_synced(files: Iterable[tuple[str, bytes]], *, sync: bool = True) -> None:
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
        for descriptor in descriptors if sync else ():
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
