"""The task definition for AWS ECS, against what ECS itself takes."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.validate import ParamValidator

from avatar_gen import __version__
from avatar_gen.security.api_keys import hash_of, new_key
from avatar_gen.settings.loader import ENVIRONMENT
from avatar_gen.settings.schema import Settings
from tests.conftest import MakeApp, MakeService
from tests.servers.s3 import S3Server

UNKNOWN = "00000000-0000-4000-8000-000000000000"
ROOT = Path(__file__).parents[2]
DEFINITION = json.loads((ROOT / "deploy/ecs/task-definition.json").read_text(encoding="utf-8"))
CONTAINER: dict[str, Any] = DEFINITION["containerDefinitions"][0]


def faults(definition: dict[str, Any]) -> str:
    """What ECS would say to it, by the model of its API that its own clients carry."""
    model = ServiceModel(Loader().load_service_model("ecs", "service-2"))
    shape = model.operation_model("RegisterTaskDefinition").input_shape
    report: str = ParamValidator().validate(definition, shape).generate_report()
    return report


def test_ecs_takes_it() -> None:
    assert faults(DEFINITION) == ""


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"cpus": "512"}, 'Unknown parameter in input: "cpus"'),
        ({"containerDefinitions": [{"essential": "yes"}]}, "Invalid type for parameter"),
    ],
)
def test_a_fault_would_be_found(change: dict[str, Any], fault: str) -> None:
    assert fault in faults({**DEFINITION, **change})


def test_its_health_check_is_the_image_s_but_for_what_it_asks() -> None:
    """ECS replaces a task that is unhealthy, which does not help a database that is away."""
    dockerfile = (ROOT / "backend/docker/Dockerfile").read_text(encoding="utf-8")
    times = r"--interval=(\d+)s --timeout=(\d+)s --start-period=(\d+)s --retries=(\d+)"
    match = re.search(rf"HEALTHCHECK {times} \\\n    CMD (.*)", dockerfile.partition("AS service")[2])
    assert match
    interval, timeout, start, retries = (int(number) for number in match.groups()[:4])
    assert CONTAINER["healthCheck"] == {
        "command": ["CMD", *json.loads(match[5]), "/api/health/live"],
        "interval": interval,
        "timeout": timeout,
        "startPeriod": start,
        "retries": retries,
    }


def test_it_stops_no_sooner_than_the_service_does() -> None:
    server = Settings().server
    assert CONTAINER["stopTimeout"] > server.drain_time + server.shutdown_timeout


def test_it_is_of_this_release_and_sets_what_there_is() -> None:
    assert CONTAINER["image"].endswith(f":{__version__}")
    names = {each["name"] for each in CONTAINER["environment"] + CONTAINER["secrets"]}
    assert names <= {*ENVIRONMENT, "RUN_MIGRATIONS", "TMPDIR"}


def test_its_environment_is_understood_and_guards_what_writes(
    make_service: MakeService, s3: S3Server, tmp_path: Path
) -> None:
    environ = {each["name"]: each["value"] for each in CONTAINER["environment"]}
    assert environ.pop("PORT") == str(CONTAINER["portMappings"][0]["containerPort"])
    # The role of the task gives the keys, and the region the endpoint.
    here = s3.section()
    environ |= {f"S3_{name.upper()}": str(here[name]) for name in ("endpoint", "access_key", "secret_key")}
    service = make_service(environ=environ | {"TMPDIR": str(tmp_path)}).start()
    checks = service.client.get("/api/health").json()["data"]["checks"]
    assert checks["storage-write"] == {"status": "up", "type": "s3"}
    assert service.client.get("/api/render/pixelize/ada.png").status_code == 200
    for method, path in (("POST", "/api/generate"), ("DELETE", f"/api/{UNKNOWN}"), ("GET", "/api/list")):
        assert service.client.request(method, path).status_code == 401, path
    policy = service.client.get("/api/styles").headers["RateLimit-Policy"]
    assert policy.startswith('"client";q=200')


def test_with_a_key_of_ones_own_one_may_write(make_app: MakeApp) -> None:
    """As step 5 of the page has it: `avatar-gen keys new` makes the key, sed puts its hash into the file."""
    key = new_key()
    entry = next(each["value"] for each in CONTAINER["environment"] if each["name"] == "AUTH_API_KEYS")
    app = make_app(environ={"AUTH_API_KEYS": entry.replace("0" * 64, hash_of(key))}).start()
    bearer = {"Authorization": f"Bearer {key}"}
    assert app.client.delete(f"/api/{UNKNOWN}", headers=bearer).status_code == 404
    assert app.client.post("/api/generate", headers=bearer).status_code == 201


def test_connections_outlive_those_of_the_load_balancer() -> None:
    """An Application Load Balancer keeps idle connections for 60 seconds, and must be the first to close."""
    assert Settings().server.idle_timeout > 60


def test_it_runs_confined() -> None:
    assert CONTAINER["user"] == "1000:1000"
    assert CONTAINER["readonlyRootFilesystem"]
    assert CONTAINER["linuxParameters"]["capabilities"] == {"drop": ["ALL"]}
    assert [mount["containerPath"] for mount in CONTAINER["mountPoints"]] == ["/app/storage"]


def test_uploads_wait_on_the_disk_of_the_task_in_a_folder_that_the_user_may_write() -> None:
    """ECS gives a volume the owner of the image's VOLUME at the same path, and otherwise gives it to root."""
    environ = {each["name"]: each["value"] for each in CONTAINER["environment"]}
    (volume,) = CONTAINER["mountPoints"]
    assert environ["TMPDIR"] == volume["containerPath"]
    dockerfile = (ROOT / "backend/docker/Dockerfile").read_text(encoding="utf-8")
    assert f"VOLUME {volume['containerPath']}\n" in dockerfile
    assert DEFINITION["volumes"] == [{"name": volume["sourceVolume"]}]


def test_the_command_on_the_page_is_one_that_ecs_takes() -> None:
    page = (ROOT / "deploy/ecs/README.md").read_text(encoding="utf-8")
    match = re.search(r"--overrides '(\{.*\})'", page)
    assert match
    overrides = json.loads(match[1])
    assert overrides["containerOverrides"][0]["name"] == CONTAINER["name"]
    shape = (
        ServiceModel(Loader().load_service_model("ecs", "service-2")).operation_model("RunTask").input_shape
    )
    request = {"taskDefinition": DEFINITION["family"], "overrides": overrides}
    assert ParamValidator().validate(request, shape).generate_report() == ""
