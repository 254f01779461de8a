"""Two replicas behind the gateway, on one PostgreSQL and one object store, that are replaced under load."""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from threading import Event, Thread

import httpx
import pytest

from tests.conftest import MakeService, Service
from tests.servers.gateway import NGINX, Gateway
from tests.servers.postgres import Postgres
from tests.servers.s3 import S3Server
from tests.slow.size import sized

pytestmark = pytest.mark.skipif(not NGINX, reason="there is no nginx here: apt-get install nginx-light")

ROUNDS = sized(full=10, small=1)
READERS = 3
PAUSE = 0.04
"""Seconds between two requests of one reader: the gateway allows 100 requests a second."""


@pytest.fixture
def replicas(make_service: MakeService, postgres: Postgres, s3: S3Server) -> list[Service]:
    settings = {"storage": {"type": "s3", "s3": s3.section()}, "server": {"drain_time": 1}}
    environ = {"DATABASE_URL": postgres.new_database()}
    made = [make_service(settings, environ) for _ in range(2)]
    made[0].run("migrate")
    return [replica.start() for replica in made]


@pytest.fixture
def gateway(replicas: list[Service]) -> Iterator[Gateway]:
    running = Gateway(*(replica.port for replica in replicas)).start()
    yield running
    running.stop()


@dataclass
class Load:
    """Clients of the gateway, and what they saw."""

    gateway: Gateway
    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)
    stored: list[str] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=count)

    def read(self, client: httpx.Client) -> None:
        """Get a picture by URL that no cache has, the list, and the latest stored picture."""
        number = next(self.numbers)
        paths = (f"/api/render/pixelize/{number}.png?size=16", "/api/list", f"/api/{self.stored[-1]}")
        self.statuses["GET", client.get(paths[number % 3]).status_code] += 1
        time.sleep(PAUSE)

    def write(self, client: httpx.Client) -> None:
        """Store an avatar. The gateway allows 10 a second."""
        answer = client.post("/api/generate", json={"seed": str(len(self.stored))})
        self.statuses["POST", answer.status_code] += 1
        if answer.status_code == 201:
            self.stored.append(answer.json()["data"]["id"])
        time.sleep(0.2)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Send requests during the block, from several threads."""
        ended = Event()
        with httpx.Client(base_url=self.gateway.client.base_url, timeout=30) as client:
            self.write(client)

            def repeat(work: Callable[[httpx.Client], None]) -> None:
                while not ended.is_set():
                    work(client)

            threads = [Thread(target=repeat, args=(self.read,)) for _ in range(READERS)]
            threads.append(Thread(target=repeat, args=(self.write,)))
            for thread in threads:
                thread.start()
            try:
                yield
            finally:
                ended.set()
                for thread in threads:
                    thread.join()

    def wait_for_answers_of(self, replica: Service) -> None:
        """Wait until the gateway has passed on answers of a replica that it did not have before."""
        before, deadline = self._answers_of(replica), time.monotonic() + 60
        while self._answers_of(replica) < before + 10:
            assert time.monotonic() < deadline
            time.sleep(0.1)

    def _answers_of(self, replica: Service) -> int:
        lines = self.gateway.access_log.read_text().splitlines(keepends=True)
        whole = [json.loads(line) for line in lines if line.endswith("\n")]
        return sum(line["upstream"].endswith(f":{replica.port}") for line in whole)


def assert_nothing_is_lost(load: Load, replicas: list[Service]) -> None:
    """Each replica serves every acknowledged avatar. Others are there only if their request failed."""
    for replica in replicas:
        assert {replica.client.get(f"/api/{each}").status_code for each in load.stored} == {200}
    total = replicas[0].client.get("/api/list").json()["data"]["pagination"]["total"]
    failed = load.statuses.total() - load.statuses["GET", 200] - load.statuses["POST", 201]
    assert len(load.stored) <= total <= len(load.stored) + failed


def test_a_roll_of_all_replicas_costs_no_request(gateway: Gateway, replicas: list[Service]) -> None:
    load = Load(gateway)
    with load.running():
        for replica in replicas * ROUNDS:
            load.wait_for_answers_of(replica)
            assert replica.stop() == 0
            replica.start()
            load.wait_for_answers_of(replica)
    print(dict(load.statuses))
    assert load.statuses.keys() == {("GET", 200), ("POST", 201)}
    assert_nothing_is_lost(load, replicas)


def test_a_killed_replica_costs_at_most_what_it_was_writing(
    gateway: Gateway, replicas: list[Service]
) -> None:
    load = Load(gateway)
    with load.running():
        for replica in replicas * ROUNDS:
            load.wait_for_answers_of(replica)
            replica.kill()
            replica.start()
            load.wait_for_answers_of(replica)
    print(dict(load.statuses))
    kills = 2 * ROUNDS
    assert load.statuses.keys() <= {("GET", 200), ("POST", 201), ("POST", 503)}
    assert load.statuses["POST", 503] <= kills
    assert_nothing_is_lost(load, replicas)
