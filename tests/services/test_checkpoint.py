import fcntl
import json
import os
from pathlib import Path

import pytest

from avatar_gen.errors import StartupError
from avatar_gen.services.checkpoint import Checkpoint, Claim, Status


def entry(key: str, inputs_hash: str, **more: str) -> dict[str, str]:
    return {"file": key, "inputsHash": inputs_hash, **more}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "manifest.jsonl"


def opened(path: Path) -> Checkpoint:
    return Checkpoint(path, "file", "inputsHash")


def test_what_an_earlier_run_made_is_known(path: Path) -> None:
    with opened(path) as manifest:
        assert manifest.claim("ada", "x") == Claim(Status.NEW, None)
        manifest.add([entry("ada", "x", sha256="f00")])
    with opened(path) as manifest:
        assert manifest.claim("ada", "x") == Claim(Status.MADE, "f00")
        assert manifest.claim("ada", "x").status is Status.REPEATED
    with opened(path) as manifest:
        assert manifest.claim("ada", "y").status is Status.OTHER


def test_one_run_makes_each_thing_once(path: Path) -> None:
    with opened(path) as manifest:
        standings = [manifest.claim(*each).status for each in (("ada", "x"), ("ada", "x"), ("ada", "y"))]
    assert standings == [Status.NEW, Status.REPEATED, Status.TAKEN]


def test_a_line_that_was_cut_off_is_removed_and_made_again(path: Path) -> None:
    with opened(path) as manifest:
        manifest.add([entry("ada", "x"), entry("bob", "x")])
    whole = path.read_bytes()
    path.write_bytes(whole[:-5])
    with opened(path) as manifest:
        assert manifest.claim("ada", "x").status is Status.MADE
        assert manifest.claim("bob", "x").status is Status.NEW
        manifest.add([entry("bob", "x")])
    assert path.read_bytes() == whole


def test_of_two_lines_the_later_one_stays(path: Path) -> None:
    with opened(path) as manifest:
        manifest.add([entry("ada", "x"), entry("bob", "x"), entry("☃", "x")])
    with opened(path) as manifest:
        manifest.claim("ada", "y")
        manifest.add([entry("ada", "y")])
        manifest.tidy()
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert lines == [entry("bob", "x"), entry("☃", "x"), entry("ada", "y")]
    assert [each.name for each in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("line", ["no JSON", "[]", "{}", '{"file": 1, "inputsHash": "x"}', '{"file": "x"}'])
def test_a_file_of_another_program_is_left_alone(path: Path, line: str) -> None:
    content = json.dumps(entry("ada", "x")) + "\n" + line + "\n"
    path.write_text(content)
    with pytest.raises(StartupError, match="line 2 is not a line of this command"):
        opened(path)
    assert path.read_text() == content


@pytest.mark.parametrize("content", ["my notes", '{"name": "theirs"}', "[1", "7"])
def test_a_file_of_another_program_is_not_cut_off(path: Path, content: str) -> None:
    path.write_text(content)
    with pytest.raises(StartupError, match="line 1 is not a line of this command"):
        opened(path)
    assert path.read_text() == content


def test_it_belongs_to_one_process_at_a_time(path: Path) -> None:
    with opened(path), pytest.raises(StartupError, match="another process uses it"):
        opened(path)
    with opened(path):
        pass


def test_a_file_that_is_replaced_is_on_the_disk_before_its_name(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The calls are recorded, and made: only a crash of the machine would show the difference."""
    calls: list[tuple[str, int]] = []
    fsync, replace = os.fsync, os.replace

    def record_fsync(descriptor: int) -> None:
        calls.append(("sync", os.fstat(descriptor).st_ino))
        fsync(descriptor)

    def record_replace(source: Path, target: Path) -> None:
        calls.append(("replace", source.stat().st_ino))
        replace(source, target)

    with opened(path) as manifest:
        manifest.add([entry("ada", "x"), entry("bob", "x")])
    monkeypatch.setattr(os, "fsync", record_fsync)
    monkeypatch.setattr(os, "replace", record_replace)
    with opened(path) as manifest:
        manifest.add([entry("ada", "y")])
        manifest.tidy()
    file, folder = path.stat().st_ino, path.parent.stat().st_ino
    assert calls[:2] == [("sync", file), ("replace", file)]
    assert calls[-1] == ("sync", folder)
    assert {inode for _, inode in calls} == {file, folder}


def test_it_continues_in_the_replaced_file(path: Path) -> None:
    with opened(path) as manifest:
        manifest.add([entry("ada", "x")])
        manifest.add([entry("ada", "y")])
        manifest.tidy()
        with pytest.raises(StartupError, match="another process uses it"):
            opened(path)
        manifest.add([entry("bob", "x")])
    with opened(path) as manifest:
        assert manifest.claim("ada", "y").status is Status.MADE
        assert manifest.claim("bob", "x").status is Status.MADE


def test_a_file_that_is_replaced_while_it_is_opened_is_not_worked_on(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its entries would be lost: it has no name any more."""
    flock = fcntl.flock

    def replaced(file: int, how: int) -> None:
        path.with_name("other").write_bytes(b"")
        path.with_name("other").rename(path)
        flock(file, how)

    monkeypatch.setattr(fcntl, "flock", replaced)
    with pytest.raises(StartupError, match="another process uses it"):
        opened(path)


def test_entries_can_be_made_to_survive_a_crash_before_the_end(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`bulk --store` removes its secret after this, and must not store an avatar twice."""
    synced: list[int] = []
    with opened(path) as manifest:
        manifest.add([entry("ada", "x")])
        monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append(os.fstat(descriptor).st_ino))
        manifest.sync()
        assert synced == [path.stat().st_ino, path.parent.stat().st_ino]
