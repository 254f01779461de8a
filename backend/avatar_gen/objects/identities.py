"""Which avatar belongs to which e-mail address: one small file for each tie, beside the objects.

`<root>/identities/<first two digits>/<hash>.json`. A hash is the MD5 or the SHA-256 of an address, in
lower-case digits; the address itself is never known here.
"""

import contextlib
import json
import os
import re
from pathlib import Path
from secrets import token_hex
from uuid import UUID

from avatar_gen.errors import IdentityLinkDamaged
from avatar_gen.objects.files import read, sync, translated, write_synced
from avatar_gen.objects.local import INCOMING, SHARDS

_FOLDER = "identities"
_FORMAT = 1
_HASH = re.compile(r"[0-9a-f]{32}|[0-9a-f]{64}")


class LocalIdentityStore:
    """Ties in the folder of a `LocalStore` that is open, which several processes may share.

    Each call blocks, and raises `StorageUnavailable` when the folder cannot be reached, and `ValueError` for
    what is no hash before it touches anything.
    """

    def __init__(self, root: Path) -> None:
        self._root = root.absolute() / _FOLDER
        self._incoming = root.absolute() / INCOMING

    def open(self) -> None:
        """Make the folders that are missing."""
        with translated():
            for shard in SHARDS:
                (self._root / shard).mkdir(parents=True, exist_ok=True)
            sync(self._root, self._root.parent)

    def put(self, identity: str, avatar_id: str) -> None:
        """Tie a hash to an avatar, whatever it was tied to; it survives a crash once this returns.

        Raises `StorageFull` where there is no room.
        """
        path = self._path(identity)
        temporary = f"{self._incoming}/{token_hex(8)}"
        content = json.dumps({"format": _FORMAT, "avatarId": avatar_id}).encode()
        with translated():
            try:
                write_synced([(temporary, content)])
                os.rename(temporary, path)
            except BaseException:
                with contextlib.suppress(OSError):
                    os.unlink(temporary)
                raise
            sync(os.path.dirname(path))

    def get(self, identity: str) -> str | None:
        """The id of the avatar that a hash is tied to. Raises `IdentityLinkDamaged`.

        A folder that is not there, such as a volume that is not mounted, is not taken for one without ties.
        """
        with translated():
            try:
                content = read(self._path(identity))
            except FileNotFoundError:
                os.stat(self._incoming)
                return None
        try:
            tie = json.loads(content)
            is_newer = tie["format"] > _FORMAT
            avatar_id = str(UUID(tie["avatarId"]))
        except (AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
            raise IdentityLinkDamaged from error
        if is_newer:
            raise IdentityLinkDamaged from ValueError("it is of a newer release than this one")
        return avatar_id

    def remove(self, identity: str) -> bool:
        """Untie a hash for good; whether it was tied."""
        path = self._path(identity)
        with translated():
            try:
                os.unlink(path)
            except FileNotFoundError:
                os.stat(self._incoming)
                return False
            sync(os.path.dirname(path))
        return True

    def _path(self, identity: str) -> str:
        """Where a tie lies; nothing but a hash, so nothing outside of the root, has a path."""
        if not _HASH.fullmatch(identity):
            raise ValueError("not an MD5 or SHA-256 in lower-case digits")
        return f"{self._root}/{identity[:2]}/{identity}.json"
