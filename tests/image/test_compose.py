"""`docker compose`, on a copy of what a fresh clone has."""

import json
import time
from typing import Any

import httpx
import pytest

from tests.image.conftest import BACKEND, Container, Project, assert_confined, docker, wait_for
from tests.servers.net import free_port

DEV = ("-f", "docker-compose.yml", "-f", "docker-compose.dev.yml")
MONITORING = ("--profile", "monitoring")


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


NO_DEPS = ("up", "--build", "--detach", "avatar-backend", "--no-deps")


def database(container: Container) -> str:
    """The kind of database that the service uses."""
    kind: str = container.client.get("/api/health").json()["data"]["checks"]["database"]["type"]
    return kind


def test_without_dependencies_a_fresh_clone_runs_on_sqlite(project: Project) -> None:
    project.compose(*NO_DEPS)
    backend = project.backend
    backend.wait_until_ready()
    backend.generate()
    assert database(backend) == "sqlite"
    assert (project.folder / "backend/storage/database/avatars.db").exists()
    assert docker("ps", "--quiet", "--filter", "name=^avatar-gen-postgres$").stdout == ""
    warnings = [line for line in map(json.loads, backend.logs().splitlines()) if line["level"] == "warn"]
    assert [line["logger"] for line in warnings] == ["entrypoint"]
    assert "docker compose up --build avatar-backend" in warnings[0]["message"]


@pytest.mark.parametrize("end", ["stop", "down"])
def test_without_dependencies_it_runs_on_sqlite_after_postgresql_too(project: Project, end: str) -> None:
    project.compose("up", "--build", "--detach", "avatar-backend")
    backend = project.backend
    backend.wait_until_ready()
    assert database(backend) == "postgresql"
    avatar_id = backend.generate()
    assert "1 avatars: 0 rows added" in backend.run("avatar-gen", "reindex"), "docker exec asks PostgreSQL"
    project.compose(end)

    project.compose(*NO_DEPS)
    backend.wait_until_ready()
    assert database(backend) == "sqlite"
    assert backend.picture(avatar_id)
    assert "1 avatars: 1 rows added" in backend.run("avatar-gen", "reindex"), "docker exec asks SQLite"
    project.compose("up", "--detach", "avatar-backend")
    project.compose("restart", "avatar-backend")
    backend.wait_until_ready()
    assert database(backend) == "postgresql"


def test_after_a_reboot_it_waits_for_postgresql(project: Project) -> None:
    """Docker starts containers in any order: here the service comes first."""
    project.compose("up", "--detach", "avatar-backend")
    backend = project.backend
    backend.wait_until_ready()
    project.compose("stop")
    docker("start", BACKEND)
    time.sleep(2)
    docker("start", "avatar-gen-postgres")
    backend.wait_until_ready()
    assert database(backend) == "postgresql"


def test_a_custom_database_url_has_priority(project: Project) -> None:
    project.compose(*NO_DEPS, DATABASE_URL="file:./storage/database/mine.db")
    project.backend.wait_until_ready()
    assert (project.folder / "backend/storage/database/mine.db").exists()
    assert "entrypoint" not in project.backend.logs()


def test_prometheus_watches_it_and_nobody_else_can(project: Project) -> None:
    port = free_port()
    services = ("avatar-backend", "prometheus")
    project.compose(*MONITORING, "up", "--build", "--detach", *services, PROMETHEUS_PORT=str(port))
    project.backend.wait_until_ready()
    project.backend.generate()

    def asked(what: str, **parameters: str) -> Any:  # noqa: ANN401 - JSON
        answer = httpx.get(f"http://127.0.0.1:{port}/api/v1/{what}", params=parameters, timeout=60)
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


def test_development_restarts_when_the_source_changes(project: Project) -> None:
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
