"""The settings of the compose file of several replicas. `tests/slow/test_cluster.py` runs its commands."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from avatar_gen.settings.loader import ENVIRONMENT, trace_settings
from avatar_gen.settings.schema import Settings

ROOT = Path(__file__).parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.cluster.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, Any] = COMPOSE["services"]
BACKEND = SERVICES["avatar-backend"]


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
