"""The model: what a workload needs, and what it costs in a month."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from typing import NamedTuple

from tools.capacity.measured import MEASURED, calls_of, cpu_of
from tools.capacity.popularity import hit_rate

MONTH = 30 * 86_400
YEAR = 365 * 86_400
HOUR = 3_600
GB = 1e9


@dataclass(frozen=True)
class Workload:
    """What clients do."""

    avatars: float = 1e6
    rate: float = 1_000
    """Requests in a second, at the CDN."""
    skew: float = 0.8
    """How much clients prefer popular avatars: `tools.popularity` has the source."""
    stored: float = 0.8
    by_url: float = 0.19
    lists: float = 0.01
    """Shares of the requests."""
    picture_bytes: float = 1_000
    lifetime: float = HOUR
    """Seconds for which a CDN holds a stored picture: the service's Cache-Control."""
    writes: float = 1.0
    """New pictures of each avatar in a year. The picture before is deleted."""


@dataclass(frozen=True)
class Limits:
    """How much a part may be used."""

    utilisation: float = 0.5
    """Of a processor, on average. The other half is for peaks, and for the loss of a zone."""
    gets: float = 5_500
    puts: float = 3_500
    """Requests in a second for one prefix of S3 (its guide to performance). S3 divides a busy prefix."""
    table_bytes: float = 100 * GB
    """A table of PostgreSQL that is vacuumed and restored within hours. It may be larger."""
    redis_calls: float = 50_000
    """Calls in a second of one Redis: half of what one thread of it does."""


@dataclass(frozen=True)
class Prices:
    """List prices in US dollars of AWS in us-east-1, rounded. Look them up before you decide anything."""

    put: float = 0.005 / 1000
    get: float = 0.0004 / 1000
    store_gb_month: float = 0.023
    """S3 Standard: https://aws.amazon.com/s3/pricing/"""
    processor_hour: float = 0.04048 + 2 * 0.004445
    """Fargate, x86, with 2 GB: https://aws.amazon.com/fargate/pricing/. ARM is a fifth less."""
    database_processor_hour: float = 0.16
    database_gb_month: float = 0.23
    """RDS for PostgreSQL with a standby, m-class and gp3: https://aws.amazon.com/rds/postgresql/pricing/"""
    redis_hour: float = 0.30
    """Two nodes of ElastiCache, m-class, two processors each: https://aws.amazon.com/elasticache/pricing/"""
    cdn_request: float = 0.01 / 10_000
    cdn_gb: float = 0.085
    """CloudFront, HTTPS, the first 10 TB: https://aws.amazon.com/cloudfront/pricing/. Contracts cost less."""


class Plan(NamedTuple):
    """What a workload needs, and costs in a month."""

    hits: float
    """The share of requests that the CDN answers."""
    origin: float
    """Requests in a second that reach the replicas."""
    replicas: int
    """Each uses one processor."""
    gets: float
    puts: float
    """Requests to the store in a second."""
    prefixes: int
    """Into how many parts S3 divides the bucket."""
    store_gb: float
    queries: float
    """Of PostgreSQL in a second."""
    database_processors: int
    database_gb: float
    partitions: int
    redis: int
    """Redis servers, without their standbys."""
    service_usd: float
    store_usd: float
    database_usd: float
    cdn_usd: float

    @property
    def usd(self) -> float:
        """The sum without the CDN."""
        return self.service_usd + self.store_usd + self.database_usd


def requests_behind_cdn(work: Workload) -> dict[str, float]:
    """Return requests in a second that reach the replicas, by kind.

    The CDN is one cache, as with an origin shield, and has room for everything.
    """
    avatars = round(work.avatars)
    stored, by_url = work.rate * work.stored, work.rate * work.by_url
    replaced = work.avatars * work.writes / YEAR
    return {
        "stored picture, cold": stored * (1 - hit_rate(avatars, work.skew, stored, work.lifetime)),
        "picture by URL, cold": by_url * (1 - hit_rate(avatars, work.skew, by_url, YEAR)),
        "list": work.rate * work.lists,
        "generate": replaced,
        "delete": replaced,
    }


def plan(work: Workload, limits: Limits = Limits(), prices: Prices = Prices()) -> Plan:
    """Return what a workload needs, and what it costs."""
    sent = requests_behind_cdn(work)
    gets, puts = _calls(sent, "store", "GET", "GET if"), _calls(sent, "store", "PUT", "PUT if")
    store_gb = work.avatars * MEASURED["sizes"]["drawing"] / GB
    database_gb = work.avatars * MEASURED["sizes"]["row"] / GB
    replicas = max(2, _processors(sent, "service", limits))
    database = max(2, _processors(sent, "database", limits))
    redis = ceil(_calls(sent, "redis", "EVALSHA") / limits.redis_calls)
    hours = MONTH / HOUR
    return Plan(
        hits=1 - sum(sent[kind] for kind in READS) / work.rate,
        origin=sum(sent.values()),
        replicas=replicas,
        gets=gets,
        puts=puts,
        prefixes=max(1, ceil(gets / limits.gets), ceil(puts / limits.puts)),
        store_gb=store_gb,
        queries=_calls(sent, "database", "query"),
        database_processors=database,
        database_gb=database_gb,
        partitions=max(1, ceil(database_gb * GB / limits.table_bytes)),
        redis=redis,
        service_usd=(replicas * prices.processor_hour + redis * prices.redis_hour) * hours,
        store_usd=(gets * prices.get + puts * prices.put) * MONTH + store_gb * prices.store_gb_month,
        database_usd=database * prices.database_processor_hour * hours
        + database_gb * prices.database_gb_month,
        cdn_usd=work.rate * MONTH * (prices.cdn_request + work.picture_bytes / GB * prices.cdn_gb),
    )


READS = ("stored picture, cold", "picture by URL, cold", "list")


def _calls(sent: Mapping[str, float], part: str, *names: str) -> float:
    """Return the calls in a second of a part."""
    calls = ((rate, calls_of(kind, part)) for kind, rate in sent.items())
    return sum(rate * each.get(f"{part} {name}", 0) for rate, each in calls for name in names)


def _processors(sent: Mapping[str, float], part: str, limits: Limits) -> int:
    """Return how many processors a part needs."""
    # A database serves many replicas, each of which writes seldom. So its requests are not grouped.
    used = sum(rate * cpu_of(kind, part, busy=part == "service") for kind, rate in sent.items()) / 1e6
    return ceil(used / limits.utilisation)
