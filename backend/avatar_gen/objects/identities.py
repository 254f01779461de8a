"""The changes of identity links, which are the same in a folder and in an object store.

A hash is the MD5 or the SHA-256 of an e-mail address, in lower-case digits. The e-mail address itself never
reaches this module. A store has these keys:

- a link for each hash.
- a note for each avatar and hash, that this hash may be linked to this avatar. It is written before the link
  and deleted after it, so no hash is linked to an avatar without notes.
- `replaced/<id>.<hash>`: an avatar whose link was replaced or removed, until `settle`.
- `removed/<hash>`: a random text that the removal of a link leaves behind for `REMEMBERED_SECONDS`.

docs/decisions/0019-a-picker-token-signs-the-state-of-a-link.md gives the reasons.
"""

import contextlib
import json
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from secrets import token_hex

from avatar_gen.avatar import CANONICAL_ID, stored_id
from avatar_gen.errors import IdentityLinkChanged, IdentityLinkDamaged
from avatar_gen.objects import Replaced

HASH = re.compile(r"[0-9a-f]{32}|[0-9a-f]{64}")
AVATAR_AND_HASH = re.compile(rf"({CANONICAL_ID.pattern})\.({HASH.pattern})")
MAX_LINK_SIZE = 4096

REPLACED, REMOVED = "replaced", "removed"

REMEMBERED_SECONDS = 2 * 86_400
"""How long a removal is remembered after the last call of `state`: longer than any picker link is valid."""

_FORMAT = 1
_PERSONAL = b"personal"


class IdentityLinks(ABC):
    """What every `IdentityStore` does alike. A subclass reads and writes its keys, and locks its links."""

    def get(self, identity: str) -> str | None:
        content = self._read(self._link_key(identity))
        return None if content is None else read_link(content)

    def state(self, identity: str) -> str:
        with self._locked(identity):
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
        link, note = self._link_key(identity), self._note_key(avatar_id, identity)
        with self._locked(identity):
            self._require_state(identity, expected)
            self._require_room(link)
            before = self._linked_avatar(identity)
            is_new = self._create(note, _PERSONAL if personal else b"")
            try:
                check()
                self._leave(before, identity, for_avatar=avatar_id)
                self._write(link, link_content(avatar_id))
            except BaseException:
                if is_new:
                    self._delete(note)
                raise
            self._forget(before, identity, for_avatar=avatar_id)

    def remove(self, identity: str, *, expected: str | None = None) -> bool:
        link = self._link_key(identity)
        with self._locked(identity):
            self._require_state(identity, expected)
            if not self._exists(link):
                return False
            before = self._linked_avatar(identity)
            self._leave(before, identity)
            self._write(f"{REMOVED}/{identity}", token_hex(16).encode())
            self._delete(link)
            self._forget(before, identity)
        return True

    def is_linked(self, avatar_id: str) -> bool:
        return any(self._is_linked_to(identity, avatar_id) for identity in self._noted(avatar_id))

    def replaced(self) -> list[Replaced]:
        found = []
        for match in filter(None, map(AVATAR_AND_HASH.fullmatch, self._replaced_names())):
            content = self._read(f"{REPLACED}/{match[0]}")
            if content is not None:
                found.append(Replaced(match[1], match[2], personal=content == _PERSONAL))
        return found

    def settle(self, replaced: Replaced) -> None:
        self._delete(f"{REPLACED}/{replaced.avatar_id}.{replaced.identity}")

    def _state(self, identity: str) -> str:
        return self.get(identity) or self._removed(f"{REMOVED}/{identity}").decode("ascii", "replace")

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
        with self._locked(identity):
            try:
                is_linked = self.get(identity) == avatar_id
            except IdentityLinkDamaged:
                return True
            if not is_linked:
                self._delete(self._note_key(avatar_id, identity))
            return is_linked

    def _leave(self, before: str | None, identity: str, *, for_avatar: str = "") -> None:
        """Note that an avatar is about to lose this link, unless the link stays the same.

        A link written before 1.0.0 has no note, so its avatar may have other links without notes.
        """
        if before is None or before == for_avatar:
            return
        content = self._read(self._note_key(before, identity))
        if content is not None:
            self._write(f"{REPLACED}/{before}.{identity}", content)

    def _forget(self, before: str | None, identity: str, *, for_avatar: str = "") -> None:
        """Delete the note of a link that was replaced."""
        if before is not None and before != for_avatar:
            self._delete(self._note_key(before, identity))

    @abstractmethod
    def _locked(self, identity: str) -> contextlib.AbstractContextManager[object]:
        """Wait until no other process or thread changes the link."""

    @abstractmethod
    def _link_key(self, identity: str) -> str:
        """Return the key of a link. Raises `ValueError` for a text that is no hash."""

    @abstractmethod
    def _note_key(self, avatar_id: str, identity: str) -> str:
        """Return the key of a note. Raises `ValueError` for an id that is not canonical."""

    @abstractmethod
    def _noted(self, avatar_id: str) -> Iterable[str]:
        """Return the hashes in the notes of an avatar."""

    @abstractmethod
    def _replaced_names(self) -> Iterable[str]:
        """Return the names in the folder of replaced links."""

    @abstractmethod
    def _read(self, key: str) -> bytes | None:
        """Return a content, or None. Raises `IdentityLinkDamaged` if no release can have written it."""

    @abstractmethod
    def _exists(self, key: str) -> bool: ...

    @abstractmethod
    def _create(self, key: str, content: bytes) -> bool:
        """Write a content unless there is one. Return whether there was none."""

    @abstractmethod
    def _write(self, key: str, content: bytes) -> None:
        """Write a content in place of any other. When this returns, it survives a crash."""

    @abstractmethod
    def _delete(self, key: str) -> None:
        """Delete a content if there is one, so that it stays deleted after a crash."""

    @abstractmethod
    def _removed(self, key: str) -> bytes:
        """Return what a removal left behind, or nothing. The time for which it is remembered begins again."""

    @abstractmethod
    def _require_room(self, link: str) -> None:
        """Raise `TooManyIdentityLinks` if a link is new and the store has a limit that is reached."""


def require_hash(identity: str) -> str:
    """Return the text if it is an MD5 or SHA-256. Raises `ValueError`."""
    if not HASH.fullmatch(identity):
        raise ValueError("not an MD5 or SHA-256 in lower-case digits")
    return identity


def require_canonical(avatar_id: str) -> str:
    """Return the id if it is a canonical UUID. Raises `ValueError`."""
    if not CANONICAL_ID.fullmatch(avatar_id):
        raise ValueError("not a canonical UUID")
    return avatar_id


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
