"""Objects as files in a folder: `<root>/<first two digits>/<id>.zip`."""

import contextlib
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from secrets import token_hex

from avatar_gen.avatar import CANONICAL_ID
from avatar_gen.objects.files import read, sync, translated, write_synced

_SUFFIX = ".zip"
SHARDS = [f"{number:02x}" for number in range(256)]
INCOMING = "incoming"
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
        self._incoming = root / INCOMING

    def open(self, *, make: bool = True) -> None:
        """Make the folders that are missing, unless the whole store is and `make` is false."""
        with translated():
            self._root = self._root.absolute()
            self._incoming = self._root / INCOMING
            if not make:
                os.stat(self._root)
            for folder in (INCOMING, *SHARDS):
                (self._root / folder).mkdir(parents=True, exist_ok=True)
            sync(self._root, self._root.parent)
        self.check()

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

    def get(self, avatar_id: str) -> bytes | None:
        path = self._path(avatar_id)
        with translated():
            try:
                return read(path)
            except FileNotFoundError:
                os.stat(self._incoming)
                return None

    def stamp(self, avatar_id: str) -> tuple[int, int] | None:
        path = self._path(avatar_id)
        try:
            found = os.stat(path)
        except OSError as error:
            with translated():
                if not isinstance(error, FileNotFoundError):
                    raise
                os.stat(self._incoming)
            return None
        return found.st_ino, found.st_ctime_ns

    @contextlib.contextmanager
    def removing(self, avatar_id: str) -> Iterator[bool]:
        path = self._path(avatar_id)
        aside = f"{self._incoming}/{token_hex(8)}"
        with translated():
            try:
                # A rename keeps the time of writing, by which `incoming` is cleared away.
                os.utime(path)
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
            os.unlink(aside)

    def ids(self) -> Iterator[str]:
        with translated():
            for shard in SHARDS:
                names = sorted(os.listdir(self._root / shard))
                yield from filter(CANONICAL_ID.fullmatch, (name.removesuffix(_SUFFIX) for name in names))

    def size(self, avatar_id: str) -> int:
        with translated():
            try:
                return os.stat(self._path(avatar_id)).st_size
            except FileNotFoundError:
                return 0

    def check(self) -> None:
        """Also clear away what killed processes left half written."""
        with translated():
            probe = f"{self._incoming}/{token_hex(8)}"
            try:
                write_synced([(probe, b"A full disk takes names, but no contents.")], wait=False)
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
        if not CANONICAL_ID.fullmatch(avatar_id):
            raise ValueError("not a canonical UUID")
        return f"{self._root}/{avatar_id[:2]}/{avatar_id}{_SUFFIX}"
