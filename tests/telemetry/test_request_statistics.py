"""What is counted of requests, whatever they are."""

import asyncio
import random
import string
from collections.abc import AsyncIterator, Iterator, MutableMapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from avatar_gen.app import Application, create_app
from avatar_gen.settings.schema import Settings, SqliteParams
from avatar_gen.settings.storage import LocalStorage, Storage
from avatar_gen.telemetry.request_statistics import BOUNDS, RequestStatistics
from tests.conftest import database

METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "PROPFIND", "M-SEARCH"]
PREFIXES = [
    "/",
    "/api/",
    "/api/render/",
    "/api/render/wave/",
    "/avatar/",
    "/10.x/",
    "/api/identities/",
    "/swagger-",
]
"""Where there is something; what follows is made up."""


def test_a_request_is_in_the_bucket_of_its_seconds() -> None:
    statistics = RequestStatistics()
    for seconds in (0, 0.0005, 0.00051, 5, 5.1, 99):
        statistics.observe("GET", "/a", 200, seconds)
    *counts, total = statistics.requests["GET", "/a", 200]
    assert counts == [2, 1, *[0] * (len(BOUNDS) - 3), 1, 2]
    assert total == pytest.approx(109.10101)


def test_what_clients_make_up_is_counted_as_one() -> None:
    statistics = RequestStatistics()
    statistics.observe("GET", None, 404, 0.1)
    statistics.observe("BREW", "/a", 405, 0.1)
    statistics.observe("MILK", "/a", 405, 0.1)
    assert set(statistics.requests) == {("GET", "other", 404), ("other", "/a", 405)}
    assert sum(statistics.requests["other", "/a", 405][:-1]) == 2
    assert (statistics.by_class(4), statistics.by_class(5)) == (3, 0)


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[Application]:
    sqlite = database(None).model_copy(update={"sqlite_params": SqliteParams(url=f"file:{folder}/a.db")})
    storage = Storage(local=LocalStorage(save_path=folder / "avatars"))
    app = create_app(Settings(database=sqlite, storage=storage))
    async with app.api.router.lifespan_context(app.api):
        yield app


def made_up(number: int, seed: int) -> Iterator[dict[str, Any]]:
    """Requests of any method for any address."""
    chance = random.Random(seed)
    for _ in range(number):
        name = "".join(
            chance.choices(string.ascii_letters + string.digits + "./-%{}é", k=chance.randint(1, 30))
        )
        path = chance.choice(PREFIXES) + name
        yield {
            "type": "http",
            "method": chance.choice(METHODS),
            "path": path,
            "raw_path": path.encode(),
            "query_string": name.encode() if chance.random() < 0.2 else b"",
            "headers": [],
        }


async def ask(app: Application, scope: dict[str, Any]) -> None:
    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(_message: MutableMapping[str, Any]) -> None:
        pass

    await app(scope, receive, send)


def test_unknown_urls_make_no_new_series(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """However many paths are requested, there are only as many series as routes, methods and statuses."""
    caplog.set_level("CRITICAL")

    async def main() -> None:
        async with running(tmp_path) as app:
            statistics: RequestStatistics = app.api.state.statistics
            for scope in made_up(5_000, seed=2):
                await ask(app, scope)
            assert len({route for _, route, _ in statistics.requests}) < 15
            assert len(statistics.requests) < 150
            assert sum(sum(timings[:-1]) for timings in statistics.requests.values()) == 5_000
            assert statistics.by_class(5) == 0

    asyncio.run(main())
