"""Limits that all processes count together in a real Redis, which may pause, die and come back."""

import asyncio
import logging
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest

from avatar_gen.runtime import redis_client
from avatar_gen.runtime.redis_client import SharedRedis
from avatar_gen.security.rate_limits import Limit
from avatar_gen.security.shared_limits import SharedLimits
from avatar_gen.settings.values import Rate
from tests.conftest import MakeApp
from tests.servers.net import free_port
from tests.servers.redis import Redis, needs_redis

pytestmark = needs_redis

PICTURE = "/api/render/pixelize/ada.png"


def limit(burst: int) -> Limit:
    return Limit("client", Rate(1, "hour", burst))


async def passed(shared: SharedLimits, counted: Limit, tries: int, client: str = "192.0.2.1") -> int:
    return sum([not (await shared.count([counted], client))[0].retry_after for _ in range(tries)])


def play(scenario: Callable[[SharedLimits, SharedLimits], Awaitable[None]], url: str) -> None:
    """Run a scenario with the counts of two processes."""

    async def run() -> None:
        connections = SharedRedis(url), SharedRedis(url)
        try:
            await scenario(*map(SharedLimits, connections))
        finally:
            for each in connections:
                await each.close()

    asyncio.run(run())


@contextmanager
def paused(redis: Redis) -> Iterator[None]:
    redis.signal(signal.SIGSTOP)
    yield
    redis.signal(signal.SIGCONT)


def test_two_processes_let_pass_together_what_one_lets_pass_alone(redis: Redis) -> None:
    async def scenario(one: SharedLimits, other: SharedLimits) -> None:
        assert await passed(one, limit(10), 6) == 6
        assert await passed(other, limit(10), 6) == 4
        assert await passed(other, limit(10), 1, client="2001:db8::/64") == 1
        local = Limit("client", Rate(15, "min", 3))
        for _ in range(5):
            (count,) = await one.count([Limit("minute", Rate(15, "min", 3))], "a")
            expected = local.count("a")
            # Time passes between the two, and `t` is rounded up.
            assert count.item.rpartition(b";")[0].partition(b";")[2] == expected.item.split(b";")[1]
            assert abs(count.retry_after - expected.retry_after) <= 1

    play(scenario, redis.url)
    with redis.client() as client:
        keys = client.keys("avatar-gen:*")
        assert len(keys) == 3
        assert all(0 < client.ttl(key) <= 36_000 for key in keys)


def test_requests_at_the_same_time_are_all_counted(redis: Redis) -> None:
    async def scenario(one: SharedLimits, other: SharedLimits) -> None:
        await one.count([limit(1)], "warm")
        await other.count([limit(1)], "warm")
        counts = await asyncio.gather(*(each.count([limit(20)], "a") for each in (one, other) * 20))
        assert sum(not count[0].retry_after for count in counts) == 20

    play(scenario, redis.url)


def test_a_redis_that_hangs_costs_one_request_in_a_second_fifty_milliseconds(
    redis: Redis, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.INFO, redis_client.__name__)
    monkeypatch.setattr(redis_client, "_PAUSE_SECONDS", 0.3)
    failures = []
    note_failure = SharedRedis._note_failure

    def note(redis: SharedRedis, error: Exception) -> None:
        failures.append(time.monotonic())
        note_failure(redis, error)

    monkeypatch.setattr(SharedRedis, "_note_failure", note)

    async def scenario(one: SharedLimits, _other: SharedLimits) -> None:
        counted = limit(10_000)
        assert await passed(one, counted, 3) == 3
        times = []
        monkeypatch.setattr(redis_client, "TIMEOUT_SECONDS", 0.05)
        with paused(redis):
            while len(failures) < 4:
                start = time.monotonic()
                assert await passed(one, counted, 1) == 1
                times.append(time.monotonic() - start)
                await asyncio.sleep(0.001)
        monkeypatch.setattr(redis_client, "TIMEOUT_SECONDS", 10)
        assert all(later - earlier >= 0.3 for earlier, later in pairwise(failures))
        assert sum(each >= 0.05 for each in times) >= 4
        assert statistics.median(times) < 0.05 / 2
        await asyncio.sleep(0.3)
        await one.count([counted], "a")

    play(scenario, redis.url)
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
    assert "no answer within 50 ms" in caplog.text


def test_without_redis_each_process_counts_alone_until_it_is_back(
    redis: Redis, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.INFO, redis_client.__name__)
    monkeypatch.setattr(redis_client, "_PAUSE_SECONDS", 0.0)

    async def scenario(one: SharedLimits, other: SharedLimits) -> None:
        counted, beside = limit(5), limit(5)
        assert await passed(one, counted, 3) == 3
        redis.kill()
        assert await passed(one, counted, 9) == 5
        assert await passed(other, beside, 9) == 5
        redis.start()
        # Redis has lost all counts.
        assert await passed(one, counted, 3) == 3
        assert await passed(other, beside, 9) == 2

    play(scenario, redis.url)
    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING", "INFO", "INFO"]
    assert str(redis.port) in caplog.messages[0]


def test_a_request_that_the_client_cancels_leaves_the_next_answer_alone(redis: Redis) -> None:
    async def scenario(one: SharedLimits, _other: SharedLimits) -> None:
        counted = limit(1000)
        await one.count([counted], "a")
        for _ in range(20):
            task = asyncio.create_task(one.count([counted], "b"))
            await asyncio.sleep(0)
            task.cancel()
        (count,) = await one.count([limit(7)], "c")
        assert count.item == b'"client";r=6;t=3600'

    play(scenario, redis.url)


def test_two_replicas_refuse_together_and_stay_healthy_without_redis(redis: Redis, make_app: MakeApp) -> None:
    settings = {"limits": {"client": "1/hour burst 6"}}
    one, other = (make_app(settings, {"REDIS_URL": redis.url}).start() for _ in range(2))

    def statuses(tries: int) -> list[int]:
        return [app.client.get(PICTURE).status_code for _ in range(tries) for app in (one, other)]

    assert sorted(statuses(5)) == [200] * 6 + [429] * 4
    health = one.client.get("/api/health").json()["data"]
    assert health["checks"]["redis"] == {"status": "up", "type": "redis"}
    redis.kill()
    assert statuses(1) == [200, 200]
    answer = one.client.get("/api/health")
    assert answer.status_code == 200
    assert answer.json()["message"] == "The service is healthy; down, but not required: redis"
    assert answer.json()["data"]["status"] == "healthy"
    assert answer.json()["data"]["checks"]["redis"] == {"status": "down", "type": "redis"}
    assert one.client.get("/api/health/ready").json()["message"] == "Ready"


def test_a_redis_that_was_never_available_stops_nothing(make_app: MakeApp) -> None:
    url = f"redis://127.0.0.1:{free_port()}/0"
    app = make_app({"limits": {"client": "1/hour burst 2"}, "redis": {"url": url}}).start()
    assert [app.client.get(PICTURE).status_code for _ in range(3)] == [200, 200, 429]


def test_without_its_setting_redis_is_not_even_imported(tmp_path: Path) -> None:
    program = (
        "import sys; from avatar_gen.app import create_app; from avatar_gen.cli import main;"
        " from avatar_gen.settings.schema import Limits, Settings;"
        " from avatar_gen.settings.values import Rate;"
        " create_app(Settings(limits=Limits.model_construct(client=Rate(1, 's', 1))));"
        " print(sorted({'redis', 'celery'} & set(sys.modules)))"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert result.stdout == "[]\n"
