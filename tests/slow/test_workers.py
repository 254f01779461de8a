"""Several processes on one address, one database and one folder."""

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.conftest import MakeService, Service
from tests.servers.avatars import ALONE, assert_whole, clients, listed, objects
from tests.servers.postgres import Postgres
from tests.slow.size import sized

SQLITE = pytest.param("sqlite", marks=pytest.mark.skipif(ALONE, reason="this SQLite serves one alone"))


def children(service: Service) -> list[int]:
    assert service.process
    pid = service.process.pid
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def served_by(service: Service, path: str) -> int:
    """The status that a connection of its own, so any of the workers, answers."""
    return httpx.get(f"{service.client.base_url}{path}", timeout=60).status_code


@pytest.mark.parametrize("kind", sized(full=[SQLITE, "postgresql"], small=[SQLITE]))
def test_they_are_one_service(make_service: MakeService, postgres: Postgres, kind: str) -> None:
    environ = {"DATABASE_URL": postgres.new_database()} if kind == "postgresql" else {}
    settings = {"server": {"workers": 2, "drain_time": 0.5}, "logging": {"level": "error"}}
    service = make_service(settings, environ).start()
    acknowledged: list[str] = []
    others: list[int] = []
    broken: list[httpx.TransportError] = []
    with clients(service, 3, acknowledged, others=others, broken=broken):
        made = [service.generate() for _ in range(20)]
        for avatar in made[:10]:
            assert service.client.delete(f"/api/{avatar}").status_code == 200
        with ThreadPoolExecutor(4) as threads:
            gone = threads.map(lambda each: served_by(service, f"/api/{each}"), made[:10] * 6)
            assert set(gone) == {404}
            there = threads.map(lambda each: served_by(service, f"/api/{each}"), made[10:] * 6)
            assert set(there) == {200}
        assert service.stop() == 0
    assert (others, broken) == ([], [])
    service.start()
    assert_whole(service, acknowledged + made[10:])
    assert set(listed(service)) == objects(service)
    assert "Traceback" not in service.log.read_text()


def test_two_services_on_one_database_and_folder_are_one(
    make_service: MakeService, postgres: Postgres
) -> None:
    environ = {"DATABASE_URL": postgres.new_database()}
    one = make_service(environ=environ).start()
    shared = {"storage": {"local": {"save_path": str(one.folder / "storage" / "avatars")}}}
    other = make_service(shared, environ).start()
    acknowledged: list[str] = []
    with clients(one, 2, acknowledged), clients(other, 2, acknowledged):
        time.sleep(1)
        avatar = one.generate()
        assert other.client.get(f"/api/{avatar}").status_code == 200
        assert other.client.delete(f"/api/{avatar}").status_code == 200
        assert one.client.get(f"/api/{avatar}").status_code == 404
        one.stop()
        other.stop()
    one.start()
    assert_whole(one, acknowledged)
    assert set(listed(one)) == objects(one)


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="it asks Linux for the workers")
def test_one_that_dies_is_replaced(make_service: MakeService, postgres: Postgres) -> None:
    environ = {"DATABASE_URL": postgres.new_database()}
    service = make_service({"server": {"workers": 2}}, environ).start()
    avatar = service.generate()
    first = children(service)
    assert len(first) == 2
    os.kill(first[0], signal.SIGKILL)
    deadline = time.monotonic() + 10
    while len(set(children(service)) - set(first)) < 1:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert served_by(service, f"/api/{avatar}") == 200
    service.wait_for_log("has ended with status -9 and is replaced")
    workers = children(service)
    service.kill()
    while any(is_running(pid) for pid in workers):
        assert time.monotonic() < deadline + 10, "workers outlived their parent"
        time.sleep(0.1)


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="it asks Linux for the workers")
@pytest.mark.parametrize("kind", sized(full=[SQLITE, "postgresql"], small=["postgresql"]))
def test_of_one_that_dies_clients_see_nothing_but_their_own_broken_connections(
    make_service: MakeService, postgres: Postgres, kind: str
) -> None:
    environ = {"DATABASE_URL": postgres.new_database()} if kind == "postgresql" else {}
    settings = {"server": {"workers": 2, "drain_time": 0.5}, "logging": {"level": "error"}}
    service = make_service(settings, environ).start()
    before = [service.generate() for _ in range(10)]
    acknowledged: list[str] = []
    others: list[int] = []
    broken: list[httpx.TransportError] = []
    with clients(service, 3, acknowledged, others=others, broken=broken):
        for _ in range(2):
            time.sleep(0.5)
            first = children(service)
            os.kill(first[0], signal.SIGKILL)
            while is_running(first[0]):
                time.sleep(0.01)
            # A connection that is made now is the other worker's.
            for avatar in before:
                assert served_by(service, f"/api/{avatar}") == 200
            await_two(service, set(first))
        service.stop()
    assert others == []
    assert len(broken) <= 8
    service.start()
    assert_whole(service, before + acknowledged)


def await_two(service: Service, before: set[int]) -> None:
    deadline = time.monotonic() + 60
    while len(children(service)) < 2 or set(children(service)) == before:
        assert time.monotonic() < deadline, "the worker that died is not replaced"
        time.sleep(0.1)
    while served_by(service, "/api/health/ready") != 200:
        assert time.monotonic() < deadline


def test_told_to_stop_while_one_is_replaced_they_stop(make_service: MakeService, postgres: Postgres) -> None:
    service = make_service({"server": {"workers": 2}}, {"DATABASE_URL": postgres.new_database()}).start()
    os.kill(children(service)[0], signal.SIGKILL)
    time.sleep(0.5)
    assert service.stop() == 0


def test_they_do_not_share_a_log_file(make_service: MakeService, postgres: Postgres) -> None:
    settings = {"server": {"workers": 2}, "logging": {"file": {"path": "logs/x.log"}}}
    service = make_service(settings, {"DATABASE_URL": postgres.new_database()})
    result = service.run("serve", check=False)
    assert result.returncode == 1
    assert result.stderr.startswith("Error: Several workers cannot share a log file")
