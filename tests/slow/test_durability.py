"""Nothing that was acknowledged is lost, whatever ends the process."""

import contextlib
import os
import random
import signal
import socket
import sqlite3
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from avatar_gen.avatar import Avatar
from avatar_gen.database import sqlite
from avatar_gen.database.engine import open_engines
from avatar_gen.database.repository import Repository
from avatar_gen.database.schema import prepare
from avatar_gen.objects.contents import read_object, write_object
from avatar_gen.objects.local import LocalStore
from avatar_gen.services.reindex import Reindex
from tests.conftest import BOTH, MakeService, Service, assert_failure, database
from tests.servers.postgres import Postgres

KILLS = int(os.environ.get("KILLS", "25"))
"""On each database; KILLS=200 for more."""

ALONE = sqlite.corrupts_shared_wal(sqlite.sqlite.sqlite_version_info)  # type: ignore[attr-defined]


def listed(service: Service) -> list[str]:
    ids: list[str] = []
    while True:
        data = service.client.get("/api/list", params={"pick": 100, "offset": len(ids)}).json()["data"]
        ids += [each["id"] for each in data["avatars"]]
        if not data["pagination"]["hasMore"]:
            assert data["pagination"]["total"] == len(ids)
            return ids


def objects(service: Service) -> set[str]:
    return {path.stem for path in (service.folder / "storage" / "avatars").glob("??/*.zip")}


@contextlib.contextmanager
def clients(
    service: Service,
    count: int,
    acknowledged: list[str],
    *,
    others: list[int] | None = None,
    broken: list[httpx.TransportError] | None = None,
) -> Iterator[None]:
    """Make avatars, from as many clients, until the server is gone, or an answer ends its connection.

    `others` collects the statuses that are not 201, `broken` how requests ended without an answer.
    """

    def make(client: httpx.Client, body: dict[str, str]) -> bool:
        answer = client.post("/api/generate", json=body)
        if answer.status_code == 201:
            acknowledged.append(answer.json()["data"]["id"])
        elif others is not None:
            others.append(answer.status_code)
        return "connection" not in answer.headers

    def work(number: int) -> None:
        kinds = ("pixelize", "wave", "gradient")
        with httpx.Client(base_url=service.client.base_url, timeout=10) as client:
            try:
                i = 0
                while make(client, {"seed": f"{number}-{i}", "type": kinds[i % 3]}):
                    i += 1
            except httpx.TransportError as error:
                if broken is not None:
                    broken.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    yield
    for thread in threads:
        thread.join()


def assert_whole(service: Service, acknowledged: list[str]) -> None:
    """Every avatar that was acknowledged is listed and served; no row is without its whole object."""
    rows = listed(service)
    assert len(set(rows)) == len(rows), "an avatar was doubled"
    assert set(acknowledged) <= set(rows), "an acknowledged avatar is not in the list"
    for avatar_id in rows:
        read_object(avatar_id, service.object(avatar_id).read_bytes())
    with ThreadPoolExecutor(4) as threads:
        answers = threads.map(lambda each: service.client.get(f"/api/{each}").status_code, acknowledged)
        assert set(answers) <= {200}


@BOTH
def test_kills_at_random_moments_lose_nothing(
    make_service: MakeService, postgres: Postgres, kind: str
) -> None:
    environ = {"DATABASE_URL": postgres.new_database()} if kind == "postgresql" else {}
    service = make_service({"logging": {"level": "warn"}}, environ)
    chance = random.Random(20261120)
    total = 0
    for number in range(KILLS):
        acknowledged: list[str] = []
        service.start()
        with clients(service, 4, acknowledged):
            # Every other one in the midst of things, however slow the machine is.
            while number % 2 and not acknowledged:
                time.sleep(0.001)
            time.sleep(chance.uniform(0.0, 0.2))
            service.kill()
        service.client.close()
        service.client = httpx.Client(base_url=service.client.base_url, timeout=30)
        service.start()
        assert_whole(service, acknowledged)
        total += len(acknowledged)
        service.kill()
    assert total >= KILLS // 2
    # What was written but not yet acknowledged is taken up by a reindex.
    assert service.run("reindex").stdout.endswith(" 0 removed, 0 objects damaged.\n")
    service.start()
    assert set(listed(service)) == objects(service)


def test_told_to_stop_it_answers_what_is_in_flight_and_exits_with_0(make_service: MakeService) -> None:
    """Nobody is sent away without an answer; each is told that it is the last."""
    service = make_service({"server": {"drain_time": 1}}).start()
    acknowledged: list[str] = []
    broken: list[httpx.TransportError] = []
    others: list[int] = []
    with clients(service, 8, acknowledged, others=others, broken=broken):
        while not acknowledged:
            time.sleep(0.1)
        started = time.monotonic()
        assert service.stop() == 0
        assert 1 <= time.monotonic() - started < 10
    assert acknowledged
    assert others == []
    assert broken == []
    assert "Traceback" not in service.log.read_text()
    service.start()
    assert_whole(service, acknowledged)
    assert set(listed(service)) == objects(service)


def test_told_to_stop_it_says_that_it_is_not_ready_before_it_closes(make_service: MakeService) -> None:
    service = make_service({"server": {"drain_time": 2}}).start()
    assert service.process
    assert service.client.get("/api/health/ready").status_code == 200
    service.process.send_signal(signal.SIGTERM)
    time.sleep(0.5)
    with httpx.Client(base_url=service.client.base_url) as client:
        answer = client.get("/api/health/ready")
        assert_failure(answer, 503, mentions="The service is stopping.")
        assert answer.headers["connection"] == "close"
        assert client.get("/api/health/live").status_code == 200
        assert client.post("/api/generate").status_code == 201
    assert service.process.wait(timeout=5) == 0


def test_a_request_that_never_ends_is_told_so_when_its_time_is_over(make_service: MakeService) -> None:
    service = make_service({"server": {"shutdown_timeout": 1}}).start()
    with contextlib.closing(socket.create_connection(("127.0.0.1", service.port))) as connection:
        connection.sendall(b"POST /api/generate HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{")
        time.sleep(0.2)
        assert service.stop() == 0
        assert b"503 Service Unavailable" in connection.recv(65536)
    assert "Traceback" not in service.log.read_text()


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGINT])
def test_other_ways_to_be_told_to_stop_are_as_good(make_service: MakeService, number: signal.Signals) -> None:
    service = make_service().start()
    assert service.process
    service.process.send_signal(number)
    assert service.process.wait(timeout=10) == 0


class TestReindex:
    def test_rebuilds_a_database_that_is_lost(self, make_service: MakeService) -> None:
        service = make_service().start()
        for i in range(20):
            service.generate(seed=f"☃ {i}", type="gradient", angle=i, colorScheme="ocean")
        before = service.client.get("/api/list?pick=100").json()["data"]
        service.stop()
        for path in (service.folder / "storage" / "database").iterdir():
            path.unlink()
        result = service.run("reindex")
        assert result.stdout == "20 avatars: 20 rows added, 0 removed, 0 objects damaged.\n"
        service.start()
        assert service.client.get("/api/list?pick=100").json()["data"] == before

    def test_removes_rows_whose_object_is_gone_and_keeps_those_of_damaged_ones(
        self, make_service: MakeService
    ) -> None:
        service = make_service().start()
        lost, damaged, whole, unlisted = (service.generate(seed=str(i)) for i in range(4))
        service.stop()
        service.object(lost).unlink()
        service.object(damaged).write_bytes(b"not an object")
        with contextlib.closing(sqlite3.connect(service.folder / "storage/database/avatars.db")) as database:
            database.execute("DELETE FROM stored_avatars WHERE id = ?", (unlisted.replace("-", ""),))
            database.commit()
        stranger = "00000000-0000-4000-8000-000000000000"
        service.object(stranger).write_bytes(service.object(whole).read_bytes())
        unreadable = "00000000-0000-4000-8000-000000000001"
        service.object(unreadable).mkdir()
        result = service.run("reindex", check=False)
        assert result.returncode == 3
        assert result.stdout == "3 avatars: 1 rows added, 1 removed, 3 objects damaged.\n"
        assert f"{damaged}: ObjectDamaged: 13 bytes do not match their SHA-256" in result.stderr
        assert f"{stranger}: ObjectDamaged: this is the object of {whole}" in result.stderr
        assert f"{unreadable}: StorageUnavailable: [Errno 21]" in result.stderr
        service.start()
        assert set(listed(service)) == {damaged, whole, unlisted}

    @pytest.mark.skipif(ALONE, reason="this SQLite has one writing process alone")
    def test_can_run_beside_the_service(self, make_service: MakeService) -> None:
        service = make_service({"logging": {"level": "warn"}}).start()
        acknowledged: list[str] = []
        others: list[int] = []
        with clients(service, 8, acknowledged, others=others):
            for _ in range(6):
                assert service.run("reindex").stdout.endswith(" 0 removed, 0 objects damaged.\n")
            service.stop()
        assert others == []
        service.start()
        assert_whole(service, acknowledged)
        assert set(listed(service)) == objects(service)

    def test_does_not_take_a_volume_that_is_not_mounted_for_an_empty_one(
        self, make_service: MakeService
    ) -> None:
        service = make_service().start()
        service.generate()
        service.stop()
        avatars = service.folder / "storage" / "avatars"
        avatars.rename(avatars.with_name("elsewhere"))
        assert "No such file or directory" in service.run("reindex", check=False).stderr
        avatars.mkdir()
        result = service.run("reindex", check=False)
        assert result.returncode == 1
        assert "no object at all in the storage: is it the right folder, and mounted?" in result.stderr
        result = service.run("reindex", "--allow-empty")
        assert result.stdout == "0 avatars: 0 rows added, 1 removed, 0 objects damaged.\n"

    def test_can_be_stopped_at_any_time_and_run_again(self, tmp_path: Path) -> None:
        store = LocalStore(tmp_path / "avatars")
        store.open()
        made = [Avatar("wave", id=str(uuid4()), created_ms=number) for number in range(1200)]
        store.put({avatar.id: write_object(avatar, {}) for avatar in made})
        with contextlib.closing(open_engines(database(f"file:{tmp_path}/avatars.db"))) as engines:
            prepare(engines)
            repository = Repository(engines)
            parts = []
            for batches in (1, 2, 100):
                job = Reindex(store, repository, lambda *_: None)
                parts += [report.part for report in islice(job.run(), batches)]
                assert repository.total() == min(1200, 500 * batches)
            assert job.report.avatars == 1200
            assert job.report.added == 200
            assert repository.page(2000, 0).avatars == made
            assert parts[-1] == 1


@pytest.mark.parametrize("kind", ["pixelize"])
def test_an_avatar_takes_one_block_of_the_disk(service: Service, kind: str) -> None:
    sizes = [service.object(service.generate(type=kind)).stat() for _ in range(50)]
    assert max(each.st_size for each in sizes) <= 4096
    assert max(each.st_blocks * 512 for each in sizes) <= 4096


def test_shapes_hold_up_neither_others_nor_the_end_and_what_was_refused_is_not_kept(
    make_service: MakeService,
) -> None:
    """A `marble` takes a hundred times what a `pixelize` does."""
    service = make_service({"server": {"shutdown_timeout": 2}}).start()

    def draw(_: int) -> int:
        with httpx.Client(base_url=service.client.base_url, timeout=30) as client:
            try:
                return client.post("/api/generate", json={"type": "marble"}).status_code
            except httpx.TransportError:
                return 0

    with ThreadPoolExecutor(48) as threads:
        marbles = [threads.submit(draw, number) for number in range(48)]
        while not any(marble.done() for marble in marbles):
            time.sleep(0.01)
        service.generate()
        assert not all(marble.done() for marble in marbles)
        assert service.stop() == 0
        statuses = [marble.result() for marble in marbles]
    assert set(statuses) <= {201, 503, 0}
    service.start()
    assert service.client.get("/api/list").json()["data"]["pagination"]["total"] == statuses.count(201) + 1
