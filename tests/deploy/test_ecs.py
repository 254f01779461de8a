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
from avatar_gen.settings.loader import ENVIRONMENT
from avatar_gen.settings.schema import Settings

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


def test_its_health_check_is_the_image_s() -> None:
    dockerfile = (ROOT / "backend/docker/Dockerfile").read_text(encoding="utf-8")
    times = r"--interval=(\d+)s --timeout=(\d+)s --start-period=(\d+)s --retries=(\d+)"
    match = re.search(rf"HEALTHCHECK {times} \\\n    CMD (.*)", dockerfile.partition("AS service")[2])
    assert match
    interval, timeout, start, retries = (int(number) for number in match.groups()[:4])
    assert CONTAINER["healthCheck"] == {
        "command": ["CMD", *json.loads(match[5])],
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
    assert names <= {*ENVIRONMENT, "RUN_MIGRATIONS"}


def test_it_runs_confined() -> None:
    assert CONTAINER["user"] == "1000:1000"
    assert CONTAINER["readonlyRootFilesystem"]
    assert CONTAINER["linuxParameters"]["capabilities"] == {"drop": ["ALL"]}
    assert [mount["containerPath"] for mount in CONTAINER["mountPoints"]] == ["/app/storage"]
