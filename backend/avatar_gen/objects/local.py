"""Objects as files in a folder: `<root>/<first two digits>/<id>.zip`."""

import contextlib
import errno
import fcntl
import logging
import os
import re
import stat
from collections.abc import Hashable, Iterator, Mapping
from pathlib import Path
from secrets import token_hex

from avatar_gen.avatar import CANONICAL_ID
from avatar_gen.errors import AvatarError, ObjectDamaged
from avatar_gen.objects import MAX_OBJECT_SIZE, Capacity, OnError, Opened
from avatar_gen.objects.files import (
    OddFile,
    read,
    read_cached,
    read_with_status,
    sync,
    translated,
    write_synced,
)
from avatar_gen.objects.mounts import Reader, is_local

log = logging.getLogger(__name__)

_SUFFIX = ".zip"
SHARDS = [f"{number:02x}" for number in range(256)]
INCOMING = "incoming"

_TEMPORARY = re.compile(r"[0-9a-f]{16}")
"""A file that is being written."""

_REMOVED = re.compile(rf"({CANONICAL_ID.pattern})\.[0-9a-f]{{16}}")
"""An object that is being removed."""

_ABANDONED_SECONDS = 600
"""Age at which a file in `incoming` belongs to no living process: a write takes milliseconds."""


class LocalStore:
    """An `ObjectStore` in a folder, which several processes and machines may share.

    256 folders by the first byte of the id: with a million avatars each holds four thousand files. A file
    that is being written or removed is in `incoming` meanwhile.
    """

    kind = "local"
    calls_at_once = 1

    def __init__(self, root: Path, *, threaded: bool | None = None) -> None:
        """`threaded` says whether to read only in threads; by default the type of the file system decides."""
        self._root = root.absolute()
        self._incoming = self._root / INCOMING
        self._threaded = threaded
        self._reads_cached = threaded is False
        self._reader = Reader()

    def prepare(self) -> None:
        """Make the folders that are missing, and check that objects can be written."""
        with translated():
            for folder in (INCOMING, *SHARDS):
                make_folder(self._root / folder)
            sync(self._root, self._root.parent)
        self.check_write()
        for folder in self.unusable_folders():
            log.warning("%s cannot be read and written: avatars with such ids are not served", folder)
        if self._threaded is None:
            self._reads_cached = is_local(self._root)

    def require(self) -> None:
        """Raise `StorageUnavailable` if there is no store here. Changes nothing."""
        with translated():
            os.listdir(self._root)

    def unusable_folders(self) -> list[str]:
        """Return the names that are there, but are not folders that this user can read and write."""
        return unusable(self._root, INCOMING, *SHARDS)

    async def open(self, avatar_id: str, *, known: Hashable = None) -> Opened | None:
        path = self._path(avatar_id)
        if self._reads_cached:
            try:
                return _open_cached(path, known)
            except (OddFile, OSError):
                # It is missing, or not in the kernel's memory. A thread finds out.
                pass
        return await self._reader.run(self._open, path, known)

    def get(self, avatar_id: str) -> bytes | None:
        path = self._path(avatar_id)
        with translated():
            try:
                return read(path, MAX_OBJECT_SIZE)
            except FileNotFoundError:
                os.stat(self._incoming)
                return None
            except OddFile as error:
                raise ObjectDamaged from error

    def put(self, objects: Mapping[str, bytes]) -> None:
        paths = {self._path(avatar_id): data for avatar_id, data in objects.items()}
        arriving = {f"{self._incoming}/{token_hex(8)}": path for path in paths}
        ours = list(arriving)
        with translated():
            try:
                write_synced(zip(arriving, paths.values(), strict=True))
                for temporary, path in arriving.items():
                    os.rename(temporary, path)
                    ours.append(path)
                sync(*{os.path.dirname(path) for path in paths})
            except BaseException:
                for path in ours:
                    with contextlib.suppress(OSError):
                        os.unlink(path)
                raise

    @contextlib.contextmanager
    def removing(self, avatar_id: str) -> Iterator[bool]:
        path = self._path(avatar_id)
        aside = f"{self._incoming}/{avatar_id}.{token_hex(8)}"
        with translated(), _shared_lock(path):
            try:
                os.rename(path, aside)
            except FileNotFoundError:
                os.stat(self._incoming)
                yield False
                return
            try:
                sync(os.path.dirname(path))
                yield True
            except BaseException:
                os.rename(aside, path)
                sync(os.path.dirname(path))
                raise
            _discard(aside)

    def interrupted_removals(self) -> list[str]:
        with translated():
            now = self._file_system_time()
            return sorted({avatar_id for avatar_id, path in self._removed() if _is_abandoned(path, now)})

    def finish_removal(self, avatar_id: str) -> None:
        with translated():
            now = self._file_system_time()
            for each, path in self._removed():
                if each == avatar_id and _is_abandoned(path, now):
                    _discard(path)

    def ids(self, on_error: OnError | None = None) -> Iterator[str]:
        for shard in SHARDS:
            try:
                names = self._list(shard)
            except AvatarError as error:
                if on_error is None:
                    raise
                on_error(f"{self._root}/{shard}", error)
                continue
            yield from filter(CANONICAL_ID.fullmatch, (name.removesuffix(_SUFFIX) for name in names))

    def size(self, avatar_id: str) -> int:
        return self._size(avatar_id) or 0

    def sizes(self, on_error: OnError | None = None) -> Iterator[tuple[str, int]]:
        for avatar_id in self.ids(on_error):
            try:
                size = self._size(avatar_id)
            except AvatarError as error:
                if on_error is None:
                    raise
                on_error(avatar_id, error)
            else:
                if size is not None:
                    yield avatar_id, size

    def check_read(self) -> None:
        with translated():
            os.stat(self._incoming)
            # NFS answers the calls around it from its cache, but not this one.
            os.statvfs(self._root)
            with os.scandir(self._root) as entries:
                next(entries, None)

    def check_write(self) -> Capacity:
        with translated():
            probe = f"{self._incoming}/{token_hex(8)}"
            try:
                write_synced([(probe, b"A full disk takes names, but no contents.")])
            finally:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(probe)
            found = os.statvfs(self._root)
        # File systems that make inodes as they need them report none.
        inodes = (found.f_favail, found.f_files) if found.f_files else (None, None)
        return Capacity(found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize, *inodes)

    def sweep(self) -> None:
        with contextlib.suppress(OSError):
            now = self._file_system_time()
            for path in (each.path for each in os.scandir(self._incoming) if _TEMPORARY.fullmatch(each.name)):
                with contextlib.suppress(OSError):
                    found = os.lstat(path)
                    if stat.S_ISREG(found.st_mode) and found.st_ctime < now - _ABANDONED_SECONDS:
                        os.unlink(path)

    def _open(self, path: str, known: Hashable) -> Opened | None:
        with translated():
            try:
                if known is not None and _stamp(os.stat(path)) == known:
                    return Opened(known, None)
                found, data = read_with_status(path, MAX_OBJECT_SIZE)
            except FileNotFoundError:
                os.stat(self._incoming)
                return None
            except OddFile as error:
                raise ObjectDamaged from error
        return Opened(_stamp(found), data)

    def _size(self, avatar_id: str) -> int | None:
        with translated():
            try:
                return os.stat(self._path(avatar_id)).st_size
            except FileNotFoundError:
                return None

    def _list(self, shard: str) -> list[str]:
        with translated():
            try:
                return sorted(os.listdir(self._root / shard))
            except FileNotFoundError:
                os.stat(self._incoming)
                return []

    def _removed(self) -> list[tuple[str, str]]:
        """Return the ids and paths of objects that are being removed, or were when their process ended."""
        with os.scandir(self._incoming) as entries:
            found = [(_REMOVED.fullmatch(each.name), each) for each in entries]
            return [(match[1], each.path) for match, each in found if match and not each.is_dir()]

    def _file_system_time(self) -> float:
        """Return the time by the clock of the file system, which may be another machine's."""
        probe = f"{self._incoming}/{token_hex(8)}"
        descriptor = os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        try:
            return os.fstat(descriptor).st_ctime
        finally:
            os.close(descriptor)
            os.unlink(probe)

    def _path(self, avatar_id: str) -> str:
        """Return the path of an object. Only a canonical id has one, so every path is inside the root."""
        if not CANONICAL_ID.fullmatch(avatar_id):
            raise ValueError("not a canonical UUID")
        return f"{self._root}/{avatar_id[:2]}/{avatar_id}{_SUFFIX}"


def _open_cached(path: str, known: Hashable) -> Opened:
    # This object was read before, so the kernel has its path in memory, and `stat` does not wait for the
    # disk. Opening it as `read_cached` does is slower: docs/decisions/0020.
    if known is not None and _stamp(os.stat(path)) == known:
        return Opened(known, None)
    found, data = read_cached(path, MAX_OBJECT_SIZE)
    return Opened(_stamp(found), data)


def _stamp(found: os.stat_result) -> Hashable:
    return found.st_ino, found.st_ctime_ns


def make_folder(path: Path) -> None:
    """Make a folder if it is missing. Raises `OSError`, also if its name belongs to something else."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        message = "It is not a folder, or a link that leads to none. Move it away"
        raise NotADirectoryError(errno.ENOTDIR, message, str(path)) from None


def unusable(root: Path, *names: str) -> list[str]:
    """Return the names that are there, but are not folders that this user can read and write.

    A link may lead nowhere, or to itself.
    """
    usable = os.R_OK | os.W_OK | os.X_OK
    paths = (f"{root}/{name}" for name in names)
    return [
        path
        for path in paths
        if os.path.lexists(path) and not (os.path.isdir(path) and os.access(path, usable))
    ]


def _discard(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
    except IsADirectoryError:
        log.warning("%s is a folder that this service did not make; it stays there", path)


@contextlib.contextmanager
def _shared_lock(path: str) -> Iterator[None]:
    """Lock a file if possible. The kernel unlocks it when this process ends, however it ends."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        # For example another user's file: `_is_abandoned` then goes by its age.
        yield
        return
    try:
        with contextlib.suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)


def _is_abandoned(path: str, now: float) -> bool:
    """Return whether the process that was removing this file has ended.

    Where its lock cannot tell, its age by the clock of the file system does: a rename sets ctime.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    except OSError:
        return os.lstat(path).st_ctime < now - _ABANDONED_SECONDS
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return os.fstat(descriptor).st_ctime < now - _ABANDONED_SECONDS
    else:
        return True
    finally:
        os.close(descriptor)
