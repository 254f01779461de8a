"""Identity links in an object store. `objects.identities` describes what each key is for.

<prefix>/identities/<hash>.json     a link
<prefix>/notes/<id>/<hash>          a note
<prefix>/replaced/<id>.<hash>       an avatar whose link was replaced or removed
<prefix>/removed/<hash>             what the removal of a link leaves behind
<prefix>/linking/<hash>             a lease: some process is changing this link
"""

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime

from obstore.exceptions import AlreadyExistsError

from avatar_gen.errors import AvatarError, IdentityLinkDamaged
from avatar_gen.objects.bucket import Bucket
from avatar_gen.objects.identities import (
    MAX_LINK_SIZE,
    REMEMBERED_SECONDS,
    REMOVED,
    REPLACED,
    IdentityLinks,
    read_link,
    require_canonical,
    require_hash,
)
from avatar_gen.objects.leases import Leases


class CloudIdentityStore(IdentityLinks):
    """An `IdentityStore` in an object store. It has no limit: a bucket does not run out of inodes."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        self._leases = Leases(bucket, "linking")

    async def find(self, identity: str) -> str | None:
        key = self._link_key(identity)
        try:
            _, content = await self._bucket.read(key, MAX_LINK_SIZE)
        except FileNotFoundError:
            return None
        except ValueError as error:
            raise IdentityLinkDamaged from error
        return read_link(content)

    def sweep(self) -> None:
        with contextlib.suppress(AvatarError):
            for name, _, modified in self._bucket.list(REMOVED):
                if _age(modified) > REMEMBERED_SECONDS:
                    self._bucket.delete(f"{REMOVED}/{name}")

    def ids(self) -> Iterator[str]:
        for name, *_ in self._bucket.list("identities"):
            with contextlib.suppress(ValueError):
                yield require_hash(name.removesuffix(".json"))

    def _locked(self, identity: str) -> contextlib.AbstractContextManager[object]:
        return self._leases.hold(require_hash(identity))

    def _link_key(self, identity: str) -> str:
        return f"identities/{require_hash(identity)}.json"

    def _note_key(self, avatar_id: str, identity: str) -> str:
        return f"notes/{require_canonical(avatar_id)}/{identity}"

    def _noted(self, avatar_id: str) -> list[str]:
        return [name for name, *_ in self._bucket.list(f"notes/{require_canonical(avatar_id)}")]

    def _replaced_names(self) -> Iterator[str]:
        return (name for name, *_ in self._bucket.list(REPLACED))

    def _read(self, key: str) -> bytes | None:
        try:
            return self._bucket.get(key, MAX_LINK_SIZE)
        except ValueError as error:
            raise IdentityLinkDamaged from error

    def _exists(self, key: str) -> bool:
        return self._bucket.size(key) is not None

    def _create(self, key: str, content: bytes) -> bool:
        try:
            self._bucket.put(key, content, create=True)
        except AlreadyExistsError:
            return False
        return True

    def _write(self, key: str, content: bytes) -> None:
        self._bucket.put(key, content)

    def _delete(self, key: str) -> None:
        self._bucket.delete(key)

    def _removed(self, key: str) -> bytes:
        found = self._bucket.get_with_time(key, MAX_LINK_SIZE)
        if found is None:
            return b""
        content, modified = found
        if _age(modified) > REMEMBERED_SECONDS / 48:
            # Writing it again extends the time for which it is remembered. Once an hour is enough.
            self._bucket.put(key, content)
        return content

    def _require_room(self, link: str) -> None: ...


def _age(modified: datetime) -> float:
    return (datetime.now(UTC) - modified).total_seconds()
