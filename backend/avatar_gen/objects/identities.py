"""Identity links as files: `<root>/identities/<first two digits>/<hash>.json`, beside the objects.

A hash is the MD5 or the SHA-256 of an e-mail address, in lower-case digits. The e-mail address itself never
reaches this module. In the same folder there are:

- `<first two digits of the avatar's id>/<id>.<hash>`: a note that this hash may be linked to this avatar. It
  is written before the link and deleted after it, so no hash is linked to an avatar without notes.
- `replaced/<id>.<hash>`: an avatar whose link was replaced or removed, until `settle`.
- `removed/<hash>`: a random text that the removal of a link leaves behind for `REMEMBERED_SECONDS`.
- `locks/<first two digits>`: an empty file. A process that changes a link locks it.

docs/decisions/0019-a-picker-token-signs-the-state-of-a-link.md gives the reasons.
"""

import contextlib
import fcntl
import json
import os
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from secrets import token_hex

from avatar_gen.avatar import CANONICAL_ID, stored_id
from avatar_gen.errors import IdentityLinkChanged, IdentityLinkDamaged, TooManyIdentityLinks
from avatar_gen.objects import Replaced
from avatar_gen.objects.files import OddFile, read, read_cached, sync, translated, write_synced
from avatar_gen.objects.local import INCOMING, SHARDS, make_folder, unusable
from avatar_gen.objects.mounts import Reader, is_local

IDENTITIES = "identities"
MAX_LINKS = 1_048_576
"""Links in one store. A link takes an inode, and a client that may write could use up all of them."""

_FORMAT = 1
_HASH = re.compile(r"[0-9a-f]{32}|[0-9a-f]{64}")
NOTE = re.compile(rf"({CANONICAL_ID.pattern})\.({_HASH.pattern})")
MAX_LINK_SIZE = 4096

_REPLACED, _REMOVED, _LOCKS = "replaced", "removed", "locks"

REMEMBERED_SECONDS = 2 * 86_400
"""How long a removal is remembered after the last call of `state`: longer than any picker link is valid."""

PERSONAL = b"personal"


class LocalIdentityStore:
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
            for folder in (_REPLACED, _REMOVED, _LOCKS, *SHARDS):
                make_folder(self._root / folder)
            sync(self._root, self._root.parent)
        if self._threaded is None:
            self._reads_cached = is_local(self._root)

    def unusable_folders(self) -> list[str]:
        """Return the names that are there, but are not folders that this user can read and write."""
        return unusable(self._root, _REPLACED, _REMOVED, _LOCKS, *SHARDS)

    async def find(self, identity: str) -> str | None:
        path = self._path(identity)
        if self._reads_cached:
            try:
                return read_link(read_cached(path, MAX_LINK_SIZE)[1])
            except (OddFile, OSError):
                # It is missing, or not in the kernel's memory. A thread finds out.
                pass
        return await self._reader.run(self.get, identity)

    def get(self, identity: str) -> str | None:
        with translated():
            try:
                content = read(self._path(identity), MAX_LINK_SIZE)
            except FileNotFoundError:
                os.stat(self._incoming)
                return None
            except OddFile as error:
                raise IdentityLinkDamaged from error
        return read_link(content)

    def state(self, identity: str) -> str:
        with translated(), self._locked(identity):
            return self._state(identity)

    def put(
        self,
        identity: str,
        avatar_id: str,
        *,
        expected: str | None = None,
        personal: bool = False,
        check: Callable[[], object] = lambda: None,
    ) -> None:
        path = self._path(identity)
        content = link_content(avatar_id)
        with translated(), self._locked(identity):
            self._require_state(identity, expected)
            self._require_room(path)
            before = self._linked_avatar(identity)
            note = self._note(avatar_id, identity)
            is_new = self._write_note(note, PERSONAL if personal else b"")
            try:
                check()
                self._leave(before, identity, for_avatar=avatar_id)
                self._replace(path, content)
            except BaseException:
                if is_new:
                    _unlink(note)
                raise
            self._forget(before, identity, for_avatar=avatar_id)

    def remove(self, identity: str, *, expected: str | None = None) -> bool:
        path = self._path(identity)
        with translated(), self._locked(identity):
            self._require_state(identity, expected)
            if not os.path.lexists(path):
                os.stat(self._incoming)
                return False
            before = self._linked_avatar(identity)
            self._leave(before, identity)
            self._replace(f"{self._root}/{_REMOVED}/{identity}", token_hex(16).encode())
            _unlink(path)
            self._forget(before, identity)
        return True

    def is_linked(self, avatar_id: str) -> bool:
        folder = os.path.dirname(self._note(avatar_id, ""))
        with translated():
            found = filter(None, map(NOTE.fullmatch, os.listdir(folder)))
            notes = [note for note in found if note[1] == avatar_id]
        return any(self._is_linked_to(note[2], avatar_id) for note in notes)

    def replaced(self) -> list[Replaced]:
        found = []
        with translated():
            for match in filter(None, map(NOTE.fullmatch, os.listdir(self._root / _REPLACED))):
                with contextlib.suppress(FileNotFoundError):
                    content = read(f"{self._root}/{_REPLACED}/{match[0]}", MAX_LINK_SIZE)
                    found.append(Replaced(match[1], match[2], personal=content == PERSONAL))
        return found

    def settle(self, replaced: Replaced) -> None:
        with translated():
            _unlink(f"{self._root}/{_REPLACED}/{replaced.avatar_id}.{replaced.identity}")

    def sweep(self) -> None:
        before = time.time() - REMEMBERED_SECONDS
        with contextlib.suppress(OSError):
            for entry in os.scandir(self._root / _REMOVED):
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
                yield from filter(_HASH.fullmatch, (name.removesuffix(".json") for name in names))

    def _state(self, identity: str) -> str:
        if linked := self.get(identity):
            return linked
        path = f"{self._root}/{_REMOVED}/{identity}"
        try:
            os.utime(path)
            return read(path, MAX_LINK_SIZE).decode("ascii", "replace")
        except FileNotFoundError:
            return ""

    def _require_state(self, identity: str, expected: str | None) -> None:
        if expected is not None and self._state(identity) != expected:
            raise IdentityLinkChanged

    def _linked_avatar(self, identity: str) -> str | None:
        """Return the linked avatar, or None if the link does not exist or is damaged."""
        with contextlib.suppress(IdentityLinkDamaged):
            return self.get(identity)
        return None

    def _is_linked_to(self, identity: str, avatar_id: str) -> bool:
        """Read the link that a note is about. Delete the note if a process ended before it did."""
        with translated(), self._locked(identity):
            try:
                is_linked = self.get(identity) == avatar_id
            except IdentityLinkDamaged:
                return True
            if not is_linked:
                _unlink(self._note(avatar_id, identity))
            return is_linked

    def _note(self, avatar_id: str, identity: str) -> str:
        """Return the path of a note. Only a canonical id has one, so every path is inside the root."""
        if not CANONICAL_ID.fullmatch(avatar_id):
            raise ValueError("not a canonical UUID")
        return f"{self._root}/{avatar_id[:2]}/{avatar_id}.{identity}"

    def _write_note(self, path: str, content: bytes) -> bool:
        """Write a note unless it exists. Return whether it did not."""
        try:
            write_synced([(path, content)])
        except FileExistsError:
            return False
        sync(os.path.dirname(path))
        return True

    def _leave(self, before: str | None, identity: str, *, for_avatar: str = "") -> None:
        """Note that an avatar is about to lose this link, unless the link stays the same.

        A link that an older release wrote has no note, so its avatar may have other links without notes.
        """
        if before is None or before == for_avatar:
            return
        with contextlib.suppress(FileNotFoundError):
            content = read(self._note(before, identity), MAX_LINK_SIZE)
            self._replace(f"{self._root}/{_REPLACED}/{before}.{identity}", content)

    def _forget(self, before: str | None, identity: str, *, for_avatar: str = "") -> None:
        """Delete the note of a link that was replaced."""
        if before is not None and before != for_avatar:
            _unlink(self._note(before, identity))

    def _replace(self, path: str, content: bytes) -> None:
        """Write a file in place of any other. When this returns, it survives a crash."""
        temporary = f"{self._incoming}/{token_hex(8)}"
        try:
            write_synced([(temporary, content)])
            os.rename(temporary, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise
        sync(os.path.dirname(path))

    @contextlib.contextmanager
    def _locked(self, identity: str) -> Iterator[None]:
        """Wait until no other process or thread changes the link. The kernel unlocks it if a process ends."""
        path = f"{self._root}/{_LOCKS}/{os.path.basename(self._path(identity))[:2]}"
        # NFS locks only files that are open for writing.
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            # A file system without locks still has links, and the last change wins.
            with contextlib.suppress(OSError):
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _require_room(self, path: str) -> None:
        """Raise `TooManyIdentityLinks` if the link is new and its folder has its share of the limit."""
        if os.path.lexists(path):
            return
        links = [name for name in os.listdir(os.path.dirname(path)) if name.endswith(".json")]
        if len(links) >= self._max_in_shard:
            raise TooManyIdentityLinks

    def _path(self, identity: str) -> str:
        """Return the path of a link. Only a hash has one, so every path is inside the root."""
        return f"{self._root}/{identity[:2]}/{require_hash(identity)}.json"


def require_hash(identity: str) -> str:
    """Return the text if it is an MD5 or SHA-256. Raises `ValueError`."""
    if not _HASH.fullmatch(identity):
        raise ValueError("not an MD5 or SHA-256 in lower-case digits")
    return identity


def link_content(avatar_id: str) -> bytes:
    """Return the content of a link to this avatar."""
    return json.dumps({"format": _FORMAT, "avatarId": avatar_id}).encode()


def read_link(content: bytes) -> str:
    """Return the avatar's id in the content of a link. Raises `IdentityLinkDamaged`."""
    try:
        link = json.loads(content)
        is_newer = link["format"] > _FORMAT
        avatar_id = stored_id(link["avatarId"])
    except (AttributeError, KeyError, OverflowError, RecursionError, TypeError, ValueError) as error:
        raise IdentityLinkDamaged from error
    if is_newer:
        raise IdentityLinkDamaged from ValueError("a newer release wrote it")
    return avatar_id


def _unlink(path: str) -> None:
    """Delete a file if it exists, so that it stays deleted after a crash."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
        sync(os.path.dirname(path))
