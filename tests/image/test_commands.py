"""Every command of the command line, in a container that serves meanwhile."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from avatar_gen import __version__
from avatar_gen.cli import SECTIONS
from tests.image.conftest import Container, containers, docker, wait_for

COMMANDS = {
    "render": "avatar-gen render smile ada -o - | head -c 4 | od -An -c | grep -q 'P   N   G'",
    "bulk": "echo ada > $work/people.csv; avatar-gen bulk --no-header $work/people.csv -o $work/drawn;"
    " ls $work/drawn | grep png",
    "migrate": "avatar-gen migrate | grep 'at schema'",
    "doctor": "avatar-gen doctor | tee $work/report; grep 'all drawn: ' $work/report",
    "settings": "avatar-gen settings show | grep database.url",
    "keys": "avatar-gen keys new web | grep ^avk_",
    "stats": "avatar-gen stats --check | grep marble",
    "reindex": "avatar-gen reindex | grep 'avatars: 0 rows added, 0 removed, 0 objects damaged'",
    "export": "avatar-gen export -o $work/exported --format webp; find $work -name '*.webp' | grep .",
    "import": "avatar-gen export -o $work/exported; avatar-gen import --exported $work/exported",
    "backup": "avatar-gen backup $work/backup; cd $work/backup; sha256sum --quiet --check checksums.sha256",
    "restore": "avatar-gen backup $work/backup; avatar-gen restore $work/backup",
    "openapi": "avatar-gen openapi | grep /api/generate",
    "completion": "avatar-gen completion bash | grep complete",
    "copy-storage": "avatar-gen copy-storage storage/avatars $work/copied;"
    " find $work/copied -name '*.zip' | grep .",
    "worker": "{ avatar-gen worker 2>&1 || true; } | grep 'Set JOBS_BROKER';"
    " python -c 'import avatar_gen.services.jobs.celery_worker'",
    "version": "avatar-gen version | grep libvips",
}
"""What is run of each command but `serve`, which runs already. Each line must exit with 0."""


@pytest.fixture(scope="module")
def service() -> Iterator[Container]:
    with containers() as run:
        container = run("--env", "METRICS_PORT=9464")
        container.wait_until_ready()
        container.generate(seed="ada")
        container.generate(seed="grace", type="marble")
        yield container


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_works(service: Container, name: str) -> None:
    script = f"set -euo pipefail; work=storage/{name}; mkdir $work; {COMMANDS[name]}"
    command = ("/app/docker/as-owner", "bash", "-c", script)
    result = docker("exec", service.name, *command, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def test_all_of_them_were_tried() -> None:
    assert {*COMMANDS, "serve"} == {name for commands in SECTIONS.values() for name in commands}


def test_metrics_are_counted(service: Container) -> None:
    script = "import urllib.request as r; print(r.urlopen('http://127.0.0.1:9464/metrics').read().decode())"
    wait_for(lambda: "avatar_stored_avatars" in service.run("python", "-c", script))


def test_what_was_exported_can_be_taken_over_by_another_container(service: Container, tmp_path: Path) -> None:
    docker("exec", service.name, "avatar-gen", "export", "-o", "/app/storage/moved")
    docker("cp", f"{service.name}:/app/storage/moved", str(tmp_path))
    with containers() as run:
        other = run("--volume", f"{tmp_path}/moved:/moved:ro")
        other.wait_until_ready()
        other.run("avatar-gen", "import", "--exported", "/moved")
        other.run("avatar-gen", "reindex")
        rows = [each.client.get("/api/list").json()["data"]["avatars"] for each in (service, other)]
        assert rows[0] == rows[1]
        assert [service.picture(row["id"]) == other.picture(row["id"]) for row in rows[0]] == [True, True]


def test_the_version_is_this_one(service: Container) -> None:
    assert json.loads(service.run("avatar-gen", "version", "--json"))["avatar-gen"] == __version__
