"""Identity links as files: `<root>/identities/<first two digits>/<hash>.json`, beside the objects.

A hash is the MD5 or the SHA-256 of an e-mail address, in lower-case digits. The e-mail address itself never
reaches this module.
"""

import contextlib
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from secrets import token_hex
from uuid import UUID

from avatar_gen.errors import IdentityLinkDamaged, TooManyIdentityLinks
from avatar_gen.objects.files import OddFile, read, read_cached, sync, translated, write_synced
from avatar_gen.objects.local import INCOMING, SHARDS, unusable
from avatar_gen.objects.mounts import Reader, is_local

IDENTITIES = "identities"
MAX_LINKS = 1_048_576
"""Links in one store. A link takes an inode, and a client that may write could use up all of them."""

_FORMAT = 1
_HASH = re.compile(r"[0-9a-f]{32}|[0-9a-f]{64}")
_MAX_FILE_SIZE = 4096


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
            for shard in SHARDS:
                (self._root / shard).mkdir(parents=True, exist_ok=True)
            sync(self._root, self._root.parent)
        if self._threaded is None:
            self._reads_cached = is_local(self._root)

    def unusable_folders(self) -> list[str]:
        """Return the folders that exist and that this user cannot read and write."""
        return unusable(self._root, *SHARDS)

    async def find(self, identity: str) -> str | None:
        path = self._path(identity)
        if self._reads_cached:
            try:
                return _read_link(read_cached(path, _MAX_FILE_SIZE)[1])
            except (OddFile, OSError):
                # It is missing, or not in the kernel's memory. A thread finds out.
                pass
        return await self._reader.run(self.get, identity)

    def get(self, identity: str) -> str | None:
        """Return what `find` returns, for callers that have their own thread."""
        with translated():
            try:
                content = read(self._path(identity), _MAX_FILE_SIZE)
            except FileNotFoundError:
                os.stat(self._incoming)
                return None
            except OddFile as error:
                raise IdentityLinkDamaged from error
        return _read_link(content)

    def put(self, identity: str, avatar_id: str) -> None:
        path = self._path(identity)
        temporary = f"{self._incoming}/{token_hex(8)}"
        content = json.dumps({"format": _FORMAT, "avatarId": avatar_id}).encode()
        with translated():
            self._require_room(path)
            try:
                write_synced([(temporary, content)])
                os.rename(temporary, path)
            except BaseException:
                with contextlib.suppress(OSError):
                    os.unlink(temporary)
                raise
            sync(os.path.dirname(path))

    def remove(self, identity: str) -> bool:
        path = self._path(identity)
        with translated():
            try:
                os.unlink(path)
            except FileNotFoundError:
                os.stat(self._incoming)
                return False
            sync(os.path.dirname(path))
        return True

    def ids(self) -> Iterator[str]:
        """Yield all linked identities in ascending order of their first two digits."""
        with translated():
            for shard in SHARDS:
                try:
                    names = sorted(os.listdir(self._root / shard))
                except FileNotFoundError:
                    continue
                yield from filter(_HASH.fullmatch, (name.removesuffix(".json") for name in names))

    def _require_room(self, path: str) -> None:
        """Raise `TooManyIdentityLinks` if the link is new and its folder has its share of the limit."""
        if not os.path.lexists(path) and len(os.listdir(os.path.dirname(path))) >= self._max_in_shard:
            raise TooManyIdentityLinks

    def _path(self, identity: str) -> str:
        """Return the path of a link. Only a hash has one, so every path is inside the root."""
        if not _HASH.fullmatch(identity):
            raise ValueError("not an MD5 or SHA-256 in lower-case digits")
        return f"{self._root}/{identity[:2]}/{identity}.json"


def _read_link(content: bytes) -> str:
    """Return the avatar's id in the content of a link. Raises `IdentityLinkDamaged`."""
    try:
        link = json.loads(content)
        is_newer = link["format"] > _FORMAT
        avatar_id = str(UUID(link["avatarId"]))
    except (AttributeError, KeyError, OverflowError, RecursionError, TypeError, ValueError) as error:
        raise IdentityLinkDamaged from error
    if is_newer:
        raise IdentityLinkDamaged from ValueError("a newer release wrote it")
    return avatar_id
