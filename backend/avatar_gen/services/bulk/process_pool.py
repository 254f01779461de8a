"""Processes that draw: as many as there are processors, and no more work handed out than they need."""

import multiprocessing
import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import chain, islice
from multiprocessing.connection import wait
from threading import Thread
from typing import TypeVar

from avatar_gen.errors import StartupError

T = TypeVar("T")
R = TypeVar("R")


def processors() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def share(work: Callable[[T], R], items: Iterable[T], *, jobs: int) -> Iterator[R]:
    """What `work` makes of each item, in their order, by so many processes; here where there is but one item.

    At most three items a process are taken ahead. Raises `StartupError` where a process is ended by others.
    """
    remaining = iter(items)
    first = list(islice(remaining, 2))
    if jobs == 1 or len(first) < 2:
        yield from map(work, chain(first, remaining))
        return
    # Not forked: libvips has threads and locks that a fork would copy in any state.
    context = multiprocessing.get_context("spawn")
    waiting: deque[Future[R]] = deque()
    pool = ProcessPoolExecutor(jobs, mp_context=context, initializer=_begin)
    try:
        for item in chain(first, remaining):
            waiting.append(pool.submit(work, item))
            if len(waiting) == 3 * jobs:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    except BrokenProcessPool as error:
        raise StartupError(
            "A process that draws was ended from outside, perhaps for want of memory; with --jobs 1 it takes"
            " least. Run it again to go on."
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _begin() -> None:
    """Leave it to the parent what an interrupt means, and end with it, however it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent  # noqa: S101 - this runs in a child
    wait([parent.sentinel])
    os._exit(1)
