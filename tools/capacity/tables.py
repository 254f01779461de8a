"""The tables and the plot of docs/scale.md."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from benchmarks import plots
from tools.capacity.comparison import agreement
from tools.capacity.measured import BUSY, MEASURED, calls_of, cpu_of
from tools.capacity.model import HOUR, Workload, plan

AVATARS = (1e6, 1e8, 1e10)
RATES = (1e3, 1e4, 1e5, 1e6)


def capacity_table(work: Workload) -> Iterator[Sequence[str]]:
    """Yield the rows of the table of capacity."""
    yield (
        *("avatars", "requests/s", "CDN hits", "origin/s", "replicas", "GET/s", "PUT/s", "store"),
        *("PostgreSQL", "queries/s", "processors", "partitions"),
    )
    for avatars in AVATARS:
        for rate in RATES:
            needs = plan(replace(work, avatars=avatars, rate=rate))
            yield (
                *(_short(avatars), _short(rate), f"{needs.hits:.1%}", _short(needs.origin)),
                *(f"{needs.replicas:,}", _short(needs.gets), _short(needs.puts), _size(needs.store_gb)),
                *(_size(needs.database_gb), _short(needs.queries), f"{needs.database_processors:,}"),
                f"{needs.partitions:,}",
            )


def cost_table(work: Workload) -> Iterator[Sequence[str]]:
    """Yield the rows of the table of costs, in US dollars a month."""
    yield "avatars", "requests/s", "replicas, Redis", "store", "PostgreSQL", "sum", "CDN"
    for avatars in AVATARS:
        for rate in RATES:
            needs = plan(replace(work, avatars=avatars, rate=rate))
            parts = (needs.service_usd, needs.store_usd, needs.database_usd, needs.usd, needs.cdn_usd)
            yield _short(avatars), _short(rate), *(_short(usd) for usd in parts)


def without_cdn_table(work: Workload) -> Iterator[Sequence[str]]:
    """Yield the same load with a CDN that holds pictures for other times, and without a CDN."""
    yield "CDN holds a picture for", "CDN hits", "replicas", "GET/s", "USD a month, without the CDN"
    for name, lifetime in (
        ("no time", 0),
        ("1 second", 1),
        ("1 minute", 60),
        ("1 hour", HOUR),
        ("1 day", 86_400),
    ):
        needs = plan(replace(work, avatars=1e8, rate=1e5, lifetime=lifetime))
        yield name, f"{needs.hits:.1%}", f"{needs.replicas:,}", _short(needs.gets), _short(needs.usd)


def costs_table() -> Iterator[Sequence[str]]:
    """Yield what one request costs each part, as it was measured."""
    yield (
        *("request", "queries", "store", "Redis", "client bytes", "PostgreSQL bytes", "store bytes"),
        *("CPU us: replica", "PostgreSQL", "store", "Redis", "replica, busy"),
    )
    costs = MEASURED["costs"]
    for kind in costs:
        if not kind.endswith(BUSY) or kind == "generate" + BUSY:
            busy = f"{cpu_of(kind, 'service', busy=True):,.0f}" if kind + BUSY in costs else ""
            yield kind, *_cost_cells(kind, costs[kind]["bytes"]), busy


def _cost_cells(kind: str, sizes: dict[str, float]) -> Iterator[str]:
    """Yield calls, bytes, and CPU times."""
    store = calls_of(kind, "store ")
    yield f"{sum(calls_of(kind, 'database').values()):.2g}"
    yield ", ".join(f"{number:g} {name.removeprefix('store ')}" for name, number in store.items()) or "0"
    yield f"{sum(calls_of(kind, 'redis').values()):.2g}"
    yield from (f"{sizes.get(part, 0):,.0f}" for part in ("client", "database", "store"))
    yield from (f"{cpu_of(kind, part):,.0f}" for part in ("service", "database", "store", "redis"))


def replicas_table() -> Iterator[Sequence[str]]:
    """Yield the CPU time of one request with several replicas, and how it compares with one replica."""
    yield (
        "request",
        "replicas",
        "gateway",
        "replica",
        "PostgreSQL",
        "store",
        "Redis",
        "sum",
        "sum, of one",
        "replica, of one",
    )
    for kind, by_number in MEASURED["replicas"].items():
        one = by_number["1"]
        for number, parts in by_number.items():
            cpu = [parts.get(part, 0.0) for part in ("gateway", "replicas", "database", "store", "redis")]
            ratios = sum(cpu) / sum(one.values()), parts["replicas"] / one["replicas"]
            figures = (f"{each:,.0f}" for each in (*cpu, sum(cpu)))
            yield kind, number, *figures, *(f"{ratio:.2f}" for ratio in ratios)


def agreement_table() -> Iterator[Sequence[str]]:
    """Yield measurement and simulation side by side."""
    yield "small end", "measured", "simulated", "difference"
    for name, (measured, simulated) in agreement().items():
        yield name, f"{measured:.3g}", f"{simulated:.3g}", f"{simulated / measured - 1:+.0%}"


def _short(value: float) -> str:
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if value >= size * 0.9995:
            return f"{value / size:.3g} {unit}"
    return f"{value:.3g}" if value < 100 else f"{value:.0f}"


def _size(gigabytes: float) -> str:
    return f"{gigabytes / 1000:.3g} TB" if gigabytes >= 999.5 else f"{gigabytes:.3g} GB"


def tables(work: Workload) -> dict[str, str]:
    """Return all tables as Markdown, by name."""
    rows = {
        "costs": costs_table(),
        "replicas": replicas_table(),
        "agreement": agreement_table(),
        "capacity": capacity_table(work),
        "prices": cost_table(work),
        "cdn": without_cdn_table(work),
    }
    return {name: _markdown(list(each)) for name, each in rows.items()}


def _markdown(rows: Sequence[Sequence[str]]) -> str:
    head, *body = rows
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---", *["---:"] * (len(head) - 1)], *body))


def plot(work: Workload) -> str:
    """Return the costs of a month without the CDN as SVG."""
    lines = {
        f"{_short(avatars)} avatars": [
            (rate, plan(replace(work, avatars=avatars, rate=rate)).usd) for rate in RATES
        ]
        for avatars in AVATARS
    }
    title = "US dollars a month, without the CDN"
    return plots.lines(title, lines, "requests/s at the CDN", logarithmic=True)


def page(text: str) -> str:
    """Return the text of docs/scale.md with the tables of the default workload."""
    for name, table in tables(Workload()).items():
        before, begin, rest = text.partition(f"<!-- {name} -->\n")
        _, end, after = rest.partition(f"<!-- end of {name} -->")
        text = f"{before}{begin}{table}\n{end}{after}"
    return text
