"""Collects the metrics of a process. docs/operations.md lists their names and meanings."""

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


class CountsHits(Protocol):
    """A cache whose size is not known here."""

    @property
    def hits(self) -> int: ...


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
    shared: CountsHits | None = None
    """The pictures in Redis. None without it."""


@contextlib.asynccontextmanager
async def answer_metrics(channel: socket.socket, sources: Sources) -> AsyncIterator[None]:
    """Answer `metrics_endpoint.Worker`, at the other end of the channel, in the background."""
    task = asyncio.create_task(_answer(channel, sources))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def _answer(channel: socket.socket, sources: Sources) -> None:
    """Answer each line. It holds a number, which the answer repeats: the other end may have given up."""
    reader, writer = await asyncio.open_unix_connection(sock=channel)
    with contextlib.closing(writer):
        async for number in reader:
            try:
                line = _line(int(number), await collect(sources))
            except Exception:
                log.exception("The metrics could not be collected because of an error in the service")
                continue
            writer.write(line)
            await writer.drain()


def _line(number: int, metrics: list[Metric]) -> bytes:
    families = [
        [metric.name, metric.documentation, metric.type, [sample[:3] for sample in metric.samples]]
        for metric in metrics
    ]
    return json.dumps([number, families]).encode() + b"\n"


async def collect(sources: Sources) -> list[Metric]:
    """Return all metrics of this process. Database and storage have two seconds to answer."""
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
    """Yield the room of the storage, as far as it is known. Yield nothing while it cannot be written."""
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
    """Yield the metrics of requests."""
    seconds = HistogramMetricFamily(
        "avatar_request_seconds", "Requests and how long they took", labels=("method", "route", "status")
    )
    for (method, route, status), timings in sorted(statistics.requests.items()):
        *counts, total = timings
        bounds = [*map(str, BOUNDS), "+Inf"]
        buckets = list(zip(bounds, accumulate(counts), strict=True))
        seconds.add_metric([method, route, str(status)], buckets=buckets, sum_value=total)
    yield seconds
    # These exist from the start, unlike the histogram, so an alert on their growth sees the first error.
    classes = _counter("avatar_responses", "Answers by the first digit of their status", "class")
    for digit in range(1, 6):
        classes.add_metric([f"{digit}xx"], statistics.by_class(digit))
    yield classes
    errors = _counter("avatar_errors", "Requests that failed because of the service", "error")
    for kind in _kinds_of(AvatarError):
        if kind.status >= 500:
            errors.add_metric([kind.__name__], statistics.errors[kind.__name__])
    yield errors


def _work(sources: Sources) -> Iterator[Metric]:
    """Yield the metrics of work, queues and caches."""
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
    objects = _counter("avatar_objects", "Events of stored objects", "event")
    for event in ("written", "removed", "missing"):
        objects.add_metric([event], sources.statistics.objects[event])
    objects.add_metric(["damaged"], sources.statistics.errors["ObjectDamaged"])
    yield objects
    photos = _counter("avatar_photos", "Uploaded photographs by outcome", "outcome")
    for outcome in ("stored", "refused", "failed", "killed"):
        photos.add_metric([outcome], sources.statistics.photos[outcome])
    yield photos
    upstreams = _counter(
        "avatar_upstream_requests", "Requests to other avatar servers", "upstream", "outcome"
    )
    for labels, count in sorted(sources.statistics.upstreams.items()):
        upstreams.add_metric(labels, count)
    yield upstreams
    jobs = _gauge("avatar_pool_jobs", "Jobs that run or wait", "pool")
    limit = _gauge("avatar_pool_limit", "Jobs that are accepted at the same time", "pool")
    refused = _counter("avatar_pool_refused", "Jobs that were refused because too many waited", "pool")
    for name, pool in sources.pools.items():
        jobs.add_metric([name], pool.taken)
        limit.add_metric([name], pool.limit)
        refused.add_metric([name], pool.refused)
    yield from (jobs, limit, refused)
    size = _gauge("avatar_cache_bytes", "Bytes in the cache", "cache")
    maximum = _gauge("avatar_cache_limit_bytes", "Bytes that the cache may have", "cache")
    hits = _counter("avatar_cache_hits", "Values that were found in the cache", "cache")
    for name, cache in sources.caches.items():
        size.add_metric([name], cache.size)
        maximum.add_metric([name], cache.limit)
        hits.add_metric([name], cache.hits)
    if sources.shared:
        hits.add_metric(["shared"], sources.shared.hits)
    yield from (size, maximum, hits)


def _build(health: Health) -> Metric:
    version = _gauge("avatar_build_info", "The running version", "version", "python", "database")
    version.add_metric([__version__, platform.python_version(), health.dependencies["database"].kind], 1)
    return version


def _gauge(name: str, documentation: str, *labels: str, value: float | None = None) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, documentation, value=value, labels=labels or None)


def _counter(name: str, documentation: str, *labels: str, value: float | None = None) -> CounterMetricFamily:
    return CounterMetricFamily(name, documentation, value=value, labels=labels or None)


def _kinds_of(error: type[AvatarError]) -> Iterable[type[AvatarError]]:
    for kind in error.__subclasses__():
        yield kind
        yield from _kinds_of(kind)
