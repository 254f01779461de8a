"""What a process tells of itself when it is asked: all that it has counted, and how it is just now.

Names and meanings are for those who build on them, and listed in docs/operations.md.
"""

import asyncio
import contextlib
import json
import logging
import platform
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import Protocol

from prometheus_client import ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from avatar_gen import __version__
from avatar_gen.errors import AvatarError
from avatar_gen.telemetry.logs import dropped_lines
from avatar_gen.telemetry.request_statistics import BOUNDS, RequestStatistics

log = logging.getLogger(__name__)


class Bounded(Protocol):
    """A queue or pool that takes a bounded number of items and refuses the rest."""

    refused: int

    @property
    def taken(self) -> int: ...

    @property
    def limit(self) -> int: ...


class BoundedCache(Protocol):
    """A cache with a limit in bytes."""

    size: int
    limit: int
    hits: int


class Dependency(Protocol):
    """The state of one dependency."""

    @property
    def up(self) -> bool: ...

    @property
    def kind(self) -> str: ...


class Capacity(Protocol):
    """The room of the storage."""

    @property
    def free_bytes(self) -> int | None: ...

    @property
    def size_bytes(self) -> int | None: ...

    @property
    def free_inodes(self) -> int | None: ...

    @property
    def inodes(self) -> int | None: ...


class Health(Protocol):
    """The answers of all dependencies."""

    @property
    def dependencies(self) -> Mapping[str, Dependency]: ...

    @property
    def stored_avatars(self) -> int | None: ...

    @property
    def capacity(self) -> Capacity | None: ...


@dataclass(frozen=True, slots=True)
class Sources:
    """What the metrics of a process are read from."""

    statistics: RequestStatistics
    check_health: Callable[[], Awaitable[Health]]
    pools: Mapping[str, Bounded]
    caches: Mapping[str, BoundedCache]
    connections: Callable[[], int]
    """Returns the number of connected clients."""


@contextlib.asynccontextmanager
async def answering(channel: socket.socket, sources: Sources) -> AsyncIterator[None]:
    """Meanwhile, tell whoever asks at the other end of the channel, as `exporter.Worker` does."""
    task = asyncio.create_task(_answer(channel, sources))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def _answer(channel: socket.socket, sources: Sources) -> None:
    """A line is a question, and has a number; so has its answer, for who asked may have given up on it."""
    reader, writer = await asyncio.open_unix_connection(sock=channel)
    with contextlib.closing(writer):
        async for number in reader:
            try:
                line = _line(int(number), await collect(sources))
            except Exception:
                log.exception("The figures could not be told for a reason that is ours")
                continue
            writer.write(line)
            await writer.drain()


def _line(number: int, metrics: list[Metric]) -> bytes:
    told = [
        [metric.name, metric.documentation, metric.type, [sample[:3] for sample in metric.samples]]
        for metric in metrics
    ]
    return json.dumps([number, told]).encode() + b"\n"


async def collect(sources: Sources) -> list[Metric]:
    """All figures of this process. The database and the storage are asked for theirs, two seconds at most."""
    health = await sources.check_health()
    up = _gauge("avatar_dependency_up", "Whether a dependency answers, 1 or 0", "dependency")
    for name, state in health.dependencies.items():
        up.add_metric([name], state.up)
    metrics = [
        up,
        *_requests(sources.statistics),
        *_work(sources),
        _build(health),
        *ProcessCollector(registry=None).collect(),
    ]
    if health.stored_avatars is not None:
        metrics.append(
            _gauge("avatar_stored_avatars", "Avatars that are stored", value=health.stored_avatars)
        )
    return [*metrics, *_capacity(health)]


def _capacity(health: Health) -> Iterator[Metric]:
    """The room of the storage, as far as it is known; nothing while it cannot be written."""
    room = health.capacity
    if room is None:
        return
    values = (
        ("avatar_storage_free_bytes", "Free bytes of the storage", room.free_bytes),
        ("avatar_storage_size_bytes", "Size of the storage in bytes", room.size_bytes),
        ("avatar_storage_free_inodes", "Files that the storage has room for", room.free_inodes),
        ("avatar_storage_inodes", "Files that the storage can hold", room.inodes),
    )
    for name, description, value in values:
        if value is not None:
            yield _gauge(name, description, value=value)


def _requests(statistics: RequestStatistics) -> Iterator[Metric]:
    """What came in, and what went out."""
    seconds = HistogramMetricFamily(
        "avatar_request_seconds", "Requests and how long they took", labels=("method", "route", "status")
    )
    for (method, route, status), timings in sorted(statistics.requests.items()):
        *counts, total = timings
        bounds = [*map(str, BOUNDS), "+Inf"]
        buckets = list(zip(bounds, accumulate(counts), strict=True))
        seconds.add_metric([method, route, str(status)], buckets=buckets, sum_value=total)
    yield seconds
    # Beside the above, because these are there from the first moment: an alert on what grows sees the first.
    classes = _counter("avatar_responses", "Answers by the first digit of their status", "class")
    for digit in range(1, 6):
        classes.add_metric([f"{digit}xx"], statistics.by_class(digit))
    yield classes
    faults = _counter("avatar_faults", "Requests that failed for a reason which is not theirs", "fault")
    for kind in _kinds_of(AvatarError):
        if kind.status >= 500:
            faults.add_metric([kind.__name__], statistics.faults[kind.__name__])
    yield faults


def _work(sources: Sources) -> Iterator[Metric]:
    """What there is to do, and what has been done."""
    yield _counter(
        "avatar_log_lines_dropped",
        "Log lines that were dropped because the output did not take them",
        value=dropped_lines(),
    )
    yield _gauge("avatar_connections", "Clients that are connected", value=sources.connections())
    renders = _counter("avatar_renders", "Pictures that were drawn or encoded", "style", "format")
    for labels, count in sorted(sources.statistics.renders.items()):
        renders.add_metric(labels, count)
    yield renders
    objects = _counter("avatar_objects", "Stored objects, by what became of them", "event")
    for event in ("written", "removed", "missing"):
        objects.add_metric([event], sources.statistics.objects[event])
    objects.add_metric(["damaged"], sources.statistics.faults["ObjectDamaged"])
    yield objects
    jobs = _gauge("avatar_pool_jobs", "What is being worked on or waits", "pool")
    limit = _gauge("avatar_pool_limit", "How much of it is taken on", "pool")
    refused = _counter("avatar_pool_refused", "What was refused because there was too much", "pool")
    for name, pool in sources.pools.items():
        jobs.add_metric([name], pool.taken)
        limit.add_metric([name], pool.limit)
        refused.add_metric([name], pool.refused)
    yield from (jobs, limit, refused)
    size = _gauge("avatar_cache_bytes", "What is remembered takes", "cache")
    most = _gauge("avatar_cache_limit_bytes", "What it may take", "cache")
    hits = _counter("avatar_cache_hits", "What was asked for and remembered", "cache")
    for name, cache in sources.caches.items():
        size.add_metric([name], cache.size)
        most.add_metric([name], cache.limit)
        hits.add_metric([name], cache.hits)
    yield from (size, most, hits)


def _build(health: Health) -> Metric:
    version = _gauge("avatar_build_info", "What is running", "version", "python", "database")
    version.add_metric([__version__, platform.python_version(), health.dependencies["database"].kind], 1)
    return version


def _gauge(name: str, says: str, *labels: str, value: float | None = None) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, says, value=value, labels=labels or None)


def _counter(name: str, says: str, *labels: str, value: float | None = None) -> CounterMetricFamily:
    return CounterMetricFamily(name, says, value=value, labels=labels or None)


def _kinds_of(error: type[AvatarError]) -> Iterable[type[AvatarError]]:
    for kind in error.__subclasses__():
        yield kind
        yield from _kinds_of(kind)
