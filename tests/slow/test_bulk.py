"""`avatar-gen bulk`, killed again and again, comes to the same end."""

import json
import random
import subprocess
import time
from functools import partial
from pathlib import Path

import pytest

from tests.cli.conftest import COMMAND
from tests.cli.test_bulk import assert_folder, crew, entries, people, start
from tests.conftest import MakeService
from tests.servers.avatars import ALONE, assert_whole, listed, objects
from tests.servers.commands import environment, run_command
from tests.servers.postgres import Postgres
from tests.servers.waiting import wait_until
from tests.slow.size import sized

KILLS = sized(full=12, small=2)
ROWS = sized(full=1500, small=600)


def is_gone(number: int) -> bool:
    """A zombie counts as ended, too."""
    try:
        return Path(f"/proc/{number}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def kill_amid(process: subprocess.Popen[bytes], manifest: Path, size: int, pause: float) -> list[int]:
    """Kill a run some time after it has noted more than so many bytes; the processes that drew for it."""
    wait_until(lambda: process.poll() is not None or (manifest.exists() and manifest.stat().st_size > size))
    time.sleep(pause)
    workers = crew(process)
    process.kill()
    process.wait()
    return workers


def size_of(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def test_a_folder_has_whole_files_and_no_process_works_on(tmp_path: Path) -> None:
    """Killed again and again, it comes to the same end."""
    count, out = ROWS, tmp_path / "out"
    people(tmp_path / "people.csv", count)
    chance = random.Random(20261120)
    kills = 0
    while kills < KILLS:
        with start(tmp_path, "bulk", "people.csv", "-o", "out", "--jobs", "2") as process:
            manifest = out / "manifest.jsonl"
            workers = kill_amid(process, manifest, size_of(manifest), chance.uniform(0, 0.05))
        for worker in workers:
            wait_until(partial(is_gone, worker))
        for path in out.glob("*.png"):
            assert path.read_bytes().endswith(b"IEND\xaeB`\x82")
        if process.returncode == 0:
            break
        kills += 1
    assert kills
    result = json.loads(
        run_command(
            "bulk", "people.csv", "-o", "out", "--json", folder=tmp_path, environ=environment()
        ).stdout
    )
    assert result["made"] + result["existing"] == count
    assert result["existing"] > 0
    assert_folder(out, count)


@pytest.mark.parametrize("kind", sized(full=["sqlite", "postgresql"], small=["sqlite"]))
def test_nothing_is_stored_twice_however_often_it_is_killed(
    kind: str, make_service: MakeService, postgres: Postgres
) -> None:
    """Beside a running service, where both may write."""
    service = make_service(environ={"DATABASE_URL": postgres.new_database()} if kind == "postgresql" else {})
    count = ROWS
    people(service.folder / "people.csv", count)
    beside = kind == "postgresql" or not ALONE
    before = [service.start().generate(seed="before")] if beside else []
    manifest = service.folder / "people.stored.jsonl"
    chance = random.Random(20261120)
    kills = 0
    while kills < KILLS:
        with subprocess.Popen(
            [*COMMAND, "bulk", "people.csv", "--store"],
            cwd=service.folder,
            env=service._environment(),
            stdout=subprocess.DEVNULL,
        ) as process:
            kill_amid(process, manifest, size_of(manifest), chance.uniform(0, 0.05))
        if process.returncode == 0:
            break
        kills += 1
    assert kills
    if beside:
        before.append(service.generate(seed="meanwhile"))
    service.run("bulk", "people.csv", "--store")
    found = entries(manifest)
    assert len({each["seed"] for each in found}) == len(found) == count
    if not beside:
        service.start()
    assert set(listed(service)) == objects(service) == {*before, *(each["id"] for each in found)}
    assert_whole(service, before)
