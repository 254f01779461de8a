"""Where pictures and identity links are stored: the protocols of every implementation.

`tests/objects/test_contract.py` runs against each implementation.
"""

from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol

from avatar_gen.errors import AvatarError

MAX_OBJECT_SIZE = 16_000_000
"""Bytes. Six pictures of an avatar without any compression take 1.4 MB."""

TIMEOUT_SECONDS = 1.9
"""The longest that a request waits for a store. Its client gets a 503 within two seconds then."""

OnError = Callable[[str, AvatarError], None]
"""Receives the name of what cannot be read, and why."""


class Opened(NamedTuple):
    """An object that was opened for reading."""

    stamp: Hashable
    """A value that changes whenever the object changes."""
    data: bytes | None
    """The object, or None if it still has the stamp that the caller knows."""


class Replaced(NamedTuple):
    """An avatar that an identity is no longer linked to."""

    avatar_id: str
    identity: str
    personal: bool
    """Whether the avatar was made for this identity alone."""


class Capacity(NamedTuple):
    """The room of a store. None where the store does not know."""

    free_bytes: int | None
    size_bytes: int | None
    free_inodes: int | None
    inodes: int | None


class ObjectStore(Protocol):
    """Objects by the id of their avatar: a UUID in its canonical, lower-case form.

    Call `open` on the event loop. Every other call blocks. Each raises `StorageUnavailable` when the store
    cannot be reached, and `ValueError` for an id of another form, before it touches anything.
    """

    kind: str
    """The name of the implementation that users see: `local`, `s3`, `gcs` or `azure`."""
    calls_at_once: int
    """How many calls of a long job should be under way at the same time."""

    async def open(self, avatar_id: str, *, known: Hashable = None) -> Opened | None:
        """Return an object, or None if it does not exist.

        `known` is the stamp of the object that the caller has: if it is current, no data is read. Raises
        `ObjectDamaged` for something that cannot be an object.
        """

    def get(self, avatar_id: str) -> bytes | None:
        """Return an object, or None if it does not exist: `open` for callers with a thread of their own.

        A store that is not there, such as a volume that is not mounted, raises `StorageUnavailable`: it is
        not an empty store.
        """

    def put(self, objects: Mapping[str, bytes]) -> None:
        """Store objects by their ids. When this returns, they survive a crash of the machine.

        No reader ever sees a part of an object. If this raises, none of them is stored. Raises `StorageFull`
        if there is no room.
        """

    def removing(self, avatar_id: str) -> AbstractContextManager[bool]:
        """Remove an object; the context's value says whether it exists.

        Inside the context no reader sees the object. If the context ends without an error, the object is
        deleted permanently. If it raises, the object is back.
        """

    def interrupted_removals(self) -> list[str]:
        """Return the ids of objects whose removal ended with its process, inside of `removing`.

        No reader sees these objects. Removals of processes that are alive are not among them.
        """

    def finish_removal(self, avatar_id: str) -> None:
        """Delete permanently what an interrupted removal left behind."""

    def ids(self, on_error: OnError | None = None) -> Iterator[str]:
        """Yield the ids of all objects in ascending order.

        A part of the store that cannot be listed is reported to `on_error` and left out. Without `on_error`
        it raises.
        """

    def size(self, avatar_id: str) -> int:
        """Return the size of an object in bytes, 0 if it does not exist."""

    def sizes(self, on_error: OnError | None = None) -> Iterator[tuple[str, int]]:
        """Yield the ids of all objects as `ids` does, and the size of each in bytes."""

    def check_read(self) -> None:
        """Return if objects can be read, raise otherwise. Asks the store itself, not a cache."""

    def check_write(self) -> Capacity:
        """Return the room that is left if objects can be written durably, raise otherwise."""

    def sweep(self) -> None:
        """Remove what killed processes left half written, except interrupted removals. Never raises."""


class IdentityStore(Protocol):
    """The avatar that each identity is linked to.

    An identity is the MD5 or SHA-256 of an e-mail address, in lower-case digits. Call `find` on the event
    loop; the other calls block. Each raises `StorageUnavailable` when the store cannot be reached, and
    `ValueError` for another text, before it touches anything.
    """

    async def find(self, identity: str) -> str | None:
        """Return the id of the linked avatar, or None. Raises `IdentityLinkDamaged`.

        A store that is not there raises `StorageUnavailable`: it is not an empty store.
        """

    def get(self, identity: str) -> str | None:
        """Return what `find` returns, for callers with a thread of their own."""

    def state(self, identity: str) -> str:
        """Return a text that no earlier state of the link had, as long as avatars are linked only once.

        It is the id of the linked avatar, a random text after a removal, or empty. A removal may be forgotten
        two days after the last call of this method. Raises `IdentityLinkDamaged`.
        """

    def put(
        self,
        identity: str,
        avatar_id: str,
        *,
        expected: str | None = None,
        personal: bool = False,
        check: Callable[[], object] = lambda: None,
    ) -> None:
        """Link an identity to an avatar, in place of any other. When this returns, it survives a crash.

        With `expected`, raises `IdentityLinkChanged` unless the link has this state. `replaced` later returns
        `personal` with the avatar. `is_linked` counts the link before `check` is called. If `check` raises,
        the link is as it was.

        Raises `StorageFull` if there is no room, and `TooManyIdentityLinks` beyond the limit of the store.
        """

    def remove(self, identity: str, *, expected: str | None = None) -> bool:
        """Remove a link permanently. Return whether there was one. `expected` is as in `put`."""

    def is_linked(self, avatar_id: str) -> bool:
        """Return whether any identity is linked to an avatar, by a link that has a note."""

    def replaced(self) -> list[Replaced]:
        """Return the avatars that lost a link and were not settled, even if their process ended since.

        A link without a note, which a release before 1.0.0 wrote, leaves no entry.
        """

    def settle(self, replaced: Replaced) -> None:
        """Delete an entry of `replaced`."""

    def sweep(self) -> None:
        """Delete the traces of old removals. Never raises."""

    def ids(self) -> Iterator[str]:
        """Yield all linked identities."""
