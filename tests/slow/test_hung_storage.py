"""A storage that hangs, as NFS and EFS do, costs the requests that need it, and nothing else."""

import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

from tests.conftest import MakeService, Service, assert_failure
from tests.servers.slow_folder import slow_folder
from tests.servers.waiting import wait_until

GRACE = 2.0
"""Seconds more that an answer may take on a busy machine."""

HANG = """
import os, threading
fsync = os.fsync

def hang_while_told_to(descriptor):
    if os.path.exists("hang"):
        threading.Event().wait()
    fsync(descriptor)

os.fsync = hang_while_told_to
"""


def assert_ends_soon(service: Service) -> None:
    """Send SIGTERM, and check that the process does not wait for the storage."""
    assert service.process
    service.process.send_signal(signal.SIGTERM)
    started = time.monotonic()
    service.process.wait(timeout=60)
    assert time.monotonic() - started < 30


def test_writes_that_hang_stop_neither_other_requests_nor_the_end(
    make_service: MakeService, tmp_path: Path
) -> None:
    (tmp_path / "hooks").mkdir()
    (tmp_path / "hooks" / "sitecustomize.py").write_text(HANG)
    service = make_service(
        {"server": {"shutdown_timeout": 3}}, environ={"PYTHONPATH": str(tmp_path / "hooks")}
    ).start()
    client = service.client
    avatar = service.generate()
    link = f"/api/identities/{'0' * 32}"
    (service.folder / "hang").touch()
    with ThreadPoolExecutor(40) as threads:
        health = [threads.submit(client.get, "/api/health") for _ in range(20)]
        writes = [threads.submit(client.post, "/api/generate") for _ in range(10)]
        links = [threads.submit(client.put, link, json={"avatarId": avatar}) for _ in range(10)]
        for path in ("/api/health/live", "/api/health/ready", "/api/styles", f"/api/{avatar}", "/api/list"):
            assert client.get(path).status_code == 200, path
        assert client.get("/10.x/lorelei/svg?seed=ada").status_code == 200
        assert {each.result().json()["message"] for each in health} == {"Down: storage-write"}
        for each in (*writes, *links):
            assert_failure(each.result(), 503, mentions="The storage is unavailable")
    assert_ends_soon(service)


def test_a_mount_that_hangs_stops_neither_other_requests_nor_the_end(
    make_service: MakeService, tmp_path: Path
) -> None:
    with slow_folder(tmp_path / "storage") as mounted:
        storage = {"local": {"save_path": str(mounted.path / "avatars")}}
        service = make_service({"storage": storage, "server": {"shutdown_timeout": 3}}).start()
        client = service.client
        seen, unseen, deleted = (service.generate() for _ in range(3))
        for avatar in (seen, deleted):
            assert client.get(f"/api/{avatar}").status_code == 200
        assert client.delete(f"/api/{deleted}").status_code == 200
        mounted.hang()
        link = f"/api/identities/{'0' * 32}"
        with ThreadPoolExecutor(40) as threads:
            reads = [threads.submit(client.get, f"/api/{unseen}") for _ in range(25)]
            cached = [threads.submit(client.get, f"/api/{seen}") for _ in range(10)]
            writes = [
                threads.submit(client.post, "/api/generate"),
                threads.submit(client.put, link, json={"avatarId": seen}),
                threads.submit(client.delete, f"/api/{seen}"),
                threads.submit(client.get, f"/avatar/{'0' * 32}"),
                threads.submit(client.get, f"/api/{deleted}"),
            ]
            for path in ("/api/health/live", "/api/render/pixelize/ada.png", "/api/list", "/api/styles"):
                assert client.get(path).status_code == 200, path
            for each in (*reads, *writes):
                assert_failure(each.result(), 503, mentions="The storage is unavailable")
                assert each.result().elapsed.total_seconds() < 2 + GRACE
            assert {each.result().status_code for each in cached} == {200}
        assert client.get("/api/health").json()["message"] == "Down: storage, storage-write"
        assert_ends_soon(service)


def test_a_mount_on_which_each_call_takes_5_ms_delays_only_what_needs_it(
    make_service: MakeService, tmp_path: Path
) -> None:
    with slow_folder(tmp_path / "storage") as mounted:
        storage = {"local": {"save_path": str(mounted.path / "avatars")}}
        service = make_service({"storage": storage}).start()
        avatars = [service.generate() for _ in range(20)]
        mounted.delay(5)
        with ThreadPoolExecutor(16) as threads:
            pictures = [threads.submit(service.client.get, f"/api/{each}") for each in avatars * 10]
            others = [service.client.get("/api/health/live").elapsed.total_seconds() for _ in range(20)]
            assert {each.result().status_code for each in pictures} == {200}
        # On the event loop, sixteen requests of at least one call each would take 80 ms.
        assert sorted(others)[10] < 0.05
        mounted.delay(0)
        mounted.hang()
        answers = [service.client.get("/api/health/live").status_code for _ in range(3)]
        assert_failure(service.client.get(f"/api/{uuid4()}"), 503)
        mounted.resume()
        wait_until(lambda: service.client.get(f"/api/{avatars[0]}").status_code == 200, seconds=30)
        assert answers == [200] * 3
