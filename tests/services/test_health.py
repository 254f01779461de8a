"""Health, readiness and metrics tell the truth, and never wait for clients or pile up."""

import asyncio
import errno
import logging
import os
import sqlite3
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from threading import Event
from typing import NoReturn

import httpx
import pytest

from avatar_gen.app import create_app
from avatar_gen.database import READERS
from avatar_gen.objects.local import LocalStore
from avatar_gen.services import health
from avatar_gen.services.health import HealthChecks
from avatar_gen.settings.schema import Settings

Scenario = Callable[[httpx.AsyncClient, HealthChecks], Awaitable[None]]


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(health, "_TIMEOUT_SECONDS", 0.2)


def run(scenario: Scenario) -> None:
    """Run a scenario with a client of the application and its health checks."""

    async def play() -> None:
        app = create_app(Settings())
        transport = httpx.ASGITransport(app)
        async with (
            app.api.router.lifespan_context(app.api),
            httpx.AsyncClient(transport=transport, base_url="http://test") as client,
        ):
            await scenario(client, app.api.state.health)

    asyncio.run(play())


async def states(client: httpx.AsyncClient) -> dict[str, str]:
    answer = await client.get("/api/health")
    checks: dict[str, dict[str, str]] = answer.json()["data"]["checks"]
    assert (answer.status_code == 200) == (answer.json()["data"]["status"] == "healthy")
    return {name: check["status"] for name, check in checks.items()}


def full(*_arguments: object) -> NoReturn:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_all_is_well() -> None:
    async def scenario(client: httpx.AsyncClient, checks: HealthChecks) -> None:
        assert await states(client) == {"database": "up", "storage": "up", "storage-write": "up"}
        assert (await client.get("/api/health/ready")).json()["message"] == "Ready"
        report = await checks.check()
        assert report.capacity
        assert report.capacity.free_inodes is None or report.capacity.free_inodes > 0

    run(scenario)


@pytest.mark.parametrize("call", ["write", "fsync"])
def test_a_storage_that_cannot_be_written_is_still_ready_to_read(
    monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    async def scenario(client: httpx.AsyncClient, checks: HealthChecks) -> None:
        avatar = (await client.post("/api/generate")).json()["data"]["id"]
        with monkeypatch.context() as patch:
            patch.setattr(os, call, full)
            assert await states(client) == {"database": "up", "storage": "up", "storage-write": "down"}
            ready = await client.get("/api/health/ready")
            assert ready.status_code == 200
            assert ready.json()["message"] == "Ready to read only; down: storage-write"
            assert (await client.get(f"/api/{avatar}")).status_code == 200
            assert (await client.post("/api/generate")).status_code == 507
            assert (await checks.check()).capacity is None
        assert set((await states(client)).values()) == {"up"}

    run(scenario)


def test_a_write_that_hangs_is_noticed_and_holds_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    hang = Event()
    fsync = os.fsync

    def slow(descriptor: int) -> None:
        hang.wait(60)
        fsync(descriptor)

    async def scenario(client: httpx.AsyncClient, checks: HealthChecks) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", slow)
            assert (await states(client))["storage-write"] == "down"
            threads = threading.active_count()
            for _ in range(20):
                assert (await client.get("/api/health")).status_code == 503
            assert threading.active_count() == threads
            # What does not need the storage goes on.
            assert (await client.get("/api/health/live")).status_code == 200
            assert (await client.get("/api/health/ready")).status_code == 200
            assert (await client.get("/api/styles")).status_code == 200
            assert checks._storage_write._answer
            hang.set()
            await asyncio.wait([checks._storage_write._answer])
        assert (await states(client))["storage-write"] == "up"

    run(scenario)


def test_a_storage_that_hangs_is_down_and_nothing_else_is(monkeypatch: pytest.MonkeyPatch) -> None:
    hang = Event()
    monkeypatch.setattr(LocalStore, "check_read", lambda _: hang.wait(60))

    async def scenario(client: httpx.AsyncClient, _checks: HealthChecks) -> None:
        assert await states(client) == {"database": "up", "storage": "down", "storage-write": "up"}
        threads = threading.active_count()
        answers = await asyncio.gather(*(client.get("/api/health/ready") for _ in range(20)))
        assert {answer.status_code for answer in answers} == {503}
        assert {answer.json()["message"] for answer in answers} == {
            "The service is not ready; down: storage."
        }
        assert threading.active_count() <= threads + 2
        assert (await client.get("/api/list")).status_code == 200
        hang.set()

    run(scenario)


def test_checks_do_not_wait_for_the_lists_of_clients(monkeypatch: pytest.MonkeyPatch) -> None:
    """All threads and connections that serve lists are busy with deep pages."""
    busy, leave = threading.Semaphore(0), Event()

    def page(*_arguments: object, **_options: object) -> NoReturn:
        busy.release()
        leave.wait(60)
        raise ZeroDivisionError

    async def scenario(client: httpx.AsyncClient, _checks: HealthChecks) -> None:
        monkeypatch.setattr(health, "_TIMEOUT_SECONDS", 60)
        monkeypatch.setattr("avatar_gen.database.repository.Repository.page", page)
        lists = [asyncio.ensure_future(client.get("/api/list")) for _ in range(10)]
        for _ in range(READERS):
            assert await asyncio.to_thread(busy.acquire, timeout=60)
        for _ in range(5):
            assert (await client.get("/api/health/ready")).status_code == 200
            assert set((await states(client)).values()) == {"up"}
        leave.set()
        for each in lists:
            each.cancel()

    run(scenario)


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("DROP TABLE stored_avatars", "The database lacks these tables: stored_avatars"),
        ("DELETE FROM alembic_version", "The table alembic_version has no row"),
        ("DELETE FROM avatar_total", "The table avatar_total has no row. Run: avatar-gen reindex"),
    ],
)
def test_a_database_without_its_tables_or_rows_is_down_and_the_log_names_them(
    statement: str, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario(client: httpx.AsyncClient, _checks: HealthChecks) -> None:
        assert (await states(client))["database"] == "up"
        with sqlite3.connect("storage/database/avatars.db") as other:
            other.execute(statement)
        other.close()
        assert (await states(client))["database"] == "down"
        assert (await client.get("/api/health/ready")).status_code == 503

    with caplog.at_level(logging.ERROR):
        run(scenario)
    assert words in caplog.text


@pytest.mark.parametrize("words", ["was deleted", "was replaced"])
def test_a_database_file_that_is_gone_is_noticed(
    words: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def lose() -> None:
        file = Path("storage/database/avatars.db")
        content = file.read_bytes()
        file.unlink()
        if words == "was replaced":
            file.with_name("restored").write_bytes(content)
            file.with_name("restored").rename(file)

    async def scenario(client: httpx.AsyncClient, _checks: HealthChecks) -> None:
        lose()
        assert (await states(client))["database"] == "down"

    with caplog.at_level(logging.ERROR):
        run(scenario)
    assert words in caplog.text
