"""What every `ObjectStore` promises, and what the local one does about a file system's faults."""

import errno
import os
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn
from uuid import uuid4

import pytest

from avatar_gen.errors import StorageFull, StorageUnavailable
from avatar_gen.objects.local import LocalStore


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    store = LocalStore(tmp_path / "avatars")
    store.open()
    return store


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def remove(store: LocalStore, avatar_id: str) -> bool:
    with store.removing(avatar_id) as found:
        return found


def failing(number: int) -> Callable[..., NoReturn]:
    def fail(*_arguments: object) -> NoReturn:
        raise OSError(number, os.strerror(number))

    return fail


def test_what_is_put_is_got_until_it_is_removed(store: LocalStore) -> None:
    one, other = str(uuid4()), str(uuid4())
    assert store.get(one) is None
    store.put({one: b"one", other: b"other"})
    assert (store.get(one), store.get(other)) == (b"one", b"other")
    assert remove(store, one)
    assert not remove(store, one)
    assert (store.get(one), store.get(other)) == (None, b"other")


def test_a_stamp_changes_with_its_object(store: LocalStore, tmp_path: Path) -> None:
    one, other = str(uuid4()), str(uuid4())
    store.put({one: b"one", other: b"other"})
    stamp = store.stamp(one)
    assert stamp is not None
    assert stamp != store.stamp(other)
    assert store.stamp(one) == stamp
    time.sleep(0.02)
    (tmp_path / "avatars" / one[:2] / f"{one}.zip").write_bytes(b"eno")
    assert store.stamp(one) not in (None, stamp)
    remove(store, one)
    assert store.stamp(one) is None


def test_objects_lie_in_folders_by_their_first_two_digits(store: LocalStore, tmp_path: Path) -> None:
    store.put({"0a1b2c3d-0000-4000-8000-000000000000": b"x"})
    assert files(tmp_path) == ["avatars/0a/0a1b2c3d-0000-4000-8000-000000000000.zip"]


def test_ids_come_in_order_and_other_files_are_passed_over(store: LocalStore, tmp_path: Path) -> None:
    ids = sorted(str(uuid4()) for _ in range(50))
    store.put(dict.fromkeys(ids, b"x"))
    (tmp_path / "avatars" / "lost+found").mkdir()
    (tmp_path / "avatars" / "zz").touch()
    (tmp_path / "avatars" / f"{uuid4()}.obj").write_text("the old service's")
    (tmp_path / "avatars" / ids[0][:2] / "notes.zip").write_text("someone's")
    assert list(store.ids()) == ids


@pytest.mark.parametrize(
    "identity",
    ["", "..", "../../etc/passwd", "/etc/passwd", "0A1B2C3D-0000-4000-8000-000000000000", "a" * 36, "%2e%2e"],
)
def test_nothing_but_a_canonical_id_has_a_path(store: LocalStore, identity: str) -> None:
    for use in (
        store.get,
        store.stamp,
        lambda each: remove(store, each),
        lambda each: store.put({each: b"x"}),
    ):
        with pytest.raises(ValueError, match="canonical"):
            use(identity)


@pytest.mark.parametrize("call", ["write", "fsync", "rename"])
@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (errno.ENOSPC, StorageFull),
        (errno.EDQUOT, StorageFull),
        (errno.EIO, StorageUnavailable),
        (errno.EROFS, StorageUnavailable),
    ],
)
def test_a_put_that_fails_leaves_nothing_behind(  # noqa: PLR0913, PLR0917 - a table of faults
    store: LocalStore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    call: str,
    number: int,
    expected: type[Exception],
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(os, call, failing(number))
        with pytest.raises(expected) as caught:
            store.put({str(uuid4()): b"one", str(uuid4()): b"other"})
    assert files(tmp_path) == []
    assert str(tmp_path) not in str(caught.value)


def test_a_put_that_fails_half_way_keeps_none_of_its_objects(
    store: LocalStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename = os.rename
    renamed: list[str] = []

    def second_fails(source: str, target: str) -> None:
        if renamed:
            failing(errno.EIO)()
        rename(source, target)
        renamed.append(target)

    monkeypatch.setattr(os, "rename", second_fails)
    with pytest.raises(StorageUnavailable):
        store.put({str(uuid4()): b"one", str(uuid4()): b"other"})
    assert renamed
    assert files(tmp_path) == []


def test_a_disk_that_takes_only_a_part_is_full(
    store: LocalStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "write", lambda _descriptor, data: len(data) - 1)
    with pytest.raises(StorageFull):
        store.put({str(uuid4()): b"one"})
    assert files(tmp_path) == []


def test_everything_is_on_disk_before_it_has_its_name_and_its_name_before_put_returns(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[str] = []
    fsync, rename = os.fsync, os.rename

    def noted_fsync(descriptor: int) -> None:
        events.append("sync folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "sync file")
        fsync(descriptor)

    def noted_rename(source: str, target: str) -> None:
        rename(source, target)
        events.append("rename")

    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(os, "rename", noted_rename)
    identity = "0a1b2c3d-0000-4000-8000-000000000000"
    store.put({identity: b"x", identity.replace("3d", "3f"): b"y"})
    assert events == ["sync file", "sync file", "rename", "rename", "sync folder"]
    events.clear()
    assert remove(store, identity)
    assert events == ["rename", "sync folder"]


def test_an_object_is_out_of_sight_while_it_is_removed_and_back_if_that_fails(
    store: LocalStore, tmp_path: Path
) -> None:
    identity = str(uuid4())
    store.put({identity: b"x"})

    def fail_to_remove() -> None:
        with store.removing(identity) as found:
            assert found
            assert store.get(identity) is None
            assert list(store.ids()) == []
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_to_remove()
    assert store.get(identity) == b"x"
    assert remove(store, identity)
    assert files(tmp_path) == []


def test_a_store_that_is_not_there_is_not_taken_for_an_empty_one(store: LocalStore, tmp_path: Path) -> None:
    """A volume that is not mounted leaves an empty folder in its place."""
    identity = str(uuid4())
    (tmp_path / "avatars").rename(tmp_path / "elsewhere")
    for _ in range(2):
        with pytest.raises(StorageUnavailable):
            store.get(identity)
        with pytest.raises(StorageUnavailable):
            store.stamp(identity)
        with pytest.raises(StorageUnavailable):
            remove(store, identity)
        with pytest.raises(StorageUnavailable):
            list(store.ids())
        with pytest.raises(StorageUnavailable):
            store.put({identity: b"x"})
        with pytest.raises(StorageUnavailable):
            store.check()
        (tmp_path / "avatars").mkdir(exist_ok=True)
    with pytest.raises(StorageUnavailable):
        LocalStore(tmp_path / "missing").open(make=False)


def test_what_a_killed_process_left_is_cleared_away_once_it_is_old(store: LocalStore, tmp_path: Path) -> None:
    left, in_use = (tmp_path / "avatars" / "incoming" / name for name in ("left", "in-use"))
    left.write_text("half")
    in_use.write_text("another process is just writing this")
    os.utime(left, (0, 0))
    store.check()
    assert files(tmp_path) == ["avatars/incoming/in-use"]


def test_an_old_object_is_not_cleared_away_while_it_is_removed(store: LocalStore, tmp_path: Path) -> None:
    identity = str(uuid4())
    store.put({identity: b"x"})
    os.utime(tmp_path / "avatars" / identity[:2] / f"{identity}.zip", (0, 0))

    def fail_to_remove() -> None:
        with store.removing(identity):
            store.check()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_to_remove()
    assert store.get(identity) == b"x"


@pytest.mark.parametrize(
    ("number", "expected"), [(errno.ENOSPC, StorageFull), (errno.EROFS, StorageUnavailable)]
)
def test_a_disk_that_cannot_be_written_fails_the_check(
    store: LocalStore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    number: int,
    expected: type[Exception],
) -> None:
    monkeypatch.setattr(os, "write", failing(number))
    with pytest.raises(expected):
        store.check()
    assert files(tmp_path) == []


def test_a_root_that_cannot_be_made_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "avatars").write_text("a file is in the way")
    with pytest.raises(StorageUnavailable):
        LocalStore(tmp_path / "avatars").open()


def test_an_object_that_cannot_be_read_is_unavailable(store: LocalStore, tmp_path: Path) -> None:
    identity = str(uuid4())
    (tmp_path / "avatars" / identity[:2] / f"{identity}.zip").mkdir(parents=True)
    with pytest.raises(StorageUnavailable):
        store.get(identity)
