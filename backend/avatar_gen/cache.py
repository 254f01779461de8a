"""Encoded pictures that were asked for, kept in memory as long as there is room."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable

OVERHEAD = 160
"""Bytes that a picture takes beside its own: its object, its key's, and a place in the dictionary."""


class PictureCache:
    """Pictures by what they were made of. Those that nobody has asked for the longest go first.

    All of it happens on the event loop, so nothing has to be locked.
    """

    def __init__(self, limit: int) -> None:
        """`limit` is in bytes; at 0 nothing is kept."""
        self.size = 0
        """Bytes that it takes now."""
        self._limit = limit
        self._kept: OrderedDict[bytes, bytes] = OrderedDict()
        self._making: dict[bytes, asyncio.Task[bytes]] = {}

    def get(self, key: bytes) -> bytes | None:
        """The picture that is kept under this key."""
        picture = self._kept.get(key)
        if picture is not None:
            self._kept.move_to_end(key)
        return picture

    def put(self, key: bytes, picture: bytes) -> None:
        """Keep a picture, and let go of others where there is no more room."""
        if key in self._kept or len(picture) + OVERHEAD > self._limit:
            return
        self._kept[key] = picture
        self.size += len(picture) + OVERHEAD
        while self.size > self._limit:
            _, gone = self._kept.popitem(last=False)
            self.size -= len(gone) + OVERHEAD

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
            picture = await make()
            self.put(key, picture)
            return picture
        finally:
            del self._making[key]
