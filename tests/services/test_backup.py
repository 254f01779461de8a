"""`avatar-gen backup` and `avatar-gen restore`, on both databases."""

import errno
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

import pytest

from avatar_gen.errors import StartupError, StorageUnavailable
from avatar_gen.objects.local import LocalStore
from avatar_gen.objects.local_identities import LocalIdentityStore
from avatar_gen.services.backup import Backup
from avatar_gen.services.restore import Restore
from tests.conftest import BOTH, App, MakeApp
from tests.servers.postgres import Postgres

HASH = hashlib.md5(b"ada@example.org", usedforsecurity=False).hexdigest()


def make(make_app: MakeApp, postgres: Postgres, kind: str) -> App:
    return make_app(environ={"DATABASE_URL": postgres.new_database()} if kind == "postgresql" else {})


def listed(app: App) -> set[str]:
    page = app.client.get("/api/list?pick=100").json()["data"]
    ids = {each["id"] for each in page["avatars"]}
    while after := page["pagination"]["next"]:
        page = app.client.get(f"/api/list?pick=100&after={after}").json()["data"]
        ids |= {each["id"] for each in page["avatars"]}
    assert page["pagination"]["total"] == len(ids)
    return ids


def contents(app: App) -> dict[str, bytes]:
    store = LocalStore(app.folder / "storage" / "avatars")
    return {avatar_id: store.get(avatar_id) or b"" for avatar_id in store.ids()}


def filled(app: App, count: int = 3) -> list[str]:
    app.start()
    ids = [app.generate(seed=f"☃ {number}", colorScheme="ocean") for number in range(count)]
    answer = app.client.put(f"/api/identities/{HASH}", json={"avatarId": ids[0]})
    assert answer.is_success, answer.text
    return ids


@contextmanager
def writing(app: App) -> Iterator[None]:
    """Generate avatars and delete every other one, all the time; begin after the first few."""
    begun, ended = Event(), Event()

    def write() -> None:
        number = 0
        while not ended.is_set():
            number += 1
            avatar_id = app.generate(seed=str(number))
            if number % 2:
                assert app.client.delete(f"/api/{avatar_id}").is_success
            if number == 5:
                begun.set()

    thread = Thread(target=write)
    thread.start()
    try:
        assert begun.wait(60)
        yield
    finally:
        ended.set()
        thread.join()


@BOTH
def test_a_backup_of_a_service_that_writes_is_restored_whole(
    make_app: MakeApp, postgres: Postgres, kind: str, tmp_path: Path
) -> None:
    app = make(make_app, postgres, kind)
    before = filled(app, 60)
    with writing(app):
        result = app.run("backup", str(tmp_path / "backup"))
    assert result.stdout.endswith(" 0 were there already, 1 identity links, 0 damaged.\n")
    check = ["sha256sum", "--quiet", "--check", "checksums.sha256"]
    subprocess.run(check, cwd=tmp_path / "backup", check=True)
    originals = contents(app)
    app.stop()

    other = make(make_app, postgres, kind)
    result = other.run("restore", str(tmp_path / "backup"))
    restored = contents(other)
    assert result.stdout.startswith(f"{len(restored)} avatars restored, 0 were there already, 0 removed, 1 ")
    assert restored.keys() >= set(before)
    assert {each: restored[each] for each in restored.keys() & originals} == {
        each: originals[each] for each in restored.keys() & originals
    }
    other.start()
    assert listed(other) == restored.keys()
    answer = other.client.get(f"/api/identities/{HASH}")
    assert answer.json()["data"]["avatarId"] == before[0]


@BOTH
def test_a_restore_over_what_a_crash_left_has_nothing_of_it(
    make_app: MakeApp, postgres: Postgres, kind: str, tmp_path: Path
) -> None:
    """The write-ahead log of the crashed service belongs to the old database file."""
    app = make(make_app, postgres, kind)
    kept = filled(app)
    app.run("backup", str(tmp_path / "backup"))
    later = app.generate(seed="later")
    other_hash = HASH[::-1]
    assert app.client.put(f"/api/identities/{other_hash}", json={"avatarId": later}).is_success
    crashed = make(make_app, postgres, kind)
    shutil.copytree(app.folder / "storage", crashed.folder / "storage")
    database = crashed.folder / "storage" / "database"
    if kind == "sqlite":
        assert (database / "avatars.db-wal").stat().st_size > 0
        (database / "avatars.db").write_bytes(b"overwritten by the crash" * 200)
    app.stop()

    result = crashed.run("restore", str(tmp_path / "backup"), check=False)
    assert result.returncode == 1
    assert f"avatars that are not in the backup, such as {later}" in result.stderr
    assert later in contents(crashed)
    result = crashed.run("restore", str(tmp_path / "backup"), "--replace")
    assert result.stdout == (
        "0 avatars restored, 3 were there already, 1 removed, 1 identity links, 0 damaged.\n"
    )
    crashed.start()
    assert listed(crashed) == set(kept)
    assert crashed.client.get(f"/api/identities/{other_hash}").status_code == 404
    assert crashed.client.get("/api/health").status_code == 200


READER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
connection.execute("SELECT total FROM avatar_total").fetchone()
print("open", flush=True)
sys.stdin.read()
"""


def test_a_database_that_another_process_has_open_is_not_replaced(make_app: MakeApp, tmp_path: Path) -> None:
    app = make_app()
    ids = filled(app)
    app.run("backup", str(tmp_path / "backup"))
    app.stop()
    database = app.folder / "storage" / "database" / "avatars.db"
    with subprocess.Popen(
        [sys.executable, "-c", READER, str(database)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as reader:
        assert reader.stdout
        assert reader.stdout.readline() == b"open\n"
        result = app.run("restore", str(tmp_path / "backup"), "--replace", check=False)
        reader.communicate()
    assert result.returncode == 1
    assert result.stderr.endswith("another process has it open. Stop the service first\n")
    assert listed(app.start()) == set(ids)


def test_an_interrupted_backup_and_restore_go_on(make_app: MakeApp, tmp_path: Path) -> None:
    app = make_app()
    ids = filled(app, 60)
    failures: list[tuple[str, str]] = []

    def fail(name: str, reason: str) -> None:
        failures.append((name, reason))

    store, links = stores(app)
    next(Backup(store, links, tmp_path / "backup", fail).run())
    other = make_app()
    result = other.run("restore", str(tmp_path / "backup"), check=False)
    assert result.returncode == 1
    assert "there is no finished backup in it" in result.stderr
    deleted = min(ids)
    assert app.client.delete(f"/api/{deleted}").is_success
    result = app.run("backup", str(tmp_path / "backup"))
    assert result.stdout == "10 avatars copied, 49 were there already, 1 identity links, 0 damaged.\n"
    again = app.run("backup", str(tmp_path / "backup"), check=False)
    assert again.stderr.endswith("there is a finished backup in it. Choose another folder\n")

    store, links = stores(other)
    store.prepare()
    links.prepare()
    next(Restore(tmp_path / "backup", store, links, fail).run(replace=False))
    result = other.run("restore", str(tmp_path / "backup"))
    assert result.stdout.startswith("9 avatars restored, 50 were there already, 0 removed")
    assert listed(other.start()) == set(ids) - {deleted}
    assert not list((tmp_path / "backup").rglob(f"{deleted}.zip"))
    assert failures == []


def stores(app: App) -> tuple[LocalStore, LocalIdentityStore]:
    root = app.folder / "storage" / "avatars"
    return LocalStore(root), LocalIdentityStore(root)


def test_what_is_damaged_is_named_and_the_rest_is_copied(make_app: MakeApp, tmp_path: Path) -> None:
    app = make_app()
    damaged, lost, changed, *whole = sorted(filled(app, 6))
    app.object(damaged).write_bytes(b"not an object")
    backup = tmp_path / "backup"
    result = app.run("backup", str(backup), check=False)
    assert (result.returncode, result.stdout) == (
        3,
        "5 avatars copied, 0 were there already, 1 identity links, 1 damaged.\n",
    )
    assert result.stderr.startswith(f"{damaged}: not in the backup: its object is damaged: 13 bytes")
    (backup / "avatars" / lost[:2] / f"{lost}.zip").unlink()
    (backup / "avatars" / changed[:2] / f"{changed}.zip").write_bytes(app.object(whole[0]).read_bytes())
    (backup / "identities.jsonl").write_bytes(b"{}")
    other = make_app()
    result = other.run("restore", str(backup), check=False)
    assert (result.returncode, result.stdout) == (
        3,
        "3 avatars restored, 0 were there already, 0 removed, 0 identity links, 3 damaged.\n",
    )
    for name in (lost, changed):
        assert f"{name}: not restored: its file in the backup is missing or damaged\n" in result.stderr
    assert "identities.jsonl: not restored: it is missing or damaged" in result.stderr
    assert listed(other.start()) == set(whole)


def test_an_object_or_folder_that_cannot_be_read_does_not_stop_the_others(
    make_app: MakeApp, tmp_path: Path
) -> None:
    app = make_app()
    link, *others = sorted(filled(app, 6))
    app.object(link).unlink()
    app.object(link).symlink_to(app.object(link).name)
    shards = sorted((app.folder / "storage" / "avatars").glob("??"))
    shard = next(path for path in shards if not any(path.iterdir()))
    shard.rmdir()
    shard.symlink_to(shard.name)
    for command in (["backup", str(tmp_path / "copy")], ["export", "-o", str(tmp_path / "plain")]):
        result = app.run(*command, check=False)
        assert result.returncode == 3, result.stderr
        assert link in result.stderr
        assert str(shard) in result.stderr
    assert {path.stem for path in (tmp_path / "copy").rglob("*.zip")} == set(others)
    assert link in app.run("stats").stderr


def test_a_folder_with_other_files_is_left_alone(make_app: MakeApp, tmp_path: Path) -> None:
    app = make_app()
    filled(app, 1)
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "notes.txt").write_text("precious")
    result = app.run("backup", str(tmp_path / "precious"), check=False)
    assert result.returncode == 1
    assert "there are other files in it. Choose another folder" in result.stderr
    assert [path.name for path in (tmp_path / "precious").iterdir()] == ["notes.txt"]


@pytest.mark.parametrize("options", [(), ("--replace",)])
def test_a_folder_without_a_backup_changes_nothing(
    make_app: MakeApp, tmp_path: Path, options: tuple[str, ...]
) -> None:
    app = make_app()
    ids = filled(app)
    app.stop()
    (tmp_path / "empty").mkdir()
    result = app.run("restore", str(tmp_path / "empty"), *options, check=False)
    assert result.returncode == 1
    assert "there is no finished backup in it" in result.stderr
    assert listed(app.start()) == set(ids)


@pytest.mark.parametrize("lines", range(4))
@pytest.mark.parametrize("options", [(), ("--replace",)])
def test_a_list_that_is_cut_off_changes_nothing(
    backed_up: Path, make_app: MakeApp, lines: int, options: tuple[str, ...]
) -> None:
    path = backed_up / "checksums.sha256"
    cut_off(path, lines)
    assert_refused(make_app(), backed_up, *options, message=f"Error: {path}: it is cut off: ")
    shutil.rmtree(backed_up / "avatars")
    (backed_up / "avatars").mkdir()
    assert_refused(make_app(), backed_up, *options, message=f"Error: {path}: it is cut off: ")


@pytest.mark.parametrize("lines", [1, 2, 3])
@pytest.mark.parametrize("options", [(), ("--replace",)])
def test_an_older_list_that_is_cut_off_changes_nothing(
    backed_up: Path, make_app: MakeApp, lines: int, options: tuple[str, ...]
) -> None:
    path = backed_up / "checksums.sha256"
    links_first(path)
    cut_off(path, lines)
    assert_refused(
        make_app(), backed_up, *options, message=f"Error: {path}: it does not have all files, such as"
    )


def test_an_older_backup_is_restored(backed_up: Path, make_app: MakeApp) -> None:
    links_first(backed_up / "checksums.sha256")
    result = make_app().run("restore", str(backed_up))
    assert result.stdout.startswith(
        "3 avatars restored, 0 were there already, 0 removed, 1 identity links, 0"
    )


def test_a_replacing_restore_keeps_what_it_cannot_restore(make_app: MakeApp, tmp_path: Path) -> None:
    app = make_app()
    lost, damaged, whole = sorted(filled(app))
    backup = tmp_path / "backup"
    app.run("backup", str(backup))
    before = contents(app)
    app.stop()
    (backup / "avatars" / lost[:2] / f"{lost}.zip").unlink()
    (backup / "avatars" / damaged[:2] / f"{damaged}.zip").write_bytes(b"damaged")
    result = app.run("restore", str(backup), "--replace", check=False)
    assert (result.returncode, result.stdout) == (
        3,
        "0 avatars restored, 1 were there already, 0 removed, 1 identity links, 2 damaged.\n",
    )
    assert contents(app) == before
    assert listed(app.start()) == {lost, damaged, whole}


def test_a_backup_keeps_the_intact_copy_of_an_earlier_run(make_app: MakeApp, tmp_path: Path) -> None:
    app = make_app()
    ids = filled(app)
    store, links = stores(app)
    next(Backup(store, links, tmp_path / "backup", lambda _name, _reason: None).run())
    app.object(ids[0]).write_bytes(b"damaged since then")
    result = app.run("backup", str(tmp_path / "backup"))
    assert result.stdout == "0 avatars copied, 3 were there already, 1 identity links, 0 damaged.\n"
    assert make_app().run("restore", str(tmp_path / "backup")).stdout.startswith("3 avatars restored")


@pytest.mark.parametrize("unreadable", [0, 1])
def test_a_folder_that_cannot_be_listed_any_more_keeps_its_earlier_copies(
    make_app: MakeApp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unreadable: int
) -> None:
    app = make_app()
    ids = filled(app)
    store, links = stores(app)
    folder, failures = tmp_path / "backup", []
    next(Backup(store, links, folder, lambda _name, _reason: None).run())
    list_folder, get = store._list, store.get

    def fail_to_list(shard: str) -> list[str]:
        if shard == ids[0][:2]:
            raise StorageUnavailable
        return list_folder(shard)

    def fail_to_get(avatar_id: str) -> bytes | None:
        if avatar_id in ids[:unreadable]:
            raise StorageUnavailable
        return get(avatar_id)

    with monkeypatch.context() as patch:
        patch.setattr(store, "_list", fail_to_list)
        patch.setattr(store, "get", fail_to_get)
        for _ in Backup(store, links, folder, lambda name, _reason: failures.append(name)).run():
            pass
    assert [Path(name).name for name in failures] == [ids[0][:2]]
    before = contents(app)
    app.stop()
    result = app.run("restore", str(folder), "--replace")
    others = sum(each[:2] != ids[0][:2] for each in ids)
    assert result.stdout.startswith(f"0 avatars restored, {others} were there already, 0 removed")
    assert contents(app) == before
    assert listed(app.start()) == set(ids)


def test_a_folder_that_cannot_be_locked_is_named(
    make_app: MakeApp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, links = stores(make_app().start())

    def no_locks(*_arguments: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", no_locks)
    with pytest.raises(StartupError, match=r"it cannot be locked \(No locks available\)"):
        next(Backup(store, links, tmp_path / "backup", lambda _name, _reason: None).run())


def test_two_backups_into_one_folder_are_one_too_many(make_app: MakeApp, tmp_path: Path) -> None:
    app = make_app()
    filled(app)
    folder = tmp_path / "backup"
    store, links = stores(app)
    first = Backup(store, links, folder, lambda _name, _reason: None).run()
    next(first)
    second = app.run("backup", str(folder), check=False)
    assert (second.returncode, second.stdout) == (1, "")
    assert second.stderr == f"Error: {folder}/checksums.sha256.part: another process uses it\n"
    assert [report.copied for report in first] == [3]
    check = ["sha256sum", "--quiet", "--check", "checksums.sha256"]
    subprocess.run(check, cwd=folder, check=True)
    assert make_app().run("restore", str(folder)).stdout.startswith("3 avatars restored")


def test_a_backup_that_another_process_has_just_finished_stays(
    make_app: MakeApp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_app()
    filled(app)
    folder = tmp_path / "backup"
    checksums = folder / "checksums.sha256"
    monkeypatch.setattr(
        "avatar_gen.services.backup.lock_file", lambda _file, _path: checksums.write_text("finished")
    )
    store, links = stores(app)
    with pytest.raises(StartupError, match="there is a finished backup in it"):
        next(Backup(store, links, folder, lambda _name, _reason: None).run())
    assert checksums.read_text() == "finished"


def cut_off(path: Path, lines: int) -> None:
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:lines]))


def links_first(path: Path) -> None:
    """Order a list as older backups do."""
    *objects, links = path.read_text().splitlines(keepends=True)
    path.write_text("".join([links, *objects]))


def list_again(backup: Path, change: bytes) -> None:
    """Write other identity links into a backup, with the right hash in its list."""
    path = backup / "checksums.sha256"
    old, new = (hashlib.sha256(data).hexdigest() for data in ((backup / LINKS).read_bytes(), change))
    path.write_text(path.read_text().replace(old, new))
    (backup / LINKS).write_bytes(change)


LINKS = "identities.jsonl"
LIST_CHANGES = {
    "empty": lambda text: text[:0],
    "without links": lambda text: b"".join(
        line for line in text.splitlines(keepends=True) if LINKS.encode() not in line
    ),
    "links twice": lambda text: text * 2,
    "an object twice": lambda text: b"".join(
        line * (1 if LINKS.encode() in line else 2) for line in text.splitlines(keepends=True)
    ),
    "cut in a line": lambda text: text[:-10],
    "another path": lambda text: text + b"0" * 64 + b"  ../p.csv\n",
    "another folder": lambda text: text.replace(b"avatars/", b"avatars/../avatars/"),
    "another shard": lambda text: (
        text + b"0" * 64 + b"  avatars/00/ffffffff-" + b"0000-" * 3 + b"000000000000.zip\n"
    ),
    "not ASCII": lambda text: text + b"\xff\x00\n",
    "Windows": lambda text: text.replace(b"\n", b"\r\n"),
    "a long line": lambda text: text + b"0" * 5_000_000,
}


@pytest.mark.parametrize("options", [(), ("--replace",)])
@pytest.mark.parametrize("change", LIST_CHANGES.values(), ids=LIST_CHANGES)
def test_a_list_that_backup_did_not_write_changes_nothing(
    backed_up: Path, make_app: MakeApp, change: Callable[[bytes], bytes], options: tuple[str, ...]
) -> None:
    path = backed_up / "checksums.sha256"
    path.write_bytes(change(path.read_bytes()))
    assert_refused(make_app(), backed_up, *options, message=f"Error: {path}: ")


@pytest.mark.parametrize(
    "content",
    [
        b"garbage\n",
        b"\n",
        b"{}\n",
        b"[]\n",
        b"null\n",
        b"3\n",
        b"\xff\xfe\n",
        b"\x00\n",
        b"[" * 200_000 + b"\n",
        b'{"identity": 3, "avatarId": []}\n',
        b'{"identity": "../../x", "avatarId": "00000000-0000-4000-8000-000000000000"}\n',
        b'{"identity": "%s", "avatarId": "../../x"}\n' % HASH.encode(),
        b'"' + b"x" * 5_000_000 + b'"\n',
    ],
    ids=lambda content: content[:20].decode(errors="replace"),
)
@pytest.mark.parametrize("options", [(), ("--replace",)])
def test_links_that_backup_did_not_write_change_nothing(
    backed_up: Path, make_app: MakeApp, content: bytes, options: tuple[str, ...]
) -> None:
    list_again(backed_up, content)
    assert_refused(make_app(), backed_up, *options, message=f"Error: {backed_up / LINKS}: line 1 is not one")


@pytest.mark.parametrize("missing", ["avatars", LINKS])
def test_a_backup_without_a_part_replaces_nothing(backed_up: Path, make_app: MakeApp, missing: str) -> None:
    (backed_up / missing).rename(backed_up / "elsewhere")
    assert_refused(make_app(), backed_up, "--replace", message=f"Error: {backed_up}")


@pytest.fixture
def backed_up(make_app: MakeApp, tmp_path: Path) -> Path:
    app = make_app()
    filled(app)
    app.run("backup", str(tmp_path / "backup"))
    app.stop()
    return tmp_path / "backup"


def assert_refused(app: App, backup: Path, *options: str, message: str) -> None:
    """Assert that a restore ends with this message, and changes neither the storage nor the database."""
    other = app.folder / "storage" / "avatars"
    store, links = stores(app)
    store.prepare()
    links.prepare()
    kept = "ffffffff-ffff-4fff-bfff-ffffffffffff"
    (other / "ff" / f"{kept}.zip").write_bytes(b"kept")
    database = app.folder / "storage" / "database" / "avatars.db"
    database.parent.mkdir(parents=True, exist_ok=True)
    database.write_bytes(b"kept")
    result = app.run("restore", str(backup), *options, check=False)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith(message)
    assert result.stderr.count("\n") == 1
    assert database.read_bytes() == b"kept"
    assert list(store.ids()) == [kept]
    assert list(links.ids()) == []
