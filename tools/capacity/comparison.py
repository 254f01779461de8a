"""The simulation beside what was measured, and beside the formula of the model."""

from statistics import mean

from tools.capacity.measured import MEASURED, calls_of, cpu_of
from tools.capacity.model import YEAR
from tools.capacity.popularity import hit_rate
from tools.capacity.simulation import Kind, Load, Observed, Simulation

_GATEWAY_SECONDS = 1.5
"""nginx counts whole seconds, so its `proxy_cache_valid 1s` is 1 to 2 seconds."""

_RUNS = 5


def small_end() -> list[Observed]:
    """Simulate the mixed load that was measured through the gateway, several times."""
    load = MEASURED["small end"]["load"]
    shares = {name: load[name] for name in ("stored", "by_url", "generate")}
    kinds = {
        "stored": _kind(shares["stored"], _GATEWAY_SECONDS, "stored picture, cached", "stored picture, cold"),
        "by URL": _kind(shares["by_url"], YEAR, "picture by URL, cold"),
        "generate": _kind(shares["generate"], None, "generate"),
        "list": _kind(1 - sum(shares.values()), None, "list"),
    }
    sent = Load(load["rate"], load["seconds"], load["avatars"], load["skew"])
    return [Simulation(sent, kinds, seed=seed).run() for seed in range(_RUNS)]


def _kind(share: float, lifetime: float | None, name: str, first: str | None = None) -> Kind:
    return Kind(
        share=share,
        lifetime=lifetime,
        service_us=cpu_of(name, "service"),
        first_us=cpu_of(first or name, "service"),
        calls=calls_of(name, "store") | calls_of(name, "database"),
        first_calls=calls_of(first or name, "store") | calls_of(first or name, "database"),
        database_us=cpu_of(name, "database"),
    )


def agreement() -> dict[str, tuple[float, float]]:
    """Return what was measured at the small end, and the mean of what the simulations observe."""
    measured, simulated = MEASURED["small end"], small_end()
    pairs = {
        "answers from the cache": (measured["gateway cache"]["HIT"], mean(each.hits for each in simulated))
    }
    for name in ("store GET", "store GET if", "store PUT", "database query"):
        found = mean(each.calls[name] for each in simulated)
        pairs[f"{name}, of a request"] = measured["calls"][name], found
    cpu = mean(each.service_us for each in simulated)
    return pairs | {"CPU us of the replica, of a request": (measured["cpu_us"]["service"], cpu)}


STEADY = Load(rate=300, seconds=300, avatars=3_000, skew=0.8)


def steady() -> tuple[float, Observed]:
    """Return the hit rate of the formula for a larger load, and what the simulation observes."""
    kinds = {"stored": _kind(1, 60, "stored picture, cached", "stored picture, cold")}
    formula = hit_rate(STEADY.avatars, STEADY.skew, STEADY.rate, 60)
    return formula, Simulation(STEADY, kinds, replicas=4).run()
