"""Where pictures are kept: one immutable object for each avatar, which is the truth about it."""

from collections.abc import Hashable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Protocol


class ObjectStore(Protocol):
    """Objects by the id of their avatar: a UUID in its canonical, lower-case form.

    Each call blocks. Each raises `StorageUnavailable` when the store cannot be reached, and `ValueError` for
    an id that is not of that form, before it touches anything.
    """

    kind: str
    """What it is, for people: `local`."""

    def put(self, objects: Mapping[str, bytes]) -> None:
        """Keep objects by their ids; they survive a crash of the machine from the moment this returns.

        Nobody ever sees a part of one. Where it raises, none of them is kept. Raises `StorageFull` where
        there is no room.
        """

    def get(self, avatar_id: str) -> bytes | None:
        """The object as it is stored, or None where there is none.

        A store that is not there, such as a volume that is not mounted, is not taken for one without objects.
        """

    def stamp(self, avatar_id: str) -> Hashable:
        """What is another one once the object is, or None where there is none. Costs next to nothing."""

    def removing(self, avatar_id: str) -> AbstractContextManager[bool]:
        """An object's removal; whether there is one to remove.

        Inside, nobody sees the object any more. It is gone for good when that ends well, and back when it
        fails.
        """

    def ids(self) -> Iterator[str]:
        """The ids of all objects, in ascending order."""

    def size(self, avatar_id: str) -> int:
        """Bytes of an object; 0 where there is none."""

    def check(self) -> None:
        """Return when objects can be read and written, raise otherwise."""
