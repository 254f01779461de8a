"""Caches in memory with a limit in bytes."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from avatar_gen.runtime.shared_pictures import SharedPictures

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

OVERHEAD = 160
"""Bytes that an entry takes beside its picture: two objects and a place in the dictionary."""


class Cache(Generic[K, V]):
    """Values by their keys. If there is no room, the least recently used values are removed.

    A cache is used on the event loop alone, so it needs no lock.
    """

    def __init__(self, limit: int, size_of: Callable[[V], int]) -> None:
        """`limit` is in bytes, as `size_of` counts them. With a limit of 0, nothing is stored."""
        self.size = 0
        """Bytes that the values take now."""
        self.limit = limit
        self.hits = 0
        """How often `get` found a value."""
        self._size_of = size_of
        self._values: OrderedDict[K, V] = OrderedDict()

    def get(self, key: K) -> V | None:
        """Return the value of a key, or None."""
        value = self._values.get(key)
        if value is not None:
            self.hits += 1
            self._values.move_to_end(key)
        return value

    def put(self, key: K, value: V) -> V:
        """Store a value, remove others if there is no room, and return the value."""
        size = self._size_of(value)
        if size > self.limit:
            return value
        if (old := self._values.pop(key, None)) is not None:
            self.size -= self._size_of(old)
        self._values[key] = value
        self.size += size
        while self.size > self.limit:
            _, removed = self._values.popitem(last=False)
            self.size -= self._size_of(removed)
        return value


class PictureCache(Cache[bytes, bytes]):
    """Encoded pictures by what they were made from."""

    def __init__(self, limit: int, others: "SharedPictures | None" = None) -> None:
        """`limit` is in bytes; 0 stores nothing. `others` has the pictures of all processes."""
        super().__init__(limit, lambda picture: len(picture) + OVERHEAD)
        self._making: dict[bytes, asyncio.Task[bytes]] = {}
        self.others = others

    async def get_or_make(
        self, key: bytes, make: Callable[[], Awaitable[bytes]], *, costly: bool = False
    ) -> bytes:
        """Return the picture of a key, and make it if it is not stored.

        Requests for the same key at the same time make it once. If that fails, it fails for all of them. If
        it is `costly`, the picture may come from another process, and is passed on to the others.
        """
        picture = self.get(key)
        if picture is not None:
            return picture
        task = self._making.get(key)
        if task is None:
            task = asyncio.create_task(self._make(key, make, self.others if costly else None))
            self._making[key] = task
        # The first request may be cancelled while others wait for the picture.
        return await asyncio.shield(task)

    async def _make(
        self, key: bytes, make: Callable[[], Awaitable[bytes]], others: "SharedPictures | None"
    ) -> bytes:
        try:
            if others is None:
                return self.put(key, await make())
            picture = await others.get(key)
            if picture is None:
                picture = await make()
                others.put(key, picture)
            return self.put(key, picture)
        finally:
            del self._making[key]
