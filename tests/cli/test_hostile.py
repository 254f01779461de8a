"""What happens to commands in a world that is against them."""

import fcntl
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import COMMAND, Run, environment
from tests.cli.test_bulk import assert_folder, entries, people
from tests.conftest import MakeApp
from tests.servers.avatars import listed, objects

SHELL = " ".join(COMMAND)


def shell(folder: Path, script: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-c", script.replace("avatar-gen", SHELL)],  # noqa: S607
        cwd=folder,
        env=environment(**environ),
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("script", "status", "error"),
    [
        ("avatar-gen openapi | head -1; exit ${PIPESTATUS[0]}", (0, 141), ""),
        ("avatar-gen settings show | true; exit ${PIPESTATUS[0]}", (0, 141), ""),
        ("avatar-gen openapi > /dev/full", (1,), "Error: output: No space left on device\n"),
        ("avatar-gen --help > /dev/full", (1,), "Error: output: No space left on device\n"),
        ("avatar-gen render pixelize a -o - > /dev/full", (1,), "Error: output: No space left on device\n"),
        ("avatar-gen openapi >&-", (1,), "Error: output: Bad file descriptor\n"),
        ("avatar-gen render pixelize a -o - >&-", (1,), "Error: output: Bad file descriptor\n"),
        ("avatar-gen render pixelize a -o x.png <&- >&-", (0,), ""),
        ("avatar-gen bulk none.csv -o out 2>&-", (1,), ""),
        ("avatar-gen bulk - -o out <&-", (1,), "Error: standard input: the list is empty\n"),
    ],
)
def test_streams_that_are_closed_or_full(tmp_path: Path, script: str, status: tuple[int], error: str) -> None:
    result = shell(tmp_path, script)
    assert result.returncode in status, result.stderr
    assert result.stderr == error


def test_who_reads_no_more_ends_it_quietly(tmp_path: Path) -> None:
    """Whose pipe is full, so that there is no way to be done before."""
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    with subprocess.Popen(
        [*COMMAND, "openapi"], cwd=tmp_path, env=environment(), stdout=writer, stderr=subprocess.PIPE
    ) as process:
        os.close(writer)
        assert os.read(reader, 1) == b"{"
        os.close(reader)
        _, errors = process.communicate()
    assert (process.returncode, errors) == (141, b"")


@pytest.mark.parametrize(
    "environ",
    [{"LC_ALL": "C"}, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}, {"LC_ALL": "POSIX"}],
)
def test_a_locale_without_letters_draws_the_same(run: Run, tmp_path: Path, environ: dict[str, str]) -> None:
    (tmp_path / "people.csv").write_text("name\n☃ Zoë\n山田太郎\n", encoding="utf-8")
    run("bulk", "people.csv", "-o", "out", environ=environ)
    run("bulk", "people.csv", "-o", "usual")
    assert_folder(tmp_path / "out", 2)
    assert entries(tmp_path / "out" / "manifest.jsonl") == entries(tmp_path / "usual" / "manifest.jsonl")
    run("bulk", "people.csv", "-o", "none", "--seed-column", "☃", environ=environ, status=1)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 2 MB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounting = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(disk)]
    if os.geteuid() or subprocess.run(mounting, check=False, capture_output=True).returncode:
        pytest.skip("only root can mount a disk, and not everywhere")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)  # noqa: S607


def enlarge(disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,size=100m", str(disk)], check=True)  # noqa: S607


def test_a_full_disk_ends_a_folder_that_is_completed_later(
    run: Run, tmp_path: Path, small_disk: Path
) -> None:
    people(tmp_path / "people.csv", 700)
    result = run("bulk", "people.csv", "-o", "disk/out", status=1)
    assert result.stderr.startswith(b"Error: disk/out/")
    assert result.stderr.endswith(b": No space left on device\n")
    enlarge(small_disk)
    found = json.loads(run("bulk", "people.csv", "-o", "disk/out", "--json").stdout)
    assert found["made"] + found["existing"] == 700
    assert_folder(tmp_path / "disk" / "out", 700)


def test_a_full_disk_loses_and_doubles_nobody(small_disk: Path, make_app: MakeApp) -> None:
    app = make_app()
    (app.folder / "storage").symlink_to(small_disk)
    people(app.folder / "people.csv", 700)
    result = app.run("bulk", "people.csv", "--store", check=False)
    assert result.returncode == 1
    assert "full" in result.stderr
    assert result.stderr.count("\n") == 1
    enlarge(small_disk)
    app.run("bulk", "people.csv", "--store")
    found = entries(app.folder / "people.stored.jsonl")
    app.start()
    assert set(listed(app)) == objects(app) == {each["id"] for each in found}
    assert len({each["seed"] for each in found}) == len(found) == 700
