"""Measure what requests cost the servers that replicas share: `make bench-shared` takes eight minutes.

PostgreSQL, the S3 store and Redis are real, and so are the replicas and the gateway in front of them.
"""

import asyncio
import json
import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from hashlib import sha256
from itertools import count, cycle, islice, product
from pathlib import Path
from statistics import mean, median
from typing import Any, NamedTuple

import obstore

from benchmarks.cases import get, post
from benchmarks.cluster import Cluster, Costs, Observer, running_cluster
from benchmarks.load import Request, ask, ask_once, numbers, send
from benchmarks.photograph import PHOTOGRAPH
from benchmarks.processes import cpu_of
from benchmarks.report import describe_machine
from benchmarks.servers import Server
from tools.capacity.popularity import Popularity

RESULTS = Path(__file__).with_name("shared.json")
RATE = 30
"""Requests in a second for each replica. Then requests are not in each other's way, and none are grouped."""


class Question(NamedTuple):
    """A kind of request, and how often it is sent."""

    name: str
    requests: Callable[[list[str]], Iterator[Request]]
    """Make requests from the ids of stored avatars."""
    most: int = 256
    """The number of requests in a full measurement, at most."""
    rate: float = RATE
    """Requests in a second. After them, as many are sent by 16 clients without pauses."""


def _numbered(request: Request) -> Callable[[list[str]], Iterator[Request]]:
    return lambda _: (request.filled(number) for number in count())


def _of_each(path: str, method: str = "GET") -> Callable[[list[str]], Iterator[Request]]:
    return lambda ids: cycle(Request(path.replace("{id}", each), method) for each in ids)


def _hashes(_: list[str]) -> Iterator[Request]:
    return (get(f"/avatar/{sha256(str(number).encode()).hexdigest()}?d=identicon") for number in count())


BY_URL = "/api/render/pixelize/seed{}.png?size=128"
UPLOAD = Request("/api/upload", "PUT", f"@{PHOTOGRAPH}")

QUESTIONS = [  # in this order: a picture is cold before its first request
    Question("picture by URL, cold", _numbered(get(BY_URL))),
    Question("picture by URL, cached", _numbered(get(BY_URL))),
    Question("picture by hash, without a link", _hashes),
    Question("stored picture, cold", _of_each("/api/{id}")),
    Question("stored picture, cached", _of_each("/api/{id}")),
    Question("stored picture, another variant", _of_each("/api/{id}?size=9&format=webp&filter=sepia")),
    Question("generate", _numbered(post("/api/generate"))),
    Question("upload", _numbered(UPLOAD), most=16, rate=2),
    Question("list", _numbered(get("/api/list"))),
    Question("health", _numbered(get("/api/health")), most=16, rate=0.8),
    Question("health/live", _numbered(get("/api/health/live"))),
    Question("delete", _of_each("/api/{id}", "DELETE"), rate=10),
]
"""The table of questions. A new one is one line."""

LARGEST_DRAWING = 20_000
"""Bytes of an object. Photographs are larger."""

CLIENTS = 16
BUSY = f", {CLIENTS} at once"

JOB = "row of a job"
JOB_ROWS = 1000


def measure_costs(cluster: Cluster, server: Server, ids: list[str]) -> dict[str, Costs]:
    """Return what each kind of request costs, at a low rate and at a high one. Delete all avatars."""
    return asyncio.run(_ask_all(Observer(cluster, server), ids))


async def _ask_all(observer: Observer, ids: list[str]) -> dict[str, Costs]:
    costs = {}
    for question in QUESTIONS:
        requests, times = question.requests(ids), min(question.most, len(ids) // 2)
        await send(observer.port, _evenly(islice(requests, times), question.rate))
        costs[question.name] = await observer.costs(times)
        await ask(observer.port, islice(requests, times), CLIENTS)
        costs[question.name + BUSY] = await observer.costs(times)
    await _run_job(observer.port)
    return costs | {JOB: await observer.costs(JOB_ROWS)}


def _evenly(requests: Iterable[Request], rate: float) -> Iterator[tuple[float, Request]]:
    """Yield each request after its second."""
    return ((number / rate, request) for number, request in enumerate(requests))


async def _run_job(port: int) -> None:
    rows = "seed\n" + "".join(f"row {number}\n" for number in range(JOB_ROWS))
    answer = await ask_once(port, Request("/api/jobs", "POST", rows, ("Content-Type: text/csv",)))
    path = f"/api/jobs/{json.loads(answer)['data']['id']}"
    while json.loads(await ask_once(port, get(path)))["data"]["state"] != "done":  # noqa: ASYNC110
        await asyncio.sleep(0.25)


async def store_avatars(port: int, number: int) -> list[str]:
    """Store avatars; return their ids."""
    answers = [await ask_once(port, post("/api/generate").filled(each)) for each in range(number)]
    return [json.loads(answer)["data"]["id"] for answer in answers]


UNDER_LOAD = {
    "picture by URL, cold": get("/api/render/pixelize/u{}.png?size=128"),
    "stored picture, cached": get("/api/{id}?v={}"),
    "generate": post("/api/generate"),
}
"""What is measured with several replicas. The gateway has none of it in its cache."""


def measure_replicas(
    cluster: Cluster, servers: list[Server], ids: list[str], effort: "Effort"
) -> dict[str, dict[str, dict[str, float]]]:
    """Return CPU microseconds for a request, by kind, number of replicas, and server.

    Each replica gets the same rate of requests, and the numbers of replicas take turns.
    """
    numbers_of_replicas, seconds = effort.replicas, effort.seconds
    gateways = {number: cluster.start_gateway(*servers[:number]) for number in numbers_of_replicas}
    found: dict[str, dict[str, list[Counter[str]]]] = {
        name: {str(number): [] for number in numbers_of_replicas} for name in UNDER_LOAD
    }
    for turn, name, number in product(range(effort.rounds + 1), UNDER_LOAD, numbers_of_replicas):
        gateway, used = gateways[number], servers[:number]
        pids = {"gateway": [gateway.pid], "replicas": [each.process for each in used]}
        times = round(RATE * number * seconds)
        filled = (UNDER_LOAD[name].filled(each, ids) for each in islice(numbers(), times))
        before = _cpu_us(cluster, pids)
        asyncio.run(send(gateway.port, _evenly(filled, RATE * number)))
        for each in used:
            asyncio.run(each.settled())
        spent = _cpu_us(cluster, pids) - before
        if turn:  # the first turn warms up
            found[name][str(number)].append(spent)
    return {
        name: {number: _per_request(turns, RATE * int(number) * seconds) for number, turns in each.items()}
        for name, each in found.items()
    }


def _cpu_us(cluster: Cluster, pids: dict[str, list[int]]) -> Counter[str]:
    seconds = {**cluster.cpu(), **{part: sum(map(cpu_of, each)) for part, each in pids.items()}}
    return Counter({part: round(spent * 1e6) for part, spent in seconds.items()})


def _per_request(turns: list[Counter[str]], requests: float) -> dict[str, float]:
    parts = sorted({part for turn in turns for part in turn})
    return {part: round(median(turn[part] for turn in turns) / requests, 1) for part in parts}


class SmallEnd(NamedTuple):
    """A load that is small enough for this machine, and for the simulation in `tools`."""

    rate: float = 120
    """Requests in a second, at random times."""
    seconds: float = 15
    avatars: int = 256
    skew: float = 0.9
    """The exponent of the law of Zipf by which clients choose avatars."""
    stored: float = 0.8
    by_url: float = 0.1
    generate: float = 0.05
    """Shares of the requests. The rest are lists."""


def _arrivals(end: SmallEnd, ids: list[str]) -> Iterator[tuple[float, Request]]:
    chance = random.Random(1)  # noqa: S311 - a sample, no secret
    popularity = Popularity(end.avatars, end.skew)
    at = 0.0
    for number in count():
        at += chance.expovariate(end.rate)
        if at > end.seconds:
            break
        yield at, _choose(end, chance.random(), popularity.choose(chance), ids).filled(number)


def _choose(end: SmallEnd, share: float, rank: int, ids: list[str]) -> Request:
    if share < end.stored:
        return get(f"/api/{ids[rank]}")
    if share < end.stored + end.by_url:
        return get(f"/api/render/wave/small-{rank}.png")
    if share < end.stored + end.by_url + end.generate:
        return post("/api/generate")
    return get("/api/list")


def measure_small_end(cluster: Cluster, server: Server, ids: list[str], end: SmallEnd) -> dict[str, Any]:
    """Return what a mixed load through the gateway costs, by request: calls, CPU time, and cache hits."""
    gateway = cluster.start_gateway(server)
    observer = Observer(cluster, server)
    before = cpu_of(gateway.pid)
    latencies = sorted(asyncio.run(send(gateway.port, _arrivals(end, ids))))
    requests = len(latencies)
    costs = asyncio.run(observer.costs(requests))
    costs["cpu_us"]["gateway"] = round((cpu_of(gateway.pid) - before) * 1e6 / requests, 1)
    states = Counter(json.loads(line)["cache"] for line in gateway.access_log.read_text().splitlines())
    hits = {name: round(number / requests, 4) for name, number in sorted(states.items()) if name}
    return {
        "load": end._asdict(),
        "requests": requests,
        **costs,
        "gateway cache": hits,
        "p50_ms": round(latencies[requests // 2], 2),
    }


class Effort(NamedTuple):
    """How much is measured."""

    end: SmallEnd
    rounds: int
    """For each number of replicas."""
    seconds: float
    """Of one round."""
    replicas: tuple[int, ...] = (1, 2, 4)


EFFORTS = {
    "full": Effort(SmallEnd(), rounds=7, seconds=2),
    "quick": Effort(SmallEnd(seconds=8), rounds=2, seconds=2),
    "smoke": Effort(SmallEnd(seconds=1, avatars=4), rounds=1, seconds=0.2, replicas=(1, 2)),
}


def measure(effort: Effort, progress: Callable[[str], None]) -> dict[str, Any]:
    """Measure everything; return what `shared.json` holds."""
    with running_cluster() as cluster:
        progress("starting")
        counted = cluster.start("counted", counted=True)
        servers = [cluster.start(f"replica {number}") for number in range(max(effort.replicas))]
        others = asyncio.run(store_avatars(servers[0].port, effort.end.avatars))
        ids = asyncio.run(store_avatars(servers[0].port, 2 * effort.end.avatars))
        progress("a mixed load")
        small = measure_small_end(cluster, counted, others, effort.end)
        progress(f"{effort.replicas} replicas, {effort.rounds} rounds")
        replicas = measure_replicas(cluster, servers, ids, effort)
        progress("each kind of request")
        costs = measure_costs(cluster, counted, ids)
        sizes = measure_sizes(cluster)
    return {
        "how": describe_machine(),
        "costs": costs,
        "sizes": sizes,
        "replicas": replicas,
        "small end": small,
    }


def measure_sizes(cluster: Cluster) -> dict[str, float]:
    """Return the bytes of a row, with its part of the indexes, and of the two kinds of objects."""
    with cluster.postgres.connect(cluster.database) as connection:
        query = "SELECT pg_total_relation_size('stored_avatars')::float / count(*) FROM stored_avatars"
        (row,) = connection.execute(query).fetchone() or (0.0,)
    client = cluster.store.bucket(cluster.section).client
    objects = [each["size"] for page in obstore.list(client, "objects/") for each in page]
    photographs = [size for size in objects if size > LARGEST_DRAWING]
    drawings = [size for size in objects if size <= LARGEST_DRAWING]
    return {"row": round(row), "drawing": round(mean(drawings)), "photograph": round(mean(photographs))}


def run(effort: str, output: Path | None, progress: Callable[[str], None]) -> None:
    """Measure everything, and print it, or write it to `shared.json` in a folder."""
    text = json.dumps(measure(EFFORTS[effort], progress), indent=1) + "\n"
    if output:
        output.mkdir(exist_ok=True)
        (output / RESULTS.name).write_text(text, encoding="utf-8")
    else:
        print(text)
