"""The service on a Unix socket, below a path of nginx, with the configuration of docs/access.md."""

import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urljoin

import httpx
import pytest

from tests.api.test_uploads import PHOTOGRAPH
from tests.conftest import Service
from tests.servers.avatars import ALONE
from tests.servers.gateway import NGINX, ROOT, PathProxy
from tests.slow.test_workers import children

pytestmark = pytest.mark.skipif(not NGINX, reason="there is no nginx here: apt-get install nginx-light")

WORKERS = 1 if ALONE else 2


@pytest.fixture(scope="module")
def socket_path() -> Iterator[Path]:
    folder = tempfile.mkdtemp(prefix="avatars-")
    yield Path(folder) / "avatars.sock"
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def backend(tmp_path_factory: pytest.TempPathFactory, socket_path: Path) -> Iterator[Service]:
    settings = {"server": {"uds": str(socket_path), "workers": WORKERS}, "limits": {"client": "100/s"}}
    service = Service(tmp_path_factory.mktemp("uds"), settings, {"AUTH_SIGNING_KEY": "k" * 32}).start()
    yield service
    service.close()


@pytest.fixture(scope="module")
def proxy(backend: Service, socket_path: Path) -> Iterator[PathProxy]:
    assert backend.process
    running = PathProxy(f"http://unix:{socket_path}:").start("/avatars/api/health/live")
    yield running
    running.stop()


def test_it_is_one_service_below_the_path(proxy: PathProxy) -> None:
    client = proxy.client
    avatar = client.post("/avatars/api/generate", json={"seed": "ada"}).json()["data"]["id"]
    stored = client.post("/avatars/api/upload", files={"file": PHOTOGRAPH}).json()["data"]["id"]
    for path in (f"api/{avatar}", f"api/{stored}?size=9", "api/render/smile/a%2fb.svg", "avatar/" + "0" * 64):
        answer = client.get(f"/avatars/{path}")
        assert (answer.status_code, answer.content[:4] != b"") == (200, True)
        assert client.get(f"/{path}").status_code == 404
    job = client.post("/avatars/api/jobs", content="seed\nada\n", headers={"Content-Type": "text/csv"})
    assert client.get(job.headers["location"]).status_code == 200
    assert "event: end" in client.get(f"{job.headers['location']}/events").text
    (sample,) = {client.get("/avatars/api/styles/wave").json()["data"]["sample"]}
    assert client.get(sample).headers["content-type"] == "image/png"
    icon = client.get("/avatars/favicon.ico")
    assert client.get(urljoin("/avatars/favicon.ico", icon.headers["location"])).status_code == 200
    link = client.post("/avatars/api/picker-links", json={"identity": "0" * 64}).json()["data"]["url"]
    assert link.startswith(f"http://127.0.0.1:{proxy.port}/avatars/pick#")
    assert httpx.get(link).status_code == 200


def test_clients_are_told_apart_by_the_proxy(proxy: PathProxy, backend: Service) -> None:
    """All connections come from the same end, which has no address."""
    limit = proxy.client.get("/avatars/api/color-schemes").headers["ratelimit"]
    other = backend.client.get("/api/color-schemes", headers={"X-Forwarded-For": "192.0.2.7"})
    assert (limit, other.headers["ratelimit"]) == (limit, other.headers["ratelimit"])
    assert '"client"' in limit


def test_all_workers_listen_and_the_health_check_knows_the_socket(
    proxy: PathProxy, backend: Service, socket_path: Path
) -> None:
    assert proxy.client.get("/avatars/api/health").status_code == 200
    assert stat.S_IMODE(socket_path.stat().st_mode) == 0o660
    for environ, status in (({"UDS": str(socket_path)}, 0), ({"UDS": f"{socket_path}x"}, 1)):
        command = [sys.executable, "-IS", str(ROOT / "backend/docker/healthcheck")]
        checked = subprocess.run(command, env={**os.environ, **environ}, capture_output=True, check=False)
        assert bool(checked.returncode) == bool(status), checked
    if WORKERS == 1:
        return
    for worker in children(backend):
        os.kill(worker, signal.SIGSTOP)
        try:
            # On a connection of its own, which the other worker takes.
            with httpx.Client(transport=httpx.HTTPTransport(uds=str(socket_path))) as client:
                assert client.get("http://localhost/api/health/live", timeout=60).status_code == 200
        finally:
            os.kill(worker, signal.SIGCONT)


def test_a_killed_service_starts_again_and_a_second_one_does_not(
    proxy: PathProxy, backend: Service, socket_path: Path
) -> None:
    second = backend.run("serve", check=False)
    assert second.returncode == 1
    assert f"{socket_path}: another process listens here" in second.stderr
    workers = children(backend) if WORKERS > 1 else []
    backend.kill()
    for worker in workers:
        os.kill(worker, signal.SIGKILL)
    assert socket_path.is_socket()
    backend.start()
    assert proxy.client.get("/avatars/api/health/live").status_code == 200
    assert backend.stop() == 0
    assert not socket_path.exists()
    assert "--unix-socket" in backend.log.read_text()
    assert "Traceback" not in backend.log.read_text()
