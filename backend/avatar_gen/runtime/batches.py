"""Work that is cheaper together: some at a time, or by one thread that takes all that waits."""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from queue import SimpleQueue
from threading import Thread
from typing import Generic, TypeVar

from avatar_gen.errors import Overloaded

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Waiting(Generic[T]):
    item: T
    done: asyncio.Future[None]


class Batches(Generic[T]):
    """A thread that hands over whatever has arrived while it was busy with what came before.

    Alone, an item is worked on at once; under load many share one round of waking threads, syncing disks and
    committing. `work` does all of a batch or none of it: what it raises is raised for each of them.
    """

    def __init__(self, name: str, work: Callable[[Sequence[T]], None], *, most: int, at_once: int) -> None:
        self._work = work
        self.limit = most
        self.refused = 0
        """Items that were one too many, so far."""
        self._at_once = at_once
        self._queue: SimpleQueue[_Waiting[T] | None] = SimpleQueue()
        self._thread = Thread(target=self._run, name=name)
        self._thread.start()

    @property
    def taken(self) -> int:
        """Items that wait."""
        return self._queue.qsize()

    async def add(self, item: T) -> None:
        """Return when the item's batch is done. Raises `Overloaded` when too many wait already."""
        if self.taken >= self.limit:
            self.refused += 1
            raise Overloaded("More avatars are asked for than can be kept; try again in a second.")
        waiting = _Waiting(item, asyncio.get_running_loop().create_future())
        self._queue.put(waiting)
        await waiting.done

    def close(self) -> None:
        """Do what is waiting, then end."""
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        ending = False
        while not ending:
            arrived = [self._queue.get()]
            while not self._queue.empty() and len(arrived) < self._at_once:
                arrived.append(self._queue.get())
            ending = None in arrived
            # Who was told that the service is stopping waits no more, and must get nothing.
            if batch := [waiting for waiting in arrived if waiting and not waiting.done.cancelled()]:
                self._do(batch)

    def _do(self, batch: list[_Waiting[T]]) -> None:
        error: Exception | None = None
        try:
            self._work([waiting.item for waiting in batch])
        except Exception as caught:  # noqa: BLE001 - it is raised again where each item was added
            error = caught
        batch[0].done.get_loop().call_soon_threadsafe(_settle, batch, error)


def _settle(batch: list[_Waiting[T]], error: Exception | None) -> None:
    for waiting in batch:
        if waiting.done.cancelled():
            continue
        if error:
            waiting.done.set_exception(error)
        else:
            waiting.done.set_result(None)


def batches(items: Iterable[T], most: int) -> Iterator[list[T]]:
    """The items by so many at a time."""
    iterator = iter(items)
    while batch := list(islice(iterator, most)):
        yield batch
