"""`docker compose`, on a copy of what a fresh clone has."""

import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.image.conftest import ROOT, Container, docker
from tests.servers.net import free_port

BACKEND = "avatar-gen-backend"
DEV = ("-f", "docker-compose.yml", "-f", "docker-compose.dev.yml")
CLONED = ("backend/", "deploy/monitoring/", "docker-compose", "settings.yaml")
MONITORING = ("--profile", "monitoring")
GATEWAY = ("-f", "docker-compose.yml", "-f", "docker-compose.gateway.yml", "--profile", "gateway")


@dataclass
class Project:
    """A clone, and what compose makes of it."""

    folder: Path
    port: int
    backend: Container

    def compose(self, *arguments: str, **environ: str) -> str:
        ours = {"COMPOSE_PROJECT_NAME": "avatar-test", "AVATAR_PORT": str(self.port)}
        env = {**os.environ, **ours, **environ}
        return docker("compose", *arguments, cwd=self.folder, env=env).stdout

    def published(self) -> set[str]:
        """The containers with a port that is open to others than each other."""
        lines = docker("ps", "--format", "{{.Names}} {{.Ports}}").stdout.splitlines()
        return {line.split()[0] for line in lines if "->" in line and line.startswith("avatar-gen-")}


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    taken = docker("ps", "--all", "--quiet", "--filter", f"name=^{BACKEND}$").stdout
    if taken:
        pytest.skip(f"a container {BACKEND} is there already, and compose's has that name")
    folder = tmp_path / "clone"
    names = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],  # noqa: S607 - whichever git there is
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()
    for name in names:
        if (
            name.startswith(("backend/", "deploy/monitoring/", "docker-compose", "settings.yaml"))
            and (ROOT / name).is_file()
        ):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes((ROOT / name).read_bytes())
            (folder / name).chmod((ROOT / name).stat().st_mode)
    port = free_port()
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
        clone = Project(folder, port, Container(BACKEND, client))
        yield clone
    clone.compose("--profile", "*", "down", "--volumes", "--remove-orphans", "--timeout", "5")


def test_it_starts_on_a_fresh_clone_with_postgresql_and_keeps_its_data(project: Project) -> None:
    project.compose("up", "--build", "--detach", "avatar-backend")
    backend = project.backend
    backend.wait_until_ready()
    avatar_id = backend.generate(seed="ada")
    picture = backend.picture(avatar_id)
    health = backend.client.get("/api/health").json()["data"]
    assert health["checks"]["database"] == {"status": "up", "type": "postgresql"}
    assert backend.users() == {"1000"}
    assert project.published() == {BACKEND}

    project.compose("down")
    project.compose("up", "--detach", "avatar-backend")
    backend.wait_until_ready()
    assert backend.picture(avatar_id) == picture
    assert backend.client.get("/api/list").json()["data"]["pagination"]["total"] == 1
    assert project.compose("stop", "avatar-backend") == ""
    assert backend.inspect(".State.ExitCode") == 0


def test_it_serves_pictures_while_postgresql_is_away(project: Project) -> None:
    project.compose("up", "--detach", "avatar-backend")
    backend = project.backend
    backend.wait_until_ready()
    avatar_id = backend.generate()
    project.compose("stop", "postgres")
    assert backend.picture(avatar_id)
    assert backend.client.post("/api/generate").status_code == 503
    project.compose("start", "postgres")
    backend.wait_until_ready()
    backend.generate()


def test_without_dependencies_it_runs_on_sqlite(project: Project) -> None:
    project.compose(
        "up",
        "--build",
        "--detach",
        "--no-deps",
        "avatar-backend",
        DATABASE_URL="file:./storage/database/avatars.db",
    )
    backend = project.backend
    backend.wait_until_ready()
    backend.generate()
    assert backend.client.get("/api/health").json()["data"]["checks"]["database"]["type"] == "sqlite"
    assert (project.folder / "backend/storage/database/avatars.db").exists()
    assert docker("ps", "--quiet", "--filter", "name=^avatar-gen-postgres$").stdout == ""


@pytest.mark.parametrize("name", [BACKEND, "avatar-gen-postgres", "avatar-gen-gateway"])
def test_every_service_is_confined(project: Project, name: str) -> None:
    project.compose(*GATEWAY, "up", "--detach")
    with httpx.Client() as client:
        assert_confined(Container(name, client))


def assert_confined(container: Container) -> None:
    host = container.inspect(".HostConfig")
    assert host["ReadonlyRootfs"]
    assert host["CapDrop"] == ["ALL"]
    assert host["SecurityOpt"] == ["no-new-privileges:true"]
    assert host["Memory"] > 0
    assert host["NanoCpus"] > 0
    assert host["RestartPolicy"]["Name"] == "unless-stopped"
    assert "0" not in container.users()


def test_the_gateway_is_the_only_way_in_and_caches_and_refuses(project: Project) -> None:
    project.compose(*GATEWAY, "up", "--build", "--detach")
    gateway = project.backend
    client = gateway.client
    gateway.wait_until_ready()
    assert project.published() == {"avatar-gen-gateway"}

    avatar_id = gateway.generate(seed="ada")
    address = f"/api/{avatar_id}?size=9&format=webp"
    answers = [client.get(address) for _ in range(2)]
    assert [answer.headers["X-Cache"] for answer in answers] == ["MISS", "HIT"]
    assert answers[0].content == answers[1].content
    assert answers[0].headers["Content-Type"] == "image/webp"
    assert answers[0].headers["X-Content-Type-Options"] == "nosniff"
    known = {"If-None-Match": answers[0].headers["ETag"]}
    assert client.get(address, headers=known).status_code == 304
    assert client.get("/openapi.json").headers["Content-Encoding"] == "gzip"
    assert client.get("/api/nothing").json()["statusCode"] == 404

    list_of_many = [client.get("/api/list") for _ in range(2)]
    assert [answer.headers.get("X-Cache", "") for answer in list_of_many] == ["", ""]
    # What a client takes decides nothing where the service does not ask it.
    odd = client.get(f"/api/{avatar_id}?size=8", headers={"Accept": "?size=9&format=webp"})
    assert odd.headers["Content-Type"] == "image/png"
    assert client.get(f"/api/{avatar_id}?size=8&format=webp").headers["Content-Type"] == "image/webp"
    negotiated = [
        client.get("/api/render/pixelize/ada", headers={"Accept": kind}).headers["Content-Type"]
        for kind in ("image/webp", "image/png", "image/webp")
    ]
    assert negotiated == ["image/webp", "image/png", "image/webp"]
    named = client.get(address, headers={"X-Request-ID": "mine"})
    assert named.headers.get_list("X-Request-ID") == ["mine"]

    for answer, status, message in (
        (client.post("/api/generate", content=b"x" * 70_000), 413, "The body is larger than 64 KB."),
        (client.get("/api/list?" + "x" * 40_000), 414, "The address is longer than 8 KB."),
        (client.get("/api/list", headers={"X-Long": "x" * 40_000}), 400, "headers are too large"),
    ):
        assert (answer.status_code, answer.json()["statusCode"]) == (status, status)
        assert message in answer.json()["message"]

    assert seconds_until_closed(project.port, b"GET /api/list HT") < 15
    half = b"POST /api/generate HTTP/1.1\r\nHost: a\r\nContent-Length: 99\r\n\r\n{"
    assert seconds_until_closed(project.port, half) < 15

    answers = [client.post("/api/generate") for _ in range(60)]
    assert {answer.status_code for answer in answers} == {201, 429}
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert refused.headers["X-Content-Type-Options"] == "nosniff"
    assert refused.headers["Retry-After"] == "1"
    assert refused.json()["error"] == "Too Many Requests"

    docker("stop", BACKEND)
    assert client.get(address).headers["X-Cache"] == "HIT"
    away = client.get("/api/color-schemes")
    assert (away.status_code, away.headers["Retry-After"]) == (503, "1")
    assert away.json()["message"] == "The service cannot be reached; try again in a second."
    docker("start", BACKEND)
    gateway.wait_until_ready()
    assert '"client":"' in docker("logs", "avatar-gen-gateway").stdout


def test_prometheus_watches_it_and_nobody_else_can(project: Project) -> None:
    port = free_port()
    services = ("avatar-backend", "prometheus")
    project.compose(*MONITORING, "up", "--build", "--detach", *services, PROMETHEUS_PORT=str(port))
    project.backend.wait_until_ready()
    project.backend.generate()

    def asked(what: str, **parameters: str) -> Any:  # noqa: ANN401 - JSON
        answer = httpx.get(f"http://127.0.0.1:{port}/api/v1/{what}", params=parameters)
        return answer.json()["data"] if answer.status_code == 200 else {}

    def stored() -> list[str]:
        found = asked("query", query="avatar_stored_avatars").get("result", [])
        return [each["value"][1] for each in found]

    wait_for(lambda: stored() == ["1"], 60)
    rules = [rule["health"] for group in asked("rules")["groups"] for rule in group["rules"]]
    assert set(rules) <= {"ok", "unknown"}
    assert project.backend.client.get("/metrics").status_code == 404
    ports = docker("port", BACKEND).stdout
    assert "9464" not in ports
    container = Container("avatar-gen-prometheus", project.backend.client)
    assert docker("port", container.name).stdout == f"9090/tcp -> 127.0.0.1:{port}\n"
    assert_confined(container)


def seconds_until_closed(port: int, beginning: bytes) -> float:
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        started = time.monotonic()
        connection.sendall(beginning)
        while connection.recv(65536):
            pass
        return time.monotonic() - started


def test_development_starts_anew_when_the_source_changes(project: Project) -> None:
    project.compose(*DEV, "up", "--build", "--detach", "--no-deps", "avatar-backend")
    backend = project.backend
    backend.wait_until_ready(60)
    backend.generate()
    module = project.folder / "backend/avatar_gen/__init__.py"
    text = module.read_text(encoding="utf-8")
    version = backend.client.get("/api/health").json()["data"]["version"]
    module.write_text(text.replace(version, "9.9.9"), encoding="utf-8")
    wait_for(lambda: backend.client.get("/api/health").json()["data"]["version"] == "9.9.9")
    assert backend.users() == {"1000"}


def wait_for(condition: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            if condition():
                return
        except httpx.TransportError:
            pass
        assert time.monotonic() < deadline
        time.sleep(0.1)
