"""The compose file of several replicas: its settings, and its own commands with real servers."""

import json
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis
import yaml

from avatar_gen.settings.loader import ENVIRONMENT, trace_settings
from avatar_gen.settings.schema import Settings
from tests.api.test_jobs import events, start
from tests.conftest import MakeService
from tests.servers.commands import COMMAND
from tests.servers.net import free_port
from tests.servers.postgres import Postgres
from tests.servers.redis import PROGRAM, needs_redis
from tests.servers.s3 import WEED

ROOT = Path(__file__).parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.cluster.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, Any] = COMPOSE["services"]
BACKEND = SERVICES["avatar-backend"]
PORTS = ("s3.port", "master.port", "volume.port", "filer.port")


def with_defaults(value: object) -> str:
    """Replace `${NAME:-default}` by the default, as compose does if no such variable is set."""
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", str(value))


def environ() -> dict[str, str]:
    values = {name: with_defaults(value) for name, value in BACKEND["environment"].items()}
    return {name: value for name, value in values.items() if value}


def make_secrets(folder: Path) -> dict[str, str]:
    """Run the command of the container `password` in `folder`; return its files."""
    (script,) = SERVICES["password"]["command"]
    script = script.replace("$$", "$").replace("/run/password", str(folder))
    subprocess.run([*SERVICES["password"]["entrypoint"], script], check=True)
    return {path.name: path.read_text() for path in folder.iterdir()}


@contextmanager
def running(*command: str, answers: str, folder: Path) -> Iterator[None]:
    """Run a server until the end of the block, which begins when the URL answers."""
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                httpx.get(answers).raise_for_status()
                break
            except httpx.HTTPError:
                assert process.poll() is None, (folder / "log").read_text()
                assert time.monotonic() < deadline
                time.sleep(0.1)
        yield
    finally:
        process.kill()
        process.wait()


@contextmanager
def seaweedfs(secrets: Path, folder: Path) -> Iterator[int]:
    """Run the store by the command of the file, with other addresses and folders; yield the port of S3."""
    ports = {name: free_port() for part in PORTS for name in (part, f"{part}.grpc")}
    changes = {"-ip=seaweedfs": "-ip=127.0.0.1", "-ip.bind=0.0.0.0": "-ip.bind=127.0.0.1"}
    changes |= {
        "-dir=/objects": f"-dir={folder}",
        "-s3.config=/run/password/s3.json": f"-s3.config={secrets}/s3.json",
    }
    command = SERVICES["seaweedfs"]["command"]
    assert changes.keys() <= set(command)
    arguments = [changes.get(word, word) for word in command]
    (url,) = re.findall(r"http://\S+", SERVICES["seaweedfs"]["healthcheck"]["test"])
    url = url.replace(":8333", f":{ports['s3.port']}")
    given = [f"-{name}={port}" for name, port in ports.items()]
    with running(WEED, *arguments, *given, answers=url, folder=folder):
        yield ports["s3.port"]


def test_the_settings_understand_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert BACKEND["environment"].keys() - {"RUN_MIGRATIONS"} <= ENVIRONMENT.keys()
    settings, origins = trace_settings(environ())
    names = {origin.removeprefix("environment variable ") for origin in origins.values()}
    assert names == environ().keys() - {"RUN_MIGRATIONS"}
    assert settings.storage.type == "s3"


def test_the_settings_name_the_containers() -> None:
    urls = " ".join(environ()[name] for name in ("DATABASE_URL", "S3_ENDPOINT", "REDIS_URL", "JOBS_BROKER"))
    assert re.findall(r"//(?:\w+@)?(\w+):", urls) == ["postgres", "seaweedfs", "valkey", "valkey"]
    for name in ("postgres", "seaweedfs", "valkey"):
        assert SERVICES[name]["networks"] == ["back"]
    assert COMPOSE["networks"]["back"] == {"internal": True}


def test_secrets_are_made_once(tmp_path: Path) -> None:
    made = make_secrets(tmp_path)
    assert len(made["postgres"]) == len(made["s3"]) == 48
    (identity,) = json.loads(made["s3.json"])["identities"]
    assert identity["credentials"] == [{"accessKey": environ()["S3_ACCESS_KEY"], "secretKey": made["s3"]}]
    assert make_secrets(tmp_path) == made
    files = {Path(value).name for name, value in environ().items() if name.endswith("_FILE")}
    assert files == {"postgres", "s3"}


@needs_redis
def test_a_replica_works_with_the_servers(
    make_service: MakeService, postgres: Postgres, tmp_path: Path
) -> None:
    assert PROGRAM
    port = free_port()
    command = [PROGRAM, *SERVICES["valkey"]["command"][1:], "--port", str(port), "--bind", "127.0.0.1"]
    secrets, objects = tmp_path / "secrets", tmp_path / "objects"
    for folder in (secrets, objects):
        folder.mkdir()
    make_secrets(secrets)
    with ExitStack() as stack:
        s3_port = stack.enter_context(seaweedfs(secrets, objects))
        valkey = stack.enter_context(subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=tmp_path))
        stack.callback(valkey.kill)
        here = {
            "DATABASE_URL": postgres.new_database(),
            "S3_ENDPOINT": f"http://127.0.0.1:{s3_port}",
            "S3_SECRET_KEY_FILE": str(secrets / "s3"),
            "REDIS_URL": f"redis://127.0.0.1:{port}/0",
            "JOBS_BROKER": f"redis://127.0.0.1:{port}/1",
            "LIMITS_CLIENT": "1000/s",
            "METRICS_PORT": str(free_port()),
        }
        replica = make_service(environ=environ() | here)
        del replica.environ["DATABASE_PASSWORD_FILE"]  # type: ignore[attr-defined] # the test's URL has it
        migration = SERVICES["migrate"]["command"]
        assert migration[0] == "avatar-gen"
        replica.run(*migration[1:])
        replica.start()
        with redis.Redis.from_url(f"redis://127.0.0.1:{port}/0") as client:
            # Protected mode lets in only clients on the same machine, such as this test.
            assert client.config_get("protected-mode") == {"protected-mode": "no"}
        assert replica.client.get(f"/api/{replica.generate()}").status_code == 200
        checks = replica.client.get("/api/health").json()["data"]["checks"]
        assert checks.keys() >= {"database", "storage", "redis"}
        assert {each["status"] for each in checks.values()} == {"up"}
        with (replica.folder / "worker.log").open("wb") as log:
            words = [*COMMAND, *SERVICES["worker"]["command"][1:]]
            worker = subprocess.Popen(words, cwd=replica.folder, env=replica._environment(), stderr=log)
        _, job = events(replica.client, start(replica.client, "seed\nada\n"))[-1]
        assert (job["state"], job["done"]) == ("done", 1)
        worker.terminate()
        assert worker.wait(timeout=30) == 0
        replica.stop()


def test_only_one_container_migrates() -> None:
    assert BACKEND["environment"]["RUN_MIGRATIONS"] == "false"
    for name in ("migrate", "worker"):
        assert SERVICES[name]["environment"] == BACKEND["environment"]
        assert SERVICES[name]["image"] == BACKEND["image"]
    assert BACKEND["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}


def test_only_the_gateway_is_published() -> None:
    published = {name: with_defaults(each["ports"][0]) for name, each in SERVICES.items() if "ports" in each}
    assert published == {"gateway": "3000:8080", "prometheus": "127.0.0.1:9090:9090"}
    nginx = (ROOT / "backend/docker/gateway/nginx.conf").read_text(encoding="utf-8")
    assert f"server avatar-backend:{Settings().server.port} resolve" in nginx
    assert BACKEND["networks"] == ["front", "back"]
    assert SERVICES["gateway"]["networks"] == ["front"]


def test_prometheus_finds_each_replica() -> None:
    config = yaml.safe_load((ROOT / "deploy/monitoring/prometheus-cluster.yml").read_text(encoding="utf-8"))
    (job,) = config["scrape_configs"]
    (found,) = job["dns_sd_configs"]
    assert (job["job_name"], found["names"], found["type"]) == ("avatars", ["avatar-backend"], "A")
    assert found["port"] == int(environ()["METRICS_PORT"])


def test_replicas_fit_the_image() -> None:
    """Avatars are in the object store, so the folder /app/storage of the image is not used."""
    assert BACKEND["build"]["target"] == "nonroot"
    assert BACKEND["volumes"] == ["password:/run/password:ro"]
    assert BACKEND["tmpfs"] == ["/tmp"]  # noqa: S108 - in the image
    assert BACKEND["healthcheck"]["test"] == ["CMD", "/app/docker/healthcheck", "/api/health/live"]
    assert BACKEND["deploy"]["replicas"] == 2
    server = Settings().server
    assert int(BACKEND["stop_grace_period"].removesuffix("s")) > server.drain_time + server.shutdown_timeout


@pytest.mark.parametrize("name", SERVICES)
def test_containers_are_confined(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["deploy"]["resources"]["limits"]["memory"] == "512M"
