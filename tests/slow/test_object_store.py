"""If an object store is killed, hangs or is cut off, only requests that need it fail."""

import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from avatar_gen.objects.cloud import CloudStore
from tests.conftest import MakeService, Service, assert_failure
from tests.servers.net import Proxy
from tests.servers.postgres import Postgres
from tests.servers.s3 import S3Server

GRACE = 2.0
"""Seconds more that an answer may take on a busy machine."""


@pytest.fixture
def own_s3() -> Iterator[S3Server]:
    """A server that no other test uses."""
    server = S3Server()
    server.start()
    yield server
    server.resume()
    server.destroy()


def assert_only_the_store_is_missing(service: Service, seen: str, unseen: str) -> None:
    """Request everything, many times at once, while the store is unavailable."""
    client = service.client
    with ThreadPoolExecutor(40) as threads:
        reads = [threads.submit(client.get, f"/api/{unseen}") for _ in range(20)]
        cached = [threads.submit(client.get, f"/api/{seen}") for _ in range(10)]
        others = [
            threads.submit(client.post, "/api/generate"),
            threads.submit(client.delete, f"/api/{unseen}"),
            threads.submit(client.get, f"/avatar/{'0' * 32}"),
            threads.submit(client.put, f"/api/identities/{'0' * 32}", json={"avatarId": seen}),
        ]
        for path in ("/api/health/live", "/api/render/pixelize/ada.png", "/api/list"):
            assert client.get(path).status_code == 200, path
        for each in (*reads, *others):
            assert_failure(each.result(), 503, mentions="The storage")
            assert int(each.result().headers["retry-after"]) > 0
            assert each.result().elapsed.total_seconds() < 2 + GRACE
        assert {each.result().status_code for each in cached} == {200}
    health = client.get("/api/health")
    assert health.json()["message"] == "Down: storage, storage-write"


@pytest.mark.parametrize("how", ["killed", "paused", "cut off", "silent"])
def test_a_store_that_is_unavailable(make_service: MakeService, own_s3: S3Server, how: str) -> None:
    proxy = Proxy(own_s3.port)
    section = own_s3.section(proxy.port)
    service = make_service(
        {"storage": {"type": "s3", "s3": section}, "server": {"shutdown_timeout": 3}}
    ).start()
    seen, unseen, deleted = (service.generate() for _ in range(3))
    for avatar in (seen, deleted):
        assert service.client.get(f"/api/{avatar}").status_code == 200
    assert service.client.delete(f"/api/{deleted}").status_code == 200
    leave = {"killed": own_s3.kill, "paused": own_s3.pause, "cut off": proxy.cut, "silent": proxy.hang}
    back = {"killed": own_s3.start, "paused": own_s3.resume, "cut off": proxy.mend, "silent": proxy.flow}
    leave[how]()
    assert_only_the_store_is_missing(service, seen, unseen)
    assert service.client.get(f"/api/{deleted}").status_code in {404, 503}
    back[how]()
    service.wait_for(f"/api/{unseen}")
    service.wait_for("/api/health")
    assert service.client.get(f"/api/{deleted}").status_code == 404
    assert service.generate()
    leave[how]()
    assert service.process
    service.process.send_signal(signal.SIGTERM)
    started = time.monotonic()
    service.process.wait(timeout=60)
    assert time.monotonic() - started < 30
    proxy.close()


def test_what_was_acknowledged_is_there_after_the_store_was_killed(
    make_service: MakeService, own_s3: S3Server
) -> None:
    section = own_s3.section()
    service = make_service({"storage": {"type": "s3", "s3": section}}).start()
    acknowledged: list[str] = []

    def store() -> None:
        for _ in range(12):
            answer = service.client.post("/api/generate")
            assert answer.status_code in {201, 503}
            if answer.status_code == 201:
                acknowledged.append(answer.json()["data"]["id"])

    with ThreadPoolExecutor(8) as threads:
        running = [threads.submit(store) for _ in range(8)]
        while len(acknowledged) < 40:
            assert not all(each.done() for each in running)
            time.sleep(0.01)
        own_s3.kill()
        own_s3.start()
        for each in running:
            each.result()
    stored = set(CloudStore(own_s3.bucket(section), "s3").ids())
    assert set(acknowledged) <= stored
    listed = service.client.get("/api/list?pick=100").json()["data"]["pagination"]["total"]
    assert listed >= len(acknowledged)


def test_a_deleted_avatar_is_served_by_no_replica(
    make_service: MakeService, s3: S3Server, postgres: Postgres
) -> None:
    """Two replicas serve and delete the same avatars."""
    environ = {"DATABASE_URL": postgres.new_database()}
    storage = {"type": "s3", "s3": s3.section()}
    one, other = (make_service({"storage": storage}, environ=environ).start() for _ in range(2))
    avatars = [one.generate() for _ in range(20)]

    def show(service: Service, avatar: str) -> httpx.Response:
        return service.client.get(f"/api/{avatar}")

    for avatar in avatars:
        assert show(one, avatar).content == show(other, avatar).content
    with ThreadPoolExecutor(8) as threads:
        for avatar in avatars:
            readers = [threads.submit(show, each, avatar) for each in (one, other) * 3]
            deletes = [threads.submit(each.client.delete, f"/api/{avatar}") for each in (one, other)]
            statuses = sorted(each.result().status_code for each in deletes)
            assert statuses == [200, 404]
            after = [show(each, avatar).status_code for each in (one, other)]
            assert after == [404, 404]
            assert {each.result().status_code for each in readers} <= {200, 404}
    assert one.client.get("/api/list").json()["data"]["pagination"]["total"] == 0
