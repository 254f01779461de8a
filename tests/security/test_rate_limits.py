"""Counting, without a server: how exactly, and how much memory it takes."""

import tracemalloc

import pytest

from avatar_gen.security.rate_limits import MAX_CLIENTS, Limit
from avatar_gen.settings.values import Rate


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("throttled.utils.time", clock)
    return clock


def passed(limit: Limit, who: str, tries: int) -> int:
    return sum(not limit.count(who).retry_after for _ in range(tries))


def test_the_burst_passes_at_once_and_then_the_rate(clock: Clock) -> None:
    limit = Limit("client", Rate(8, "s", 32))
    assert passed(limit, "a", 100) == 32
    for seconds, more in ((0.125, 1), (0.5, 4), (1, 8), (3.9, 31), (100, 32)):
        clock.now += seconds + 1e-6
        assert passed(limit, "a", 100) == more
    assert passed(limit, "b", 100) == 32


@pytest.mark.parametrize(
    ("rate", "policy"),
    [
        (Rate(100, "s", 200), b'"x";q=200;w=2'),
        (Rate(1, "s", 1), b'"x";q=1;w=1'),
        (Rate(7, "s", 10), b'"x";q=10;w=2'),
        (Rate(60, "min", 60), b'"x";q=60;w=60'),
        (Rate(3600, "hour", 10), b'"x";q=10;w=10'),
    ],
)
def test_what_it_says_of_itself_holds(clock: Clock, rate: Rate, policy: bytes) -> None:
    """As many as `q` in each `w` seconds."""
    limit = Limit("x", rate)
    assert limit.policy == policy
    window = int(policy.rpartition(b"=")[2])
    for _ in range(5):
        assert passed(limit, "a", 1000) == rate.burst
        clock.now += window + 1e-6


def test_it_says_what_is_left_and_when_to_come_back(clock: Clock) -> None:
    """Within `t` seconds there are no more than `r`, as the draft has it; to come back earlier is vain."""
    limit = Limit("client", Rate(15, "min", 3))
    counts = []
    for _ in range(5):
        counts.append(limit.count("a"))
        clock.now += 0.75
    items = [b'"client";r=%d;t=%d' % each for each in ((2, 4), (1, 4), (0, 3), (0, 2), (0, 1))]
    assert [each.item for each in counts] == items
    assert [each.retry_after for each in counts] == [0, 0, 0, 2, 1]
    clock.now += 0.25 + 1e-6
    assert limit.count("a").retry_after == 0


def test_a_client_that_waits_as_long_as_told_is_allowed(clock: Clock) -> None:
    limit = Limit("client", Rate(7, "min", 2))
    for _ in range(50):
        while not (wait := limit.count("a").retry_after):
            pass
        clock.now += wait
        assert not limit.count("a").retry_after


def test_many_clients_take_no_more_memory_than_the_few_that_are_remembered() -> None:
    limit = Limit("client", Rate(100, "s", 200))
    tracemalloc.start()
    try:
        for number in range(3 * MAX_CLIENTS):
            limit.count(f"2001:db8:2:{number}::/64")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 7_000_000


def test_one_of_many_is_counted_all_the_same() -> None:
    """A client that asks again and again is not the one that is forgotten."""
    limit = Limit("client", Rate(1, "hour", 5))
    let_in = 0
    for number in range(3 * MAX_CLIENTS):
        limit.count(f"2001:db8:0:{number}::/64")
        if number % 1000 == 0:
            let_in += not limit.count("a").retry_after
    assert let_in == 5
