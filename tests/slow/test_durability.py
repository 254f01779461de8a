"""Kills and signals: no avatar that a client was told of is lost, however the process ends."""

import contextlib
import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.conftest import MakeService, assert_failure
from tests.servers.avatars import ALONE, assert_whole, clients, listed, objects
from tests.slow.kills import KINDS, run
from tests.slow.size import sized

KILLS = sized(full=250, small=2)
"""For each kind."""


@pytest.mark.parametrize("kind", sized(full=KINDS, small=("s3", "jobs")))
def test_a_kill_at_a_random_moment_loses_no_acknowledged_avatar(tmp_path: Path, kind: str) -> None:
    tally, agrees = run(kind, tmp_path / kind, KILLS)
    print(f"| {kind} | {tally.cells()} |")
    assert tally.is_clean(), tally
    assert tally.acknowledged >= KILLS // 2
    # A reindex lists the avatars that were written but not yet acknowledged.
    assert agrees


def test_a_stop_answers_all_requests_in_flight_and_exits_with_0(make_service: MakeService) -> None:
    """Each client gets an answer, and the last answer closes its connection."""
    service = make_service({"server": {"drain_time": 1, "shutdown_timeout": 60}}).start()
    acknowledged: list[str] = []
    broken: list[httpx.TransportError] = []
    others: list[int] = []
    with clients(service, 8, acknowledged, others=others, broken=broken):
        while not acknowledged:
            time.sleep(0.1)
        started = time.monotonic()
        assert service.stop() == 0
        assert time.monotonic() - started >= 1
    assert acknowledged
    assert others == []
    assert broken == []
    assert "Traceback" not in service.log.read_text()
    service.start()
    assert_whole(service, acknowledged)
    assert set(listed(service)) == objects(service)


def test_a_stop_makes_the_service_unready_before_it_closes(make_service: MakeService) -> None:
    service = make_service({"server": {"drain_time": 5}}).start()
    assert service.process
    assert service.client.get("/api/health/ready").status_code == 200
    service.process.send_signal(signal.SIGTERM)
    with httpx.Client(base_url=service.client.base_url, timeout=30) as client:
        while (answer := client.get("/api/health/ready")).status_code == 200:
            time.sleep(0.05)
        assert_failure(answer, 503, mentions="The service is stopping.")
        assert answer.headers["connection"] == "close"
        assert client.get("/api/health/live").status_code == 200
        assert client.post("/api/generate").status_code == 201
    assert service.process.wait(timeout=60) == 0


def test_a_request_that_never_ends_gets_a_503_when_the_shutdown_timeout_is_over(
    make_service: MakeService,
) -> None:
    service = make_service({"server": {"shutdown_timeout": 1}}).start()
    head = b"POST /api/generate HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n"
    with contextlib.closing(socket.create_connection(("127.0.0.1", service.port), timeout=60)) as connection:
        connection.sendall(head)
        # The service reads the body from here on.
        assert b"100 Continue" in connection.recv(65536)
        connection.sendall(b"{")
        assert service.stop() == 0
        assert b"503 Service Unavailable" in connection.recv(65536)
    assert "Traceback" not in service.log.read_text()


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGINT])
def test_sighup_and_sigint_stop_the_service_as_sigterm_does(
    make_service: MakeService, number: signal.Signals
) -> None:
    service = make_service().start()
    assert service.process
    service.process.send_signal(number)
    assert service.process.wait(timeout=60) == 0


@pytest.mark.skipif(ALONE, reason="this SQLite allows one writing process only")
def test_a_reindex_can_run_beside_the_service(make_service: MakeService) -> None:
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


def test_slow_drawings_delay_neither_other_requests_nor_the_end(make_service: MakeService) -> None:
    """A `marble` takes a hundred times as long as a `pixelize`. A refused avatar is not stored."""
    service = make_service({"server": {"shutdown_timeout": 2}}).start()

    def draw(_: int) -> int:
        with httpx.Client(base_url=service.client.base_url, timeout=60) as client:
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
