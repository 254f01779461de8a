"""Jobs without a broker: this process stores what processes beside it draw."""

import logging
import os
from collections.abc import Callable, Iterator
from functools import partial
from random import uniform
from threading import Event, Lock, Thread

from avatar_gen.database.job_records import Chunk  # noqa: TC001 - a block for one import is longer
from avatar_gen.errors import AvatarError, StartupError
from avatar_gen.runtime.interrupts import Interrupted
from avatar_gen.services.bulk.process_pool import share
from avatar_gen.services.jobs.chunk_work import ChunkWork, DrawTask, draw, needs_care

log = logging.getLogger(__name__)

_NICE = 10
"""The priority of drawing processes: requests come first."""

_MAX_PAUSE_SECONDS = 30.0
"""The longest time between two attempts while the storage or the database is down."""

_CLOSE_SECONDS = 5.0


class LocalRunner:
    """Works on the jobs of the database while there are any.

    Nothing runs until `wake`. Then a thread claims chunks, lets processes draw them, and stores the result.
    It stores in this process, because SQLite has one writer. Several runners may share a database.
    """

    def __init__(
        self, work: ChunkWork, licences: frozenset[str], *, processes: int, prepare: Callable[[], object]
    ) -> None:
        """`prepare` is called first in each new process."""
        self._work = work
        self._draw = partial(draw, licences)
        self._processes = processes
        self._prepare = partial(_begin, prepare)
        self._lock = Lock()
        self._thread: Thread | None = None
        self._closing = Event()
        self._claimed: dict[tuple[str, int], Chunk] = {}
        self._careful: Chunk | None = None

    def wake(self) -> None:
        """Begin to work, unless this runs already."""
        with self._lock:
            if self._thread is None and not self._closing.is_set():
                self._thread = Thread(target=self._run, name="jobs", daemon=True)
                self._thread.start()

    def close(self) -> None:
        """Stop after the chunk that is being stored. Those that are being drawn are given back."""
        self._closing.set()
        if thread := self._thread:
            thread.join(_CLOSE_SECONDS)

    def _run(self) -> None:
        failures = 0
        while not self._ends():
            try:
                self._work_until_idle()
                failures = 0
            except Interrupted:
                self._release(refund=True)
            except StartupError:
                log.exception("A process that drew a job ended. Its rows are drawn again")
                self._release(refund=False)
            except Exception as error:
                failures += 1
                if failures == 1 and isinstance(error, AvatarError):
                    log.warning("Jobs wait: %s", error)
                elif failures == 1:
                    log.exception("Jobs wait, because of an error in the service")
                self._release(refund=isinstance(error, AvatarError))
            self._closing.wait(min(_MAX_PAUSE_SECONDS, 2.0**failures) * uniform(0.5, 1))  # noqa: S311

    def _ends(self) -> bool:
        """Return whether there is nothing left to do. If so, `wake` starts another thread."""
        with self._lock:
            try:
                goes_on = not self._closing.is_set() and self._work.records.has_unfinished()
            except AvatarError:
                goes_on = True
            if not goes_on:
                self._thread = None
            return not goes_on

    def _work_until_idle(self) -> None:
        """Work on all chunks that can be claimed now."""
        draw_beside = partial(share, self._draw, prepare=self._prepare, check=self._check_closing)
        tasks = self._tasks()
        while (first := next(tasks, None)) is not None:
            outcomes = draw_beside(_chain(first, tasks), jobs=self._processes, read_ahead=2 * self._processes)
            for outcome in outcomes:
                self._work.store(outcome)
                # A chunk whose lease ended meanwhile may have been claimed twice.
                self._claimed.pop(outcome.chunk.key, None)
            tasks = self._tasks()
        if (chunk := self._careful) is not None:
            self._careful = None
            self._work.store_carefully(chunk, partial(draw_beside, jobs=1, read_ahead=1))
            self._claimed.pop(chunk.key, None)

    def _check_closing(self) -> None:
        if self._closing.is_set():
            raise Interrupted(0)

    def _tasks(self) -> Iterator[DrawTask]:
        """Claim chunks until there are none, or one that needs care, which `_work_until_idle` handles."""
        while not self._closing.is_set() and self._careful is None and (chunk := self._work.claim()):
            self._claimed[chunk.key] = chunk
            if needs_care(chunk):
                self._careful = chunk
            else:
                yield DrawTask(chunk)

    def _release(self, *, refund: bool) -> None:
        """Give back what was claimed. What cannot be given back now is free when its lease ends."""
        claimed, self._claimed, self._careful = list(self._claimed.values()), {}, None
        try:
            for chunk in claimed:
                self._work.records.release(chunk, refund=refund)
        except AvatarError:
            log.debug("Chunks cannot be given back", exc_info=True)


def _chain(first: DrawTask, others: Iterator[DrawTask]) -> Iterator[DrawTask]:
    yield first
    yield from others


def _begin(prepare: Callable[[], object]) -> None:
    os.nice(_NICE)
    prepare()
