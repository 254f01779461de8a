"""The model and the simulation of docs/scale.md: known values, what grows with what, and the page itself."""

from dataclasses import replace
from math import log

import pytest

from tools.capacity.__main__ import PAGE, PLOT
from tools.capacity.comparison import agreement, steady
from tools.capacity.model import MONTH, Limits, Plan, Prices, Workload, plan
from tools.capacity.popularity import hit_rate, shares
from tools.capacity.simulation import Kind, Load, Simulation
from tools.capacity.tables import page, plot, tables

ONLY_STORED = Workload(avatars=1, rate=1, stored=1, by_url=0, lists=0, lifetime=0, writes=0)


@pytest.mark.parametrize("avatars", [1, 10, 1001, 10**9])
def test_shares_add_up_to_one(avatars: int) -> None:
    groups = list(shares(avatars, 0.8))
    assert sum(count for _, count in groups) == avatars
    assert sum(share * count for share, count in groups) == pytest.approx(1)


def test_a_picture_that_is_requested_n_times_in_a_lifetime_misses_once_in_n_plus_one() -> None:
    assert hit_rate(1, 0.8, rate=1, lifetime=1) == pytest.approx(1 / 2)
    assert hit_rate(2, 0, rate=2, lifetime=3) == pytest.approx(3 / 4)
    assert hit_rate(1, 0.8, rate=1, lifetime=0) == 0


def test_groups_of_avatars_are_as_good_as_single_ones() -> None:
    avatars, skew, rate, lifetime = 20_000, 0.8, 100, 60
    weights = [rank**-skew for rank in range(1, avatars + 1)]
    total = sum(weights)
    wanted = [rate * lifetime * weight / total for weight in weights]
    exact = sum(each * each / (each + 1) for each in wanted) / sum(wanted)
    assert hit_rate(avatars, skew, rate, lifetime) == pytest.approx(exact, abs=1e-3)


def test_one_request_for_a_stored_picture_is_one_get_request() -> None:
    needs = plan(ONLY_STORED)
    assert (needs.hits, needs.origin, needs.gets, needs.puts, needs.queries) == (0, 1, 1, 0, 0)
    assert (needs.replicas, needs.database_processors, needs.partitions, needs.prefixes) == (2, 2, 1, 1)
    storage = needs.store_gb * Prices.store_gb_month
    assert needs.store_usd == pytest.approx(MONTH * 0.4e-6 + storage)
    assert needs.cdn_usd == pytest.approx(MONTH * (1e-6 + 1000 * 0.085e-9))


def test_half_as_much_use_needs_twice_the_processors() -> None:
    work = replace(ONLY_STORED, rate=100_000)
    half, quarter = (plan(work, Limits(utilisation=share)).replicas for share in (0.5, 0.25))
    assert quarter == pytest.approx(2 * half, abs=1)


@pytest.mark.parametrize("field", ["avatars", "rate", "writes"])
def test_a_larger_load_needs_no_less_of_anything(field: str) -> None:
    work = Workload(avatars=1e6, rate=1e4, writes=1)
    small, large = (plan(replace(work, **{field: getattr(work, field) * factor})) for factor in (1, 10))
    for name in set(Plan._fields) - {"hits"}:
        assert getattr(large, name) >= getattr(small, name), name
    assert large.usd > small.usd


def test_a_longer_lifetime_in_the_cdn_needs_less() -> None:
    needs = [plan(Workload(avatars=1e8, rate=1e5, lifetime=each)) for each in (0, 1, 60, 3600, 86_400)]
    assert [each.hits for each in needs] == sorted({each.hits for each in needs})
    assert [each.gets for each in needs] == sorted((each.gets for each in needs), reverse=True)


def kind(lifetime: float | None, service_us: float = 1000) -> Kind:
    call = {"database query": 2.0}
    return Kind(1, lifetime, service_us, service_us, call, call)


def test_without_a_cache_each_request_is_simulated_as_a_queue() -> None:
    """The median time in the queue M/M/1 is ln 2 / (mu - lambda)."""
    seen = Simulation(Load(500, 60, 10, 0.8), {"any": kind(None)}).run()
    assert (seen.hits, seen.calls) == (0, {"database query": 2})
    assert seen.service_us == pytest.approx(1000, rel=0.05)
    assert seen.busy == pytest.approx(0.5, rel=0.05)
    assert seen.p50_ms == pytest.approx(log(2) / (1000 - 500) * 1000, rel=0.1)


def test_two_replicas_share_the_work() -> None:
    one, two = (
        Simulation(Load(500, 20, 10, 0.8), {"any": kind(None)}, replicas=each).run() for each in (1, 2)
    )
    assert two.busy == pytest.approx(one.busy / 2, rel=0.1)
    assert two.p99_ms < one.p99_ms


def test_requests_at_the_same_time_for_one_picture_are_one() -> None:
    seen = Simulation(Load(1000, 10, 1, 0.8), {"any": kind(1e9, service_us=1e6)}).run()
    assert seen.calls == {"database query": 2 / seen.requests}
    assert seen.p99_ms > 0


def test_the_formula_and_the_simulation_agree() -> None:
    formula, seen = steady()
    assert seen.hits == pytest.approx(formula, abs=0.02)


def test_the_simulation_agrees_with_what_was_measured() -> None:
    """As docs/scale.md says. The CPU time was measured beside other work."""
    for name, (measured, simulated) in agreement().items():
        assert simulated == pytest.approx(measured, rel=0.4 if name.startswith("CPU") else 0.15), name


def test_the_page_has_the_tables_and_the_plot_of_the_model() -> None:
    """Otherwise: python -m tools.capacity --update."""
    text = PAGE.read_text(encoding="utf-8")
    assert page(text) == text
    assert all(table in text for table in tables(Workload()).values())
    assert plot(Workload()) == PLOT.read_text(encoding="utf-8")
