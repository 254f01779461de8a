"""Work that is cheaper together: some at a time, or by one thread that takes all that waits."""

import asyncio
import contextlib
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
    committing. `work` returns the error of each item, or None. An error that it raises is that of all items.
    """

    def __init__(
        self, name: str, work: Callable[[Sequence[T]], Sequence[Exception | None]], *, most: int, at_once: int
    ) -> None:
        self._work = work
        self.limit = most
        self.refused = 0
        """Items that were one too many, so far."""
        self._at_once = at_once
        self._queue: SimpleQueue[_Waiting[T] | None] = SimpleQueue()
        # A daemon: the exit of the process does not wait for a disk that hangs.
        self._thread = Thread(target=self._run, name=name, daemon=True)
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

    def close(self, timeout: float | None = None) -> None:
        """Work on what waits, then end. Wait for that at most `timeout` seconds."""
        self._queue.put(None)
        self._thread.join(timeout)

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
        try:
            errors = self._work([waiting.item for waiting in batch])
        except Exception as error:  # noqa: BLE001 - it is raised again where each item was added
            errors = [error] * len(batch)
        # After a close that gave up waiting, the event loop may be closed.
        with contextlib.suppress(RuntimeError):
            batch[0].done.get_loop().call_soon_threadsafe(_settle, batch, errors)


def _settle(batch: list[_Waiting[T]], errors: Sequence[Exception | None]) -> None:
    for waiting, error in zip(batch, errors, strict=True):
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
