"""Processes that draw, and a bound on the work that is given to them ahead of time."""

import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent import futures
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import chain, islice
from multiprocessing.connection import wait
from threading import Thread
from typing import TypeVar

from avatar_gen.errors import StartupError
from avatar_gen.runtime.interrupts import Interrupted, check_interrupted

T = TypeVar("T")
R = TypeVar("R")

_CHECK_SECONDS = 0.1
"""Time between two checks for a signal while a result is awaited."""


def share(  # noqa: PLR0913
    work: Callable[[T], R],
    items: Iterable[T],
    *,
    jobs: int,
    prepare: Callable[[], object],
    read_ahead: int | None = None,
    check: Callable[[], None] = check_interrupted,
) -> Iterator[R]:
    """Yield the result of `work` for each item, in order, computed by `jobs` processes.

    `prepare` is called first in each new process, because changes to the modules of this process are not in
    the new one. This process works on a single item, or on all with `jobs=1`. Three items for each process
    are read ahead. With `read_ahead`, this process works on no item, and at most that many are read ahead.
    Raises `StartupError` if a process dies, and `Interrupted` once `check` does, which is called while a
    result is awaited: the processes are then killed.
    """
    remaining = iter(items)
    first = list(islice(remaining, 2)) if read_ahead is None else []
    if read_ahead is None and (jobs == 1 or len(first) < 2):
        yield from map(work, chain(first, remaining))
        return
    # Not forked: libvips has threads and locks that a fork would copy in any state.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(jobs, mp_context=context, initializer=_begin, initargs=(prepare,))
    try:
        yield from _results(pool, work, chain(first, remaining), read_ahead or 3 * jobs, check)
    except BrokenProcessPool as error:
        # A signal to the whole group has also ended the processes.
        check_interrupted()
        raise StartupError(
            "A drawing process was killed, possibly for lack of memory."
            " Run the command again to continue. --jobs 1 needs the least memory."
        ) from error
    except Interrupted:
        for process in multiprocessing.active_children():
            process.kill()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _results(
    pool: ProcessPoolExecutor,
    work: Callable[[T], R],
    items: Iterable[T],
    at_once: int,
    check: Callable[[], None],
) -> Iterator[R]:
    waiting: deque[Future[R]] = deque()
    for item in items:
        waiting.append(_submit(pool, work, item))
        if len(waiting) == at_once:
            yield _result(waiting.popleft(), check)
    while waiting:
        yield _result(waiting.popleft(), check)


def _submit(pool: ProcessPoolExecutor, work: Callable[[T], R], item: T) -> Future[R]:
    """Submit an item. A process that this starts inherits the mask: Ctrl-C is for the parent alone."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        return pool.submit(work, item)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _result(future: Future[R], check: Callable[[], None]) -> R:
    while not future.done():
        check()
        futures.wait([future], timeout=_CHECK_SECONDS)
    return future.result()


def _begin(prepare: Callable[[], object]) -> None:
    """Make this process end when its parent does, and prepare it."""
    prepare()
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent  # noqa: S101 - this runs in a child
    wait([parent.sentinel])
    os._exit(1)
