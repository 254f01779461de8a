"""Identity links as files: `<root>/identities/<first two digits>/<hash>.json`, beside the objects.

In the same folder there are:

- `<first two digits of the avatar's id>/<id>.<hash>`: a note.
- `replaced/<id>.<hash>` and `removed/<hash>`, as `objects.identities` says.
- `locks/<first two digits>`: an empty file. A process that changes a link locks it.
"""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path
from secrets import token_hex

from avatar_gen.errors import IdentityLinkDamaged, TooManyIdentityLinks
from avatar_gen.objects.files import OddFile, read, read_cached, sync, translated, write_synced
from avatar_gen.objects.identities import (
    AVATAR_AND_HASH,
    HASH,
    MAX_LINK_SIZE,
    REMEMBERED_SECONDS,
    REMOVED,
    REPLACED,
    IdentityLinks,
    read_link,
    require_canonical,
    require_hash,
)
from avatar_gen.objects.local import INCOMING, SHARDS, make_folder, unusable
from avatar_gen.objects.mounts import Reader, is_local

IDENTITIES = "identities"
MAX_LINKS = 1_048_576
"""Links in one store. A link takes an inode, and a client that may write could use up all of them."""

_LOCKS = "locks"


class LocalIdentityStore(IdentityLinks):
    """An `IdentityStore` in the folder of a prepared `LocalStore`, which several processes may share."""

    def __init__(self, root: Path, *, max_links: int = MAX_LINKS, threaded: bool | None = None) -> None:
        """`threaded` says whether to read only in threads; by default the type of the file system decides."""
        self._root = root.absolute() / IDENTITIES
        self._incoming = root.absolute() / INCOMING
        self._max_in_shard = max_links // len(SHARDS)
        self._threaded = threaded
        self._reads_cached = threaded is False
        self._reader = Reader()

    def prepare(self) -> None:
        """Make the folders that are missing."""
        with translated():
            for folder in (REPLACED, REMOVED, _LOCKS, *SHARDS):
                make_folder(self._root / folder)
            sync(self._root, self._root.parent)
        if self._threaded is None:
            self._reads_cached = is_local(self._root)

    def unusable_folders(self) -> list[str]:
        """Return the names that are there, but are not folders that this user can read and write."""
        return unusable(self._root, REPLACED, REMOVED, _LOCKS, *SHARDS)

    async def find(self, identity: str) -> str | None:
        path = self._path(self._link_key(identity))
        if self._reads_cached:
            try:
                return read_link(read_cached(path, MAX_LINK_SIZE)[1])
            except (OddFile, OSError):
                # It is missing, or not in the kernel's memory. A thread finds out.
                pass
        return await self._reader.run(self.get, identity)

    def sweep(self) -> None:
        before = time.time() - REMEMBERED_SECONDS
        with contextlib.suppress(OSError):
            for entry in os.scandir(self._root / REMOVED):
                with contextlib.suppress(OSError):
                    if entry.stat().st_mtime < before:
                        os.unlink(entry.path)

    def ids(self) -> Iterator[str]:
        with translated():
            for shard in SHARDS:
                try:
                    names = sorted(os.listdir(self._root / shard))
                except FileNotFoundError:
                    continue
                yield from filter(HASH.fullmatch, (name.removesuffix(".json") for name in names))

    @contextlib.contextmanager
    def _locked(self, identity: str) -> Iterator[None]:
        """Wait until no other process or thread changes the link. The kernel unlocks it if a process ends."""
        path = self._path(f"{_LOCKS}/{require_hash(identity)[:2]}")
        with translated():
            # NFS locks only files that are open for writing.
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            try:
                # A file system without locks still has links, and the last change wins.
                with contextlib.suppress(OSError):
                    fcntl.flock(descriptor, fcntl.LOCK_EX)
                yield
            finally:
                os.close(descriptor)

    def _link_key(self, identity: str) -> str:
        return f"{identity[:2]}/{require_hash(identity)}.json"

    def _note_key(self, avatar_id: str, identity: str) -> str:
        return f"{avatar_id[:2]}/{require_canonical(avatar_id)}.{identity}"

    def _noted(self, avatar_id: str) -> list[str]:
        folder = self._path(require_canonical(avatar_id)[:2])
        with translated():
            notes = filter(None, map(AVATAR_AND_HASH.fullmatch, os.listdir(folder)))
            return [note[2] for note in notes if note[1] == avatar_id]

    def _replaced_names(self) -> list[str]:
        with translated():
            return os.listdir(self._root / REPLACED)

    def _read(self, key: str) -> bytes | None:
        with translated():
            try:
                return read(self._path(key), MAX_LINK_SIZE)
            except FileNotFoundError:
                self._require_mounted()
                return None
            except OddFile as error:
                raise IdentityLinkDamaged from error

    def _exists(self, key: str) -> bool:
        if os.path.lexists(self._path(key)):
            return True
        self._require_mounted()
        return False

    def _create(self, key: str, content: bytes) -> bool:
        path = self._path(key)
        try:
            write_synced([(path, content)])
        except FileExistsError:
            return False
        sync(os.path.dirname(path))
        return True

    def _write(self, key: str, content: bytes) -> None:
        path, temporary = self._path(key), f"{self._incoming}/{token_hex(8)}"
        try:
            write_synced([(temporary, content)])
            os.rename(temporary, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise
        sync(os.path.dirname(path))

    def _delete(self, key: str) -> None:
        path = self._path(key)
        with translated(), contextlib.suppress(FileNotFoundError):
            os.unlink(path)
            sync(os.path.dirname(path))

    def _removed(self, key: str) -> bytes:
        with contextlib.suppress(FileNotFoundError):
            os.utime(self._path(key))
        return self._read(key) or b""

    def _require_room(self, link: str) -> None:
        path = self._path(link)
        if os.path.lexists(path):
            return
        links = [name for name in os.listdir(os.path.dirname(path)) if name.endswith(".json")]
        if len(links) >= self._max_in_shard:
            raise TooManyIdentityLinks

    def _require_mounted(self) -> None:
        """Raise `FileNotFoundError` for a storage that is not there: it is not an empty store."""
        os.stat(self._incoming)

    def _path(self, key: str) -> str:
        return f"{self._root}/{key}"
