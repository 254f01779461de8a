"""What was asked for lately, kept in memory as long as there is room."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

OVERHEAD = 160
"""Bytes that a picture takes beside its own: its object, its key's, and a place in the dictionary."""


class Cache(Generic[K, V]):
    """Values by their keys. Those that nobody has asked for the longest go first.

    All of it happens on the event loop, so nothing has to be locked.
    """

    def __init__(self, limit: int, size_of: Callable[[V], int]) -> None:
        """`limit` is in bytes, as `size_of` counts them; at 0 nothing is kept."""
        self.size = 0
        """Bytes that it takes now."""
        self.limit = limit
        self.hits = 0
        """How often a value was there when it was asked for."""
        self._size_of = size_of
        self._kept: OrderedDict[K, V] = OrderedDict()

    def get(self, key: K) -> V | None:
        """The value that is kept under this key."""
        value = self._kept.get(key)
        if value is not None:
            self.hits += 1
            self._kept.move_to_end(key)
        return value

    def put(self, key: K, value: V) -> V:
        """Keep a value, which is returned, and let go of others where there is no more room."""
        size = self._size_of(value)
        if size > self.limit:
            return value
        if (old := self._kept.pop(key, None)) is not None:
            self.size -= self._size_of(old)
        self._kept[key] = value
        self.size += size
        while self.size > self.limit:
            _, gone = self._kept.popitem(last=False)
            self.size -= self._size_of(gone)
        return value


class PictureCache(Cache[bytes, bytes]):
    """Encoded pictures, by what they were made of."""

    def __init__(self, limit: int) -> None:
        """`limit` is in bytes; at 0 nothing is kept."""
        super().__init__(limit, lambda picture: len(picture) + OVERHEAD)
        self._making: dict[bytes, asyncio.Task[bytes]] = {}

    async def get_or_make(self, key: bytes, make: Callable[[], Awaitable[bytes]]) -> bytes:
        """The picture under this key, made if it is not kept.

        However many ask for it at once, it is made once; where that fails, all of them are told.
        """
        picture = self.get(key)
        if picture is not None:
            return picture
        task = self._making.get(key)
        if task is None:
            task = asyncio.create_task(self._make(key, make))
            self._making[key] = task
        # Who was first may leave; the others still wait for it.
        return await asyncio.shield(task)

    async def _make(self, key: bytes, make: Callable[[], Awaitable[bytes]]) -> bytes:
        try:
            return self.put(key, await make())
        finally:
            del self._making[key]
