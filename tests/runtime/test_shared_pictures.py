"""Pictures that all processes share in a real Redis, which may hang, die and come back."""

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from avatar_gen.runtime import redis_client
from avatar_gen.runtime.cache import PictureCache
from avatar_gen.runtime.redis_client import SharedRedis
from avatar_gen.runtime.shared_pictures import LIFETIME_SECONDS, SharedPictures
from avatar_gen.services.additions import read_additions, serve_additions
from avatar_gen.services.installation import picture_version
from tests.conftest import App, MakeApp
from tests.servers.postgres import Postgres
from tests.servers.redis import Redis, needs_redis
from tests.servers.waiting import wait_until

pytestmark = needs_redis

STYLES = Path(__file__).parents[2] / "docs" / "definitions"
WRITTEN = "avatar-gen:pictures:written"


def play(scenario: Callable[[SharedRedis], Awaitable[None]], url: str) -> None:
    """Run a scenario with the connections of a process."""

    async def run() -> None:
        redis = SharedRedis(url)
        try:
            await scenario(redis)
        finally:
            await redis.close()

    asyncio.run(run())


async def written(redis: SharedRedis) -> None:
    """Wait for all that is asked in the background."""
    await asyncio.gather(*redis._later)


def keys(redis: Redis) -> set[str]:
    with redis.client() as client:
        found: Any = client.keys("avatar-gen:picture:*")
        return {key.decode() for key in found}


def wait_for_keys(redis: Redis, count: int) -> None:
    wait_until(lambda: len(keys(redis)) >= count, seconds=30)


def test_what_one_process_made_no_other_makes(redis: Redis) -> None:
    made = []

    async def make() -> bytes:
        made.append(1)
        return b"picture"

    async def scenario(connection: SharedRedis) -> None:
        others = SharedPictures(connection, 10_000, b"1")
        one, other = PictureCache(1000, others), PictureCache(1000, others)
        assert await one.get_or_make(b"a", make, costly=True) == b"picture"
        await written(connection)
        assert await other.get_or_make(b"a", make, costly=True) == b"picture"
        assert (len(made), others.hits) == (1, 1)
        await other.get_or_make(b"a", make, costly=True)
        assert others.hits == 1, "the second time it is in the memory of the process"
        newer = PictureCache(1000, SharedPictures(connection, 10_000, b"2"))
        await newer.get_or_make(b"a", make, costly=True)
        assert len(made) == 2, "another version draws other pictures"
        await one.get_or_make(b"b", make)
        await written(connection)
        assert len(keys(redis)) == 2, "only what is costly is shared"

    play(scenario, redis.url)


def test_redis_holds_no_more_than_the_limit_and_for_no_longer_than_the_lifetime(redis: Redis) -> None:
    limit = 50_000

    async def scenario(connection: SharedRedis) -> None:
        pictures = SharedPictures(connection, limit, b"")
        pictures.put(b"too large", bytes(limit))

        async def fill() -> None:
            for number in range(40):
                pictures.put(b"%d" % number, bytes(750))
                await written(connection)

        await fill()
        # A fifth of the limit, in pieces of 1,000 bytes.
        assert len(keys(redis)) == 10
        with redis.client() as client:
            assert 0 < client.ttl(WRITTEN) <= LIFETIME_SECONDS / 4
            assert all(0 < client.ttl(key) <= LIFETIME_SECONDS for key in keys(redis))
            taken: Any = sum(client.memory_usage(key) for key in keys(redis))
            assert taken <= limit / 5 * 1.2
            client.persist(WRITTEN)
            await fill()
            assert client.ttl(WRITTEN) > 0, "a counter that never expires would end the cache"
            client.delete(WRITTEN)  # as if the time of a window had passed
            pictures.put(b"next", b"")
            await written(connection)
            assert len(keys(redis)) == 11

    play(scenario, redis.url)


def test_without_redis_pictures_are_made_and_one_warning_is_logged(
    redis: Redis, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.INFO, redis_client.__name__)
    monkeypatch.setattr(redis_client, "_PAUSE_SECONDS", 0.0)

    async def make() -> bytes:
        return b"picture"

    async def scenario(connection: SharedRedis) -> None:
        cache = PictureCache(0, SharedPictures(connection, 10_000, b""))

        async def get() -> bytes:
            picture = await cache.get_or_make(b"a", make, costly=True)
            await written(connection)
            return picture

        for _ in range(2):
            assert await get() == b"picture"
        redis.kill()
        assert [await get() for _ in range(4)] == [b"picture"] * 4
        assert [record.levelname for record in caplog.records] == ["WARNING"]
        redis.start()
        while len(caplog.records) < 2:
            assert await get() == b"picture"
        monkeypatch.setattr(redis_client, "TIMEOUT_SECONDS", 0.05)
        redis.signal(signal.SIGSTOP)
        assert [await get() for _ in range(2)] == [b"picture"] * 2

    play(scenario, redis.url)
    assert "each process counts rate limits and caches pictures alone" in caplog.text


def test_a_redis_that_refuses_to_write_fails_nothing(redis: Redis) -> None:
    async def make() -> bytes:
        return b"picture"

    async def scenario(connection: SharedRedis) -> None:
        with redis.client() as client:
            client.config_set("maxmemory", 1)
        cache = PictureCache(0, SharedPictures(connection, 10_000, b""))
        for _ in range(3):
            assert await cache.get_or_make(b"a", make, costly=True) == b"picture"
            await written(connection)

    play(scenario, redis.url)
    assert not keys(redis)


def replicas(make_app: MakeApp, redis: Redis, postgres: Postgres, storage: Path) -> tuple[App, App]:
    settings = {"storage": {"local": {"save_path": str(storage)}}}
    environ = {"DATABASE_URL": postgres.new_database(), "REDIS_URL": redis.url}
    one, other = (make_app(settings, environ).start() for _ in range(2))
    return one, other


def test_replicas_share_pictures_and_never_serve_a_deleted_avatar(
    make_app: MakeApp, redis: Redis, postgres: Postgres, tmp_path: Path
) -> None:
    one, other = replicas(make_app, redis, postgres, tmp_path / "avatars")
    url = f"/api/{one.generate(seed='ada')}?format=webp&size=7"
    picture = one.client.get(url).content
    wait_for_keys(redis, 1)
    with redis.client() as client:
        # A mark shows that the other replica does not make the picture itself.
        client.set(next(iter(keys(redis))), b"from Redis")
    assert other.client.get(url).content == b"from Redis"
    assert one.client.get(url).content == picture
    assert one.client.delete(url.partition("?")[0]).status_code == 200
    assert keys(redis)
    assert other.client.get(url).status_code == 404
    assert other.client.get("/api/health").json()["data"]["checks"]["redis"]["status"] == "up"


@pytest.mark.usefixtures("nothing_added")
def test_a_style_of_an_operator_is_part_of_the_version() -> None:
    before = picture_version()
    assert picture_version() == before
    serve_additions(read_additions({}, STYLES))
    assert picture_version() != before
