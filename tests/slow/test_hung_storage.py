"""A storage that hangs, as NFS and EFS do, costs the requests that need it, and nothing else."""

import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.conftest import MakeService, assert_failure

HANG = """
import os, threading
fsync = os.fsync

def hang_while_told_to(descriptor):
    if os.path.exists("hang"):
        threading.Event().wait()
    fsync(descriptor)

os.fsync = hang_while_told_to
"""


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
    assert service.process
    service.process.send_signal(signal.SIGTERM)
    started = time.monotonic()
    service.process.wait(timeout=60)
    assert time.monotonic() - started < 30
