"""Our own faults and those of dependencies: each an answer that says what is wrong, none a loss."""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import NoReturn

import httpx
import pytest
from sqlalchemy.exc import OperationalError

from avatar_gen.app import create_app
from avatar_gen.errors import StorageUnavailable
from avatar_gen.objects.local import LocalStore
from avatar_gen.services.avatars import Avatars
from avatar_gen.settings.schema import Settings
from tests.conftest import MakeApp, MakeService, assert_failure


@asynccontextmanager
async def in_process(settings: Settings) -> AsyncIterator[tuple[httpx.AsyncClient, Avatars]]:
    """The application without a server, for faults that cannot be had from outside."""
    app = create_app(settings)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with (
        app.api.router.lifespan_context(app.api),
        httpx.AsyncClient(transport=transport, base_url="http://test") as client,
    ):
        yield client, app.api.state.avatars


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_while_another_process_holds_the_database_nothing_is_kept_by_halves(
    make_service: MakeService,
) -> None:
    service = make_service().start()
    kept = service.generate(seed="a")
    path = service.folder / "storage" / "database" / "avatars.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        started = time.monotonic()
        answer = service.client.post("/api/generate", json={"seed": "b"})
        assert_failure(answer, 503, mentions="The database is unavailable")
        assert answer.headers["retry-after"] == "5"
        assert_failure(service.client.delete(f"/api/{kept}"), 503, mentions="database")
        assert time.monotonic() - started < 8
        assert service.client.get(f"/api/{kept}").status_code == 200
        assert service.client.get("/api/list").json()["data"]["pagination"]["total"] == 1
    assert [each.stem for each in (service.folder / "storage" / "avatars").glob("??/*.zip")] == [kept]
    assert list((service.folder / "storage" / "avatars" / "incoming").iterdir()) == []
    assert service.generate(seed="b")
    assert service.client.delete(f"/api/{kept}").status_code == 200
    service.wait_for_log("database is locked")


def test_removals_that_wait_hold_up_nobody_else(make_service: MakeService) -> None:
    service = make_service().start()
    avatars = [service.generate() for _ in range(8)]
    path = service.folder / "storage" / "database" / "avatars.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as other, ThreadPoolExecutor(8) as threads:
        other.execute("BEGIN IMMEDIATE")
        waiting = threads.map(lambda each: service.client.delete(f"/api/{each}").status_code, avatars)
        for _ in range(5):
            started = time.monotonic()
            assert service.client.get("/api/health").status_code == 200
            assert service.client.get("/api/list").status_code == 200
            assert time.monotonic() - started < 1
            time.sleep(0.2)
        assert set(waiting) == {503}
    assert service.client.get("/api/list").json()["data"]["pagination"]["total"] == 8
    for avatar in avatars:
        assert service.client.get(f"/api/{avatar}").status_code == 200


@pytest.mark.parametrize(
    ("words", "status", "error"),
    [("database or disk is full", 507, "disk is full"), ("disk I/O error", 503, "database is unavailable")],
)
def test_a_commit_that_fails_changes_nothing(
    monkeypatch: pytest.MonkeyPatch, words: str, status: int, error: str
) -> None:
    def commit(_connection: object) -> NoReturn:
        raise OperationalError("COMMIT", None, sqlite3.OperationalError(words))

    async def scenario() -> None:
        async with in_process(Settings()) as (client, avatars):
            kept = (await client.post("/api/generate")).json()["data"]["id"]
            with monkeypatch.context() as patch:
                patch.setattr("sqlalchemy.Connection.commit", commit)
                assert_failure(await client.delete(f"/api/{kept}"), status, mentions=error)
                assert_failure(await client.post("/api/generate"), status, mentions=error)
            assert (await client.get(f"/api/{kept}")).status_code == 200
            assert (await client.get("/api/list")).json()["data"]["pagination"]["total"] == 1
            # What is unsettled is settled with the next avatar that is kept.
            other = (await client.post("/api/generate")).json()["data"]["id"]
            assert set(avatars._store.ids()) == {kept, other}

    asyncio.run(scenario())


def test_pictures_in_memory_are_served_while_the_storage_is_unavailable_unless_they_were_deleted(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_app().start()
    seen, deleted, unseen = (app.generate() for _ in range(3))
    for avatar in (seen, deleted):
        assert app.client.get(f"/api/{avatar}").status_code == 200

    async def fail(*_: object, **__: object) -> NoReturn:
        raise StorageUnavailable

    monkeypatch.setattr(LocalStore, "open", fail)
    with closing(sqlite3.connect(app.folder / "storage" / "database" / "avatars.db")) as other, other:
        found = other.execute("DELETE FROM stored_avatars WHERE id = ?", (deleted.replace("-", ""),))
        assert found.rowcount == 1
    assert app.client.get(f"/api/{seen}").status_code == 200
    for avatar in (deleted, unseen):
        assert_failure(app.client.get(f"/api/{avatar}"), 503, mentions="The storage is unavailable")


def test_a_full_queue_of_pictures_is_answered_503(make_service: MakeService) -> None:
    service = make_service({"imaging": {"threads": 1, "queue": 1}}).start()

    def get(number: int) -> httpx.Response:
        return service.client.get(f"/api/render/wave/{number}.avif?size=512")

    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(get, range(200)))
    refused = [answer for answer in answers if answer.status_code != 200]
    assert refused
    assert len(refused) < len(answers)
    for answer in refused:
        assert_failure(answer, 503, mentions="Try again in a second")
        assert answer.headers["retry-after"] == "1"
    assert get(0).status_code == 200


def test_more_avatars_than_can_be_kept_are_answered_503(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("avatar_gen.services.writer.MAX_WAITING", 4)

    async def scenario() -> None:
        async with in_process(Settings()) as (client, _):
            answers = await asyncio.gather(*(client.post("/api/generate") for _ in range(64)))
            statuses = [answer.status_code for answer in answers]
            assert set(statuses) == {201, 503}
            total = (await client.get("/api/list")).json()["data"]["pagination"]["total"]
            assert total == statuses.count(201)
            assert all(
                answer.headers["retry-after"] == "1" for answer in answers if answer.status_code == 503
            )

    asyncio.run(scenario())


def fail(*_arguments: object, **_options: object) -> NoReturn:
    raise ZeroDivisionError("canary7f3a")


def test_one_batch_takes_only_so_many_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """macOS lets a process have 256 open."""
    monkeypatch.setattr("avatar_gen.services.writer.MAX_BATCH", 8)
    sizes = []

    async def scenario() -> None:
        async with in_process(Settings()) as (client, avatars):
            put = avatars._store.put

            def counted(objects: Mapping[str, bytes]) -> None:
                sizes.append(len(objects))
                put(objects)

            monkeypatch.setattr(avatars._store, "put", counted)
            answers = await asyncio.gather(*(client.post("/api/generate") for _ in range(64)))
            assert {answer.status_code for answer in answers} == {201}

    asyncio.run(scenario())
    assert sum(sizes) == 64
    assert 1 < max(sizes) <= 8


@pytest.mark.parametrize(
    ("target", "ask"),
    [
        ("avatar_gen.services.avatars.draw_object", lambda client: client.post("/api/generate")),
        ("avatar_gen.services.avatars.Avatars.page", lambda client: client.get("/api/list")),
    ],
)
def test_an_unexpected_error_is_a_500_with_its_reason_only_in_the_log(
    target: str,
    ask: Callable[[httpx.AsyncClient], object],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def scenario() -> None:
        async with in_process(Settings()) as (client, _):
            with monkeypatch.context() as patch:
                patch.setattr(target, fail)
                answer = await ask(client)  # type: ignore[misc]
                assert_failure(answer, 500, mentions="The service has failed; see its log.")
                assert "canary" not in answer.text
                assert answer.headers["x-request-id"]
            assert "ZeroDivisionError: canary7f3a" in caplog.text
            assert (await client.post("/api/generate")).status_code == 201

    asyncio.run(scenario())


def test_before_its_start_has_ended_and_once_its_end_has_begun_it_is_not_ready() -> None:
    async def scenario() -> None:
        app = create_app(Settings())
        async with app.api.router.lifespan_context(app.api):
            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
                assert (await client.get("/api/health/ready")).status_code == 200
                app.api.state.serving = False
                assert (await client.get("/api/health/ready")).status_code == 503
                assert (await client.get("/api/health/live")).status_code == 200

    asyncio.run(scenario())
