"""Batches: items that one thread handles together, and items of a sequence in groups."""

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
    """A thread that handles, as one batch, all items that arrived while it handled the batch before.

    A single item is handled at once. Under load, many items share the cost of waking a thread, syncing a disk
    and committing. `work` returns the error of each item, or None. An error that it raises is each item's.
    """

    def __init__(
        self,
        name: str,
        work: Callable[[Sequence[T]], Sequence[Exception | None]],
        *,
        max_waiting: int,
        max_batch: int,
    ) -> None:
        self._work = work
        self.limit = max_waiting
        self.refused = 0
        """Items that were refused so far, because too many waited."""
        self._max_batch = max_batch
        self._queue: SimpleQueue[_Waiting[T] | None] = SimpleQueue()
        # A daemon: the exit of the process does not wait for a disk that hangs.
        self._thread = Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    @property
    def taken(self) -> int:
        """The number of items that wait."""
        return self._queue.qsize()

    async def add(self, item: T) -> None:
        """Return when the item's batch is done. Raises `Overloaded` if too many items wait."""
        if self.taken >= self.limit:
            self.refused += 1
            raise Overloaded("Too many new avatars are waiting. Try again in a second.")
        waiting = _Waiting(item, asyncio.get_running_loop().create_future())
        self._queue.put(waiting)
        await waiting.done

    def close(self, timeout: float | None = None) -> None:
        """Handle the items that wait, then end the thread. Wait for that at most `timeout` seconds."""
        self._queue.put(None)
        self._thread.join(timeout)

    def _run(self) -> None:
        ending = False
        while not ending:
            arrived = [self._queue.get()]
            while not self._queue.empty() and len(arrived) < self._max_batch:
                arrived.append(self._queue.get())
            ending = None in arrived
            # A cancelled request has been answered already, so its item must have no effect.
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


def batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield the items in lists of at most `size`."""
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch


def difference(ids: Iterable[str], others: Iterable[str]) -> Iterator[str]:
    """Yield the ids that are not among the others. Both are in ascending order, and may be long."""
    rest = iter(others)
    other = next(rest, None)
    for each in ids:
        while other is not None and other < each:
            other = next(rest, None)
        if other != each:
            yield each
