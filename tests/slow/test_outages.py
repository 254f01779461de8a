"""PostgreSQL fails while the service runs: it is stopped, crashed, restarted, hanging or full."""

import signal
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import httpx
import psycopg
import pytest

from tests.conftest import MakeService, Service, assert_failure
from tests.servers.avatars import clients, listed, objects
from tests.servers.net import Proxy
from tests.servers.postgres import Postgres


@pytest.fixture
def own_postgres() -> Iterator[Postgres]:
    """A PostgreSQL server that a test may stop."""
    server = Postgres()
    server.start()
    yield server
    server.destroy()


def assert_database_is_down(service: Service, avatar: str) -> None:
    """Check that only requests that need the database fail, and that they fail soon."""
    for method, path in (("POST", "/api/generate"), ("GET", "/api/list"), ("DELETE", f"/api/{avatar}")):
        started = time.monotonic()
        answer = service.client.request(method, path)
        assert time.monotonic() - started < 10
        assert_failure(answer, 503, mentions="The database is unavailable")
        assert answer.headers["retry-after"] == "5"
    assert service.client.get(f"/api/{avatar}").status_code == 200
    assert service.client.get("/api/health/live").status_code == 200
    assert service.client.get("/api/health/ready").status_code == 503
    health = service.client.get("/api/health")
    assert health.status_code == 503
    assert health.json()["data"]["checks"]["database"] == {"status": "down", "type": "postgresql"}


def test_the_start_waits_for_a_database_that_is_down(
    own_postgres: Postgres, make_service: MakeService
) -> None:
    url = own_postgres.new_database()
    own_postgres.stop()
    connection = {"maxRetries": 100, "retryDelay": 500}
    service = make_service({"database": {"connection": connection}}, {"DATABASE_URL": url})
    with ThreadPoolExecutor(1) as thread:
        starting = thread.submit(service.start)
        while not (service.log.exists() and "does not answer yet (attempt 1)" in service.log.read_text()):
            assert not starting.done()
            time.sleep(0.05)
        own_postgres.start()
        starting.result()
    assert service.generate()


def test_a_database_that_stays_down_ends_the_start_with_one_line(make_service: MakeService) -> None:
    connection = {"maxRetries": 2, "retryDelay": 100}
    environ = {"DATABASE_URL": "postgresql://u:hunter2@127.0.0.1:1/d"}
    service = make_service({"database": {"connection": connection}}, environ)
    result = service.run("serve", check=False)
    assert result.returncode == 1
    assert result.stderr.startswith("Error: The database did not answer in 2 attempts: ")
    assert "hunter2" not in result.stderr + result.stdout


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT], ids=["stopped", "crashed"])
def test_a_database_that_is_gone_is_named_and_used_again_when_it_is_back(
    own_postgres: Postgres, make_service: MakeService, how: signal.Signals
) -> None:
    service = make_service(environ={"DATABASE_URL": own_postgres.new_database()}).start()
    avatar = service.generate(seed="a")
    own_postgres.stop(how)
    assert_database_is_down(service, avatar)
    assert objects(service) == {avatar}
    own_postgres.start()
    service.wait_for("/api/health")
    assert listed(service) == [avatar]
    assert service.client.delete(f"/api/{avatar}").status_code == 200
    assert service.generate(seed="b")


def test_restarts_under_load_lose_no_acknowledged_avatar(
    own_postgres: Postgres, make_service: MakeService
) -> None:
    """A client that got a 201 has its avatar. A client that got a 503 has none, or a whole one."""
    environ = {"DATABASE_URL": own_postgres.new_database()}
    service = make_service({"logging": {"level": "error"}}, environ).start()
    acknowledged: list[str] = []
    statuses: set[int] = set()
    stop = threading.Event()

    def watch() -> None:
        with httpx.Client(base_url=service.client.base_url, timeout=60) as client:
            while not stop.is_set():
                statuses.add(client.get("/api/list").status_code)
                statuses.add(client.post("/api/generate").status_code)

    watcher = threading.Thread(target=watch)
    with clients(service, 4, acknowledged):
        watcher.start()
        for how in (signal.SIGINT, signal.SIGQUIT, signal.SIGINT, signal.SIGQUIT):
            time.sleep(0.7)
            own_postgres.stop(how)
            time.sleep(0.3)
            own_postgres.start()
            service.wait_for("/api/health")
        stop.set()
        watcher.join()
        # The next avatar that is stored settles the commits whose outcome is unknown.
        service.generate()
        service.stop()
    assert statuses <= {200, 201, 503}
    assert acknowledged
    service.start()
    rows = listed(service)
    assert set(acknowledged) <= set(rows)
    assert len(rows) == len(set(rows))
    assert set(rows) == objects(service), "a row without an object, or an object without a row"


def test_a_database_that_hangs_delays_only_requests_that_need_it(
    postgres: Postgres, make_service: MakeService
) -> None:
    postgres.new_database()
    proxy = Proxy(postgres.port)
    url = postgres.url(postgres.last_database, proxy.port)
    service = make_service(environ={"DATABASE_URL": url}).start()
    avatar = service.generate(seed="a")
    proxy.hang()

    def ask(number: int) -> tuple[int, float]:
        started = time.monotonic()
        with httpx.Client(base_url=service.client.base_url, timeout=60) as client:
            path = "/api/list" if number % 2 else "/api/generate"
            status = client.request("GET" if number % 2 else "POST", path).status_code
        return status, time.monotonic() - started

    with ThreadPoolExecutor(20) as threads:
        asking = threads.map(ask, range(20))
        time.sleep(0.2)
        for _ in range(20):
            assert service.client.get(f"/api/{avatar}").status_code == 200
            assert service.client.get("/api/health/live").status_code == 200
        answers = list(asking)
    assert {status for status, _ in answers} == {503}
    assert max(seconds for _, seconds in answers) < 30
    proxy.flow()
    service.wait_for("/api/health")
    assert service.generate(seed="b")
    assert len(listed(service)) >= 2
    assert set(listed(service)) == objects(service)
    proxy.close()


def take_all_connections(postgres: Postgres, stack: ExitStack) -> None:
    while True:
        stack.enter_context(postgres.connect("postgres"))


def test_a_database_without_a_free_connection_is_down_until_it_has_one(
    own_postgres: Postgres, make_service: MakeService
) -> None:
    service = make_service(environ={"DATABASE_URL": own_postgres.new_database()}).start()
    avatar = service.generate(seed="a")
    own_postgres.stop()
    own_postgres.start()
    with ExitStack() as stack:
        with pytest.raises(psycopg.OperationalError, match="too many clients"):
            take_all_connections(own_postgres, stack)
        assert_database_is_down(service, avatar)
    service.wait_for("/api/health")
    assert service.generate(seed="b")


def test_a_process_ends_although_the_collector_of_traces_hangs(make_service: MakeService) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        environ = {"TRACES_ENDPOINT": f"http://127.0.0.1:{silent.getsockname()[1]}"}
        service = make_service(environ=environ).start()
        assert service.client.get("/api/list").status_code == 200
        started = time.monotonic()
        assert service.stop() == 0
        assert time.monotonic() - started < 10
    assert "Traceback" not in service.log.read_text()
