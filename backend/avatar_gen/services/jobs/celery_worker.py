"""A worker of Celery: one process that works on the jobs of a database, beside any number of others.

A message says that there is a chunk to work on, not which: the worker claims the next one in the database.
So a message that is lost, doubled or late changes nothing. Each worker tops up the queue, and no message has
to survive the broker.

Import this module only in a worker: the import of Celery is slow and takes memory (docs/decisions/0023).
"""

import logging
from collections.abc import Callable
from functools import partial
from random import uniform
from threading import Event, Thread

from celery import Celery, Task, signals
from celery.exceptions import Retry
from kombu.exceptions import KombuError
from redis.exceptions import RedisError

from avatar_gen.database.job_records import Chunk
from avatar_gen.errors import AvatarError, StartupError
from avatar_gen.services.bulk.process_pool import share
from avatar_gen.services.jobs.chunk_work import (
    ChunkWork,
    DrawRows,
    DrawTask,
    Outcome,
    draw,
    needs_care,
    now_ms,
)

log = logging.getLogger(__name__)

_QUEUE = "avatar-gen-jobs"
_TASK = "avatar_gen.work_on_chunk"

_VISIBILITY_SECONDS = 300
"""Seconds after which the broker gives the message of a silent worker to another one. It is longer than a
chunk takes and than the longest countdown of a retry."""

_MAX_WAITING = 200
"""Messages in the queue up to which workers add others."""

_LOOK_SECONDS = 1.0
"""Time between two checks of the queue."""

_MAX_PAUSE_SECONDS = 60
"""The longest countdown of a retry, while the storage or the database is down."""


def run_worker(broker: str, work: ChunkWork, licences: frozenset[str], prepare: Callable[[], object]) -> int:
    """Work on jobs until a signal arrives. Return the exit status.

    `prepare` is called first in the process that draws rows one by one. Waits for an unavailable broker.
    """
    draw_here = partial(draw, licences)
    # Without this, Celery replaces the handlers of the log.
    signals.setup_logging.connect(_keep_logs)
    # Celery warns at each lost connection that a later release will cancel running tasks.
    logging.getLogger("py.warnings").setLevel(logging.ERROR)
    logging.getLogger("celery").setLevel(logging.WARNING)  # Else there are two lines for each chunk.
    app = _make_app(broker)
    draw_beside = partial(share, draw_here, jobs=1, prepare=prepare, read_ahead=1)

    def work_on_chunk(task: Task) -> None:
        _work_on_chunk(work, draw_here, draw_beside, task)

    task = app.task(work_on_chunk, bind=True, name=_TASK, max_retries=None)
    feeder = _Feeder(app, task, work)
    worker = app.Worker(
        pool="solo", quiet=True, without_gossip=True, without_mingle=True, without_heartbeat=True
    )
    feeder.start()
    try:
        worker.start()
    finally:
        feeder.stop()
    return int(worker.exitcode or 0)


def _make_app(broker: str) -> Celery:
    if broker.startswith("unix://"):
        broker = f"redis+socket{broker.removeprefix('unix')}"
    app = Celery("avatar-gen", broker=broker, set_as_current=False)
    app.conf.update(
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        task_ignore_result=True,
        task_default_queue=_QUEUE,
        worker_prefetch_multiplier=1,
        worker_enable_remote_control=False,
        worker_hijack_root_logger=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_transport_options={
            "visibility_timeout": _VISIBILITY_SECONDS,
            "socket_timeout": 10,
            "socket_connect_timeout": 5,
        },
    )
    return app


def _work_on_chunk(
    work: ChunkWork, draw_here: Callable[[DrawTask], Outcome], draw_beside: DrawRows, task: Task
) -> None:
    """Claim a chunk, draw and store it. If a dependency is down, do it later."""
    try:
        chunk = work.claim()
    except AvatarError as error:
        raise _later(task, error) from error
    if chunk is None:
        return
    try:
        if needs_care(chunk):
            work.store_carefully(chunk, draw_beside)
        else:
            work.store(draw_here(DrawTask(chunk)))
    except StartupError:
        log.exception("A process that drew a job ended. Its rows are drawn again")
        work.records.release(chunk, refund=False)
    except AvatarError as error:
        _give_back(work, chunk)
        raise _later(task, error) from error


def _later(task: Task, error: AvatarError) -> Retry:
    """Return what Celery raises to repeat a task, at a time that doubles and varies."""
    seconds = min(_MAX_PAUSE_SECONDS, 2.0**task.request.retries)
    log.warning("A chunk waits for %.0f s: %s", seconds, error)
    return task.retry(countdown=seconds * uniform(0.5, 1), throw=False)  # noqa: S311 - no secret


def _give_back(work: ChunkWork, chunk: Chunk) -> None:
    try:
        work.records.release(chunk, refund=True)
    except AvatarError:
        log.debug("A chunk cannot be given back. It is free when its lease ends", exc_info=True)


class _Feeder:
    """Adds messages while there are chunks without one."""

    def __init__(self, app: Celery, task: Task, work: ChunkWork) -> None:
        self._app = app
        self._task = task
        self._work = work
        self._stopping = Event()
        self._thread = Thread(target=self._run, name="feeding", daemon=True)

    def start(self) -> None:
        """Begin to feed the queue."""
        self._thread.start()

    def stop(self) -> None:
        """Stop feeding."""
        self._stopping.set()

    def _run(self) -> None:
        while not self._stopping.wait(_LOOK_SECONDS):
            try:
                self._feed()
            except (KombuError, RedisError, OSError, AvatarError) as error:
                # The worker itself warns if the broker is unavailable.
                log.debug("No messages could be added: %s", error)

    def _feed(self) -> None:
        with self._app.connection_for_write() as connection:
            channel = connection.default_channel
            waiting = self._app.amqp.queues[_QUEUE](channel).queue_declare().message_count
            missing = self._work.records.count_free(now_ms(), _MAX_WAITING) - waiting
            for _ in range(missing):
                self._task.apply_async(connection=connection, retry=False)


def _keep_logs(**_: object) -> None:
    pass
