"""Nothing that was acknowledged is lost, whatever ends the process."""

import contextlib
import random
import sqlite3
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from avatar_gen.avatars import read_object
from tests.conftest import MakeService, Service

KILLS = 50


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
def clients(service: Service, count: int, acknowledged: list[str]) -> Iterator[None]:
    """Make avatars, from as many clients, until the server is gone."""

    def work(number: int) -> None:
        with (
            contextlib.suppress(httpx.TransportError),
            httpx.Client(base_url=service.client.base_url, timeout=10) as client,
        ):
            kinds = ("pixelize", "wave", "gradient")
            for i in range(100_000):
                body = {"seed": f"{number}-{i}", "type": kinds[i % 3]}
                answer = client.post("/api/generate", json=body)
                if answer.status_code == 201:
                    acknowledged.append(answer.json()["data"]["id"])

    threads = [threading.Thread(target=work, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    yield
    for thread in threads:
        thread.join()


def test_fifty_kills_at_random_moments_lose_nothing(make_service: MakeService) -> None:
    service = make_service({"logging": {"level": "warn"}})
    chance = random.Random(20261120)
    acknowledged: list[str] = []
    checked: set[str] = set()
    for _ in range(KILLS):
        service.start()
        with clients(service, 4, acknowledged):
            time.sleep(chance.uniform(0.0, 0.25))
            service.kill()
        service.client.close()
        service.client = httpx.Client(base_url=service.client.base_url, timeout=30)
    service.start()
    kept, rows = objects(service), listed(service)
    assert len(acknowledged) > KILLS
    assert set(acknowledged) <= set(rows), "an acknowledged avatar is not in the list"
    assert len(set(rows)) == len(rows), "an avatar was doubled"
    assert set(rows) <= kept, "a row has no object"
    for identity in kept - checked:
        read_object(identity, service.object(identity).read_bytes())
    with ThreadPoolExecutor(4) as threads:
        answers = threads.map(lambda each: service.client.get(f"/api/{each}").status_code, acknowledged)
        assert set(answers) == {200}
    # What was written but not yet acknowledged is taken up by a reindex.
    assert service.run("reindex").stdout.startswith(
        f"{len(kept)} avatars: {len(kept) - len(rows)} rows added"
    )
    assert set(listed(service)) == kept


def test_told_to_stop_it_answers_what_is_in_flight_and_exits_with_0(make_service: MakeService) -> None:
    service = make_service().start()
    acknowledged: list[str] = []
    with clients(service, 8, acknowledged):
        time.sleep(0.5)
        started = time.monotonic()
        assert service.stop() == 0
        assert time.monotonic() - started < 10
    assert acknowledged
    log = service.log.read_text()
    assert "Traceback" not in log
    service.start()
    rows = listed(service)
    assert set(acknowledged) <= set(rows)
    assert set(rows) == objects(service)


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
        result = service.run("reindex", check=False)
        assert result.stdout == "3 avatars: 1 rows added, 1 removed, 0 objects damaged.\n"
        (service.folder / "storage/avatars/00").mkdir(exist_ok=True)
        stranger = "00000000-0000-4000-8000-000000000000"
        service.object(stranger).write_bytes(service.object(whole).read_bytes())
        result = service.run("reindex", check=False)
        assert result.returncode == 1
        assert result.stdout == "3 avatars: 0 rows added, 0 removed, 1 objects damaged.\n"
        assert f"{stranger}: damaged: this is the object of {whole}" in result.stderr
        service.start()
        assert set(listed(service)) == {damaged, whole, unlisted}

    def test_can_run_beside_the_service(self, make_service: MakeService) -> None:
        service = make_service({"logging": {"level": "warn"}}).start()
        acknowledged: list[str] = []
        with clients(service, 4, acknowledged):
            for _ in range(3):
                assert service.run("reindex").stdout.endswith(" 0 removed, 0 objects damaged.\n")
            service.stop()
        service.start()
        rows = listed(service)
        assert set(acknowledged) <= set(rows)
        assert len(rows) == len(set(rows))

    def test_can_be_stopped_and_run_again(self, make_service: MakeService) -> None:
        service = make_service().start()
        with ThreadPoolExecutor(8) as threads:
            made = list(threads.map(lambda i: service.generate(seed=str(i)), range(1200)))
        service.stop()
        for path in (service.folder / "storage" / "database").iterdir():
            path.unlink()
        # The object that is read in the second batch stops the first run.
        victim = sorted(made)[700]
        service.object(victim).rename(service.folder / "aside")
        service.object(victim).mkdir()
        result = service.run("reindex", check=False)
        assert result.returncode == 1
        assert "The storage is unavailable" in result.stderr
        service.object(victim).rmdir()
        (service.folder / "aside").rename(service.object(victim))
        assert (
            service.run("reindex").stdout == "1200 avatars: 700 rows added, 0 removed, 0 objects damaged.\n"
        )


@pytest.mark.parametrize("kind", ["pixelize"])
def test_an_avatar_takes_one_block_of_the_disk(service: Service, kind: str) -> None:
    sizes = [service.object(service.generate(type=kind)).stat() for _ in range(50)]
    assert max(each.st_size for each in sizes) <= 4096
    assert max(each.st_blocks * 512 for each in sizes) <= 4096
