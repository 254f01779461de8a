"""Threads that the end of the process does not wait for.

A call to a file system can hang for good (NFS, EFS, a dying disk). Python waits at its exit for the threads
of a `ThreadPoolExecutor`, so one such call would keep the process alive. The threads here are daemons.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from contextvars import copy_context
from queue import SimpleQueue
from threading import Lock, Thread
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
S = TypeVar("S")
T = TypeVar("T")


class DaemonThreads(Executor):
    """An executor with a fixed number of daemon threads."""

    def __init__(self, count: int, name: str) -> None:
        self._count = count
        self._name = name
        self._queue: SimpleQueue[_Call | None] = SimpleQueue()
        self._threads: list[Thread] = []
        self._lock = Lock()

    def submit(self, call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Run a call in a thread, with the context variables of the caller.

        A future that is cancelled before its turn is skipped.
        """
        future: Future[T] = Future()
        context = copy_context()
        self._queue.put(_Call(future, lambda: context.run(call, *args, **kwargs)))
        if len(self._threads) < self._count:
            self._start_thread()
        return future

    def shutdown(
        self,
        wait: bool = True,  # noqa: FBT001, FBT002 - the signature of the base class
        *,
        cancel_futures: bool = False,
        timeout: float | None = None,
    ) -> None:
        """End the threads after the calls that wait. Waits at most `timeout` seconds for them."""
        del cancel_futures
        with self._lock:
            threads = list(self._threads)
        for _ in threads:
            self._queue.put(None)
        deadline = None if timeout is None else time.monotonic() + timeout
        for thread in threads if wait else ():
            thread.join(None if deadline is None else max(0.0, deadline - time.monotonic()))

    def _start_thread(self) -> None:
        with self._lock:
            if len(self._threads) < self._count:
                name = f"{self._name} {len(self._threads)}"
                self._threads.append(Thread(target=self._run, name=name, daemon=True))
                self._threads[-1].start()

    def _run(self) -> None:
        while call := self._queue.get():
            call.run()
            del call  # An idle thread must not keep the last result alive.


def call_each(call: Callable[[S], T], items: Iterable[S], at_once: int) -> Iterator[T]:
    """Yield the result of a call with each item, in the order of the items. `at_once` calls run at a time."""
    if at_once == 1:
        yield from map(call, items)
        return
    threads = DaemonThreads(at_once, "calling")
    try:
        yield from threads.map(call, items)
    finally:
        threads.shutdown(wait=False)


class _Call:
    def __init__(self, future: Future[Any], call: Callable[[], object]) -> None:
        self._future = future
        self._call = call

    def run(self) -> None:
        if not self._future.set_running_or_notify_cancel():
            return
        try:
            result = self._call()
        except BaseException as error:  # noqa: BLE001 - it is raised where the result is awaited
            self._future.set_exception(error)
        else:
            self._future.set_result(result)
