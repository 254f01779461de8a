"""Identity links in an object store. `objects.identities` describes what each key is for.

<prefix>/identities/<hash>.json     a link
<prefix>/notes/<id>/<hash>          a note that this hash may be linked to this avatar
<prefix>/replaced/<id>.<hash>       an avatar whose link was replaced or removed, until `settle`
<prefix>/removed/<hash>             what the removal of a link leaves behind
<prefix>/linking/<hash>             a lease: some process is changing this link
"""

import contextlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from secrets import token_hex

from obstore.exceptions import AlreadyExistsError

from avatar_gen.avatar import CANONICAL_ID
from avatar_gen.errors import AvatarError, IdentityLinkChanged, IdentityLinkDamaged
from avatar_gen.objects import Replaced
from avatar_gen.objects.bucket import Bucket
from avatar_gen.objects.identities import (
    MAX_LINK_SIZE,
    NOTE,
    PERSONAL,
    REMEMBERED_SECONDS,
    link_content,
    read_link,
    require_hash,
)
from avatar_gen.objects.leases import Leases


class CloudIdentityStore:
    """An `IdentityStore` in an object store. It has no limit: a bucket does not run out of inodes."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        self._leases = Leases(bucket, "linking")

    async def find(self, identity: str) -> str | None:
        key = _link_key(identity)
        try:
            _, content = await self._bucket.read(key, MAX_LINK_SIZE)
        except FileNotFoundError:
            return None
        except ValueError as error:
            raise IdentityLinkDamaged from error
        return read_link(content)

    def get(self, identity: str) -> str | None:
        key = _link_key(identity)
        try:
            content = self._bucket.get(key, MAX_LINK_SIZE)
        except ValueError as error:
            raise IdentityLinkDamaged from error
        return None if content is None else read_link(content)

    def state(self, identity: str) -> str:
        with self._leases.hold(require_hash(identity)):
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
        key, note = _link_key(identity), _note_key(avatar_id, identity)
        with self._leases.hold(identity):
            self._require_state(identity, expected)
            before = self._linked_avatar(identity)
            is_new = self._write_note(note, PERSONAL if personal else b"")
            try:
                check()
                self._leave(before, identity, for_avatar=avatar_id)
                self._bucket.put(key, link_content(avatar_id))
            except BaseException:
                if is_new:
                    self._bucket.delete(note)
                raise
            self._forget(before, identity, for_avatar=avatar_id)

    def remove(self, identity: str, *, expected: str | None = None) -> bool:
        key = _link_key(identity)
        with self._leases.hold(identity):
            self._require_state(identity, expected)
            if self._bucket.size(key) is None:
                return False
            before = self._linked_avatar(identity)
            self._leave(before, identity)
            self._bucket.put(f"removed/{identity}", token_hex(16).encode())
            self._bucket.delete(key)
            self._forget(before, identity)
        return True

    def is_linked(self, avatar_id: str) -> bool:
        identities = [name for name, *_ in self._bucket.list(f"notes/{avatar_id}")]
        return any(self._is_linked_to(identity, avatar_id) for identity in identities)

    def replaced(self) -> list[Replaced]:
        found = []
        for name, *_ in self._bucket.list("replaced"):
            content = self._bucket.get(f"replaced/{name}", MAX_LINK_SIZE)
            if (match := NOTE.fullmatch(name)) and content is not None:
                found.append(Replaced(match[1], match[2], personal=content == PERSONAL))
        return found

    def settle(self, replaced: Replaced) -> None:
        self._bucket.delete(f"replaced/{replaced.avatar_id}.{replaced.identity}")

    def sweep(self) -> None:
        with contextlib.suppress(AvatarError):
            for name, _, modified in self._bucket.list("removed"):
                if _age(modified) > REMEMBERED_SECONDS:
                    self._bucket.delete(f"removed/{name}")

    def ids(self) -> Iterator[str]:
        for name, *_ in self._bucket.list("identities"):
            with contextlib.suppress(ValueError):
                yield require_hash(name.removesuffix(".json"))

    def _state(self, identity: str) -> str:
        if linked := self.get(identity):
            return linked
        key = f"removed/{identity}"
        found = self._bucket.get_with_time(key, MAX_LINK_SIZE)
        if found is None:
            return ""
        content, modified = found
        if _age(modified) > REMEMBERED_SECONDS / 48:
            # Writing it again extends the time for which it is remembered. Once an hour is enough.
            self._bucket.put(key, content)
        return content.decode("ascii", "replace")

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
        with self._leases.hold(identity):
            try:
                is_linked = self.get(identity) == avatar_id
            except IdentityLinkDamaged:
                return True
            if not is_linked:
                self._bucket.delete(_note_key(avatar_id, identity))
            return is_linked

    def _write_note(self, key: str, content: bytes) -> bool:
        """Write a note unless it exists. Return whether it did not."""
        try:
            self._bucket.put(key, content, create=True)
        except AlreadyExistsError:
            return False
        return True

    def _leave(self, before: str | None, identity: str, *, for_avatar: str = "") -> None:
        """Note that an avatar is about to lose this link, unless the link stays the same."""
        if before is None or before == for_avatar:
            return
        content = self._bucket.get(_note_key(before, identity), MAX_LINK_SIZE)
        if content is not None:
            self._bucket.put(f"replaced/{before}.{identity}", content)

    def _forget(self, before: str | None, identity: str, *, for_avatar: str = "") -> None:
        """Delete the note of a link that was replaced."""
        if before is not None and before != for_avatar:
            self._bucket.delete(_note_key(before, identity))


def _link_key(identity: str) -> str:
    return f"identities/{require_hash(identity)}.json"


def _note_key(avatar_id: str, identity: str) -> str:
    if not CANONICAL_ID.fullmatch(avatar_id):
        raise ValueError("not a canonical UUID")
    return f"notes/{avatar_id}/{identity}"


def _age(modified: datetime) -> float:
    return (datetime.now(UTC) - modified).total_seconds()
