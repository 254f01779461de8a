"""What a `LocalStore` does about the errors and oddities of a file system; see `test_contract.py`, too."""

import asyncio
import errno
import fcntl
import os
import socket
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import NoReturn
from uuid import uuid4

import pytest

from avatar_gen.errors import AvatarError, ObjectDamaged, StorageFull, StorageUnavailable
from avatar_gen.objects import MAX_OBJECT_SIZE, Opened, mounts
from avatar_gen.objects import breaker as module
from avatar_gen.objects.breaker import Breaker
from avatar_gen.objects.local import LocalStore


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    store = LocalStore(tmp_path / "avatars")
    store.prepare()
    return store


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


async def open_object(store: LocalStore, avatar_id: str) -> Opened | None:
    return await store.open(avatar_id)


def remove(store: LocalStore, avatar_id: str) -> bool:
    with store.removing(avatar_id) as found:
        return found


def failing(number: int) -> Callable[..., NoReturn]:
    def fail(*_arguments: object) -> NoReturn:
        raise OSError(number, os.strerror(number))

    return fail


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
    store: LocalStore, disk_events: list[str]
) -> None:
    identity = "0a1b2c3d-0000-4000-8000-000000000000"
    store.put({identity: b"x", identity.replace("3d", "3f"): b"y"})
    assert disk_events == ["sync file", "sync file", "rename", "rename", "sync folder"]
    disk_events.clear()
    assert remove(store, identity)
    assert disk_events == ["rename", "sync folder"]


def test_a_store_that_is_not_there_is_not_taken_for_an_empty_one(store: LocalStore, tmp_path: Path) -> None:
    """A volume that is not mounted leaves an empty folder in its place."""
    identity = str(uuid4())
    (tmp_path / "avatars").rename(tmp_path / "elsewhere")
    for _ in range(2):
        with pytest.raises(StorageUnavailable):
            store.get(identity)
        with pytest.raises(StorageUnavailable):
            asyncio.run(open_object(store, identity))
        with pytest.raises(StorageUnavailable):
            remove(store, identity)
        with pytest.raises(StorageUnavailable):
            list(store.ids())
        with pytest.raises(StorageUnavailable):
            store.put({identity: b"x"})
        with pytest.raises(StorageUnavailable):
            store.check_write()
        with pytest.raises(StorageUnavailable):
            store.check_read()
        (tmp_path / "avatars").mkdir(exist_ok=True)
    with pytest.raises(StorageUnavailable):
        LocalStore(tmp_path / "missing").require()


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
        store.check_write()
    assert files(tmp_path) == []


def test_a_root_that_cannot_be_made_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "avatars").write_text("a file is in the way")
    with pytest.raises(StorageUnavailable):
        LocalStore(tmp_path / "avatars").prepare()


class TestOddFiles:
    """No program of ours wrote them, so each is a damaged object, and none is waited for or read whole."""

    def make(self, tmp_path: Path, kind: str) -> str:
        avatar_id = str(uuid4())
        path = tmp_path / "avatars" / avatar_id[:2] / f"{avatar_id}.zip"
        if kind == "pipe":
            os.mkfifo(path)
        elif kind == "folder":
            path.mkdir()
        elif kind == "sparse":
            path.touch()
            os.truncate(path, 1_500_000_000)
        elif kind == "device":
            path.symlink_to("/dev/zero")
        elif kind == "socket":
            with socket.socket(socket.AF_UNIX) as server:
                folder = os.open(path.parent, os.O_RDONLY)
                server.bind(f"/proc/self/fd/{folder}/{path.name}")
                os.close(folder)
        return avatar_id

    @pytest.mark.parametrize("kind", ["pipe", "folder", "sparse", "device"])
    def test_are_damaged_objects(self, store: LocalStore, tmp_path: Path, kind: str) -> None:
        avatar_id = self.make(tmp_path, kind)
        tracemalloc.start()
        with pytest.raises(ObjectDamaged):
            store.get(avatar_id)
        with pytest.raises(ObjectDamaged):
            asyncio.run(open_object(store, avatar_id))
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
        tracemalloc.stop()
        assert list(store.ids()) == [avatar_id]
        assert remove(store, avatar_id)
        assert store.interrupted_removals() == []

    def test_cannot_be_opened_and_are_unavailable(self, store: LocalStore, tmp_path: Path) -> None:
        with pytest.raises(StorageUnavailable):
            store.get(self.make(tmp_path, "socket"))

    def test_an_object_of_the_greatest_size_is_read(self, store: LocalStore) -> None:
        one, other = str(uuid4()), str(uuid4())
        store.put({one: bytes(MAX_OBJECT_SIZE), other: bytes(MAX_OBJECT_SIZE + 1)})
        assert store.get(one) == bytes(MAX_OBJECT_SIZE)
        with pytest.raises(ObjectDamaged):
            store.get(other)


def test_a_file_system_may_return_less_than_it_was_asked_for(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    avatar_id = str(uuid4())
    store.put({avatar_id: b"0123456789"})
    read = os.read
    monkeypatch.setattr(os, "read", lambda descriptor, size: read(descriptor, min(size, 3)))
    assert store.get(avatar_id) == b"0123456789"


class TestIncoming:
    """Only our own files are removed from `incoming`, by the clock of the file system."""

    def test_is_swept_of_what_killed_processes_left(
        self, store: LocalStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        folder = tmp_path / "avatars" / "incoming"
        (folder / ("ab" * 8)).write_text("half an object")
        store.sweep()
        assert files(folder) == ["ab" * 8]
        # Ten minutes later, by the clock of the file system.
        now = store._file_system_time()
        monkeypatch.setattr(LocalStore, "_file_system_time", lambda _: now + 601)
        store.sweep()
        assert files(folder) == []

    def test_another_machine_s_clock_does_not_matter(
        self, store: LocalStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "avatars" / "incoming" / ("ab" * 8)).write_text("another process is just writing this")
        for hours in (-48, 48):
            monkeypatch.setattr(time, "time", lambda hours=hours: time.time_ns() / 1e9 + hours * 3600)
            store.sweep()
            store.check_write()
        assert files(tmp_path) == ["avatars/incoming/" + "ab" * 8]

    def test_holds_files_of_others_which_stay(
        self, store: LocalStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        folder = tmp_path / "avatars" / "incoming"
        (folder / "@eaDir").mkdir()
        (folder / ("cd" * 8)).mkdir()
        (folder / ".nfs0000000000000001").write_text("still open elsewhere")
        (folder / "README.txt").write_text("of the operator")
        monkeypatch.setattr(LocalStore, "_file_system_time", lambda _: time.time() + 10**6)
        store.sweep()
        store.check_write()
        store.check_read()
        assert store.interrupted_removals() == []
        assert sorted(each.name for each in folder.iterdir()) == sorted(
            ["@eaDir", "cd" * 8, ".nfs0000000000000001", "README.txt"]
        )

    def test_a_folder_that_cannot_be_written_is_not_swept_and_no_error(
        self, store: LocalStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(os, "open", failing(errno.EROFS))
        store.sweep()

    def test_a_check_removes_nothing(self, store: LocalStore, tmp_path: Path) -> None:
        left = tmp_path / "avatars" / "incoming" / ("ab" * 8)
        left.write_text("half")
        os.utime(left, (0, 0))
        store.check_write()
        store.check_read()
        assert left.exists()


KILLED = """
import os, sys
from pathlib import Path
from avatar_gen.objects.local import LocalStore
with LocalStore(Path(sys.argv[1])).removing(sys.argv[2]):
    os.kill(os.getpid(), 9)
"""


class TestInterruptedRemovals:
    def kill(self, tmp_path: Path, avatar_id: str) -> None:
        command = [sys.executable, "-c", KILLED, str(tmp_path / "avatars"), avatar_id]
        assert subprocess.run(command, check=False).returncode == -9

    def test_are_found_at_once_and_finished(self, store: LocalStore, tmp_path: Path) -> None:
        one, other = str(uuid4()), str(uuid4())
        store.put({one: b"one", other: b"other"})
        self.kill(tmp_path, one)
        assert store.get(one) is None
        assert store.interrupted_removals() == [one]
        store.sweep()
        assert store.interrupted_removals() == [one]
        store.finish_removal(one)
        assert store.interrupted_removals() == []
        assert list(store.ids()) == [other]

    @pytest.mark.parametrize("failure", ["open", "flock"])
    def test_are_found_by_their_age_where_locks_cannot_tell(
        self, store: LocalStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failure: str
    ) -> None:
        one = str(uuid4())
        store.put({one: b"one"})
        self.kill(tmp_path, one)
        os_open = os.open

        def refuse(path: str, *arguments: int) -> int:
            if one in str(path):
                failing(errno.EACCES)()
            return os_open(path, *arguments)

        if failure == "open":
            monkeypatch.setattr(os, "open", refuse)
        else:
            monkeypatch.setattr(fcntl, "flock", failing(errno.ENOLCK))
        assert store.interrupted_removals() == []
        now = store._file_system_time()
        monkeypatch.setattr(LocalStore, "_file_system_time", lambda _: now + 601)
        assert store.interrupted_removals() == [one]


def test_another_user_s_object_is_removed(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The folder's permissions decide. Only an owner may change a file's times or, here, open it."""
    one = str(uuid4())
    store.put({one: b"root stored this"})
    os_open = os.open

    def refuse(path: str, *arguments: int) -> int:
        if one in str(path):
            failing(errno.EACCES)()
        return os_open(path, *arguments)

    monkeypatch.setattr(os, "open", refuse)
    monkeypatch.setattr(os, "utime", failing(errno.EPERM))
    assert remove(store, one)
    assert files(tmp_path) == []


class TestUnreadableFolders:
    def test_are_reported_and_the_others_listed(
        self, store: LocalStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ids = sorted(str(uuid4()) for _ in range(20))
        store.put(dict.fromkeys(ids, b"x"))
        refused = ids[7][:2]
        listdir = os.listdir
        monkeypatch.setattr(
            os,
            "listdir",
            lambda path: failing(errno.EACCES)() if str(path).endswith(f"/{refused}") else listdir(path),
        )
        with pytest.raises(StorageUnavailable):
            list(store.ids())
        reported: list[tuple[str, AvatarError]] = []
        found = list(store.ids(lambda name, error: reported.append((name, error))))
        assert found == [each for each in ids if each[:2] != refused]
        assert [name[-2:] for name, _ in reported] == [refused]

    def test_are_named(self, store: LocalStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        assert store.unusable_folders() == []
        access = os.access
        monkeypatch.setattr(
            os, "access", lambda path, mode: not str(path).endswith("/7f") and access(path, mode)
        )
        assert store.unusable_folders() == [f"{tmp_path}/avatars/7f"]


class TestReader:
    def test_gives_up_on_a_file_system_that_hangs(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(mounts, "TIMEOUT_SECONDS", 0.05)
        store = LocalStore(tmp_path / "avatars", threaded=True)
        store.prepare()
        hang = Event()
        monkeypatch.setattr(LocalStore, "_open", lambda *_: hang.wait(60))
        with pytest.raises(StorageUnavailable):
            asyncio.run(open_object(store, str(uuid4())))
        hang.set()

    @pytest.mark.parametrize(
        ("kind", "local"),
        [
            ("nfs4", False),
            ("fuse.s3fs", False),
            ("cifs", False),
            ("fuseblk", False),
            ("a-type-of-next-year", False),
            ("ext4", True),
            ("xfs", True),
            ("overlay", True),
        ],
    )
    def test_trusts_only_types_that_it_knows(
        self,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        kind: str,
        local: bool,  # noqa: FBT001
    ) -> None:
        folder = tmp_path / "a folder"
        folder.mkdir()
        (tmp_path / "mountinfo").write_text(
            "1 0 0:1 / / rw shared:1 master:2 - nfs4 server:/root rw\n"
            f"2 1 8:1 / {tmp_path} rw,relatime shared:7 - nfs4 server:/export rw\n"
            f"3 2 8:2 / {tmp_path}/a\\040folder rw,relatime shared:7 - {kind} /dev/sda rw\n"
            f"4 2 8:3 / {tmp_path}/a\\040folder/below rw,relatime shared:7 - nfs4 /dev/sda rw\n"
            f"5 2 8:3 / {tmp_path}/a rw,relatime shared:7 - nfs4 /dev/sda rw\n"
        )
        monkeypatch.setattr(mounts, "_MOUNTS", str(tmp_path / "mountinfo"))
        assert mounts.is_local(folder) is local
        assert not mounts.is_local(tmp_path / "missing")

    @pytest.mark.parametrize("number", [errno.ENOSYS, errno.EINVAL, errno.EPERM])
    def test_reads_in_threads_where_the_kernel_or_a_sandbox_refuses(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
    ) -> None:
        monkeypatch.setattr(mounts, "open_cached", failing(number))
        assert not mounts.is_local(tmp_path)

    def test_reads_inline_only_what_the_kernel_has_in_its_memory(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        store = LocalStore(tmp_path / "avatars", threaded=False)
        store.prepare()
        one, other = str(uuid4()), str(uuid4())
        store.put({one: b"one", other: b"other"})
        drop_from_memory(store, other)
        in_threads: list[object] = []
        run = mounts.Reader.run

        async def noted_run(self: mounts.Reader, call: Callable[..., Opened], *arguments: object) -> Opened:
            in_threads.append(arguments[0])
            return await run(self, call, *arguments)

        monkeypatch.setattr(mounts.Reader, "run", noted_run)
        for avatar_id, content in ((one, b"one"), (other, b"other")):
            found = asyncio.run(open_object(store, avatar_id))
            assert found
            assert found.data == content
        assert in_threads == [store._path(other)]
        assert asyncio.run(open_object(store, str(uuid4()))) is None


def drop_from_memory(store: LocalStore, avatar_id: str) -> None:
    """Make the kernel forget the content of an object."""
    descriptor = os.open(store._path(avatar_id), os.O_RDONLY)
    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(descriptor)


class TestBreaker:
    def test_opens_after_calls_without_an_answer_and_closes_after_an_answer(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        breaker, calls = Breaker(), 0
        monkeypatch.setattr(module, "_PAUSE_SECONDS", 60.0)

        def call(*, answered: bool) -> None:
            nonlocal calls
            with breaker.watch(TimeoutError):
                calls += 1
                if not answered:
                    raise TimeoutError

        for _ in range(4):
            with pytest.raises(StorageUnavailable):
                call(answered=False)
        call(answered=True)
        for _ in range(8):
            with pytest.raises(StorageUnavailable):
                call(answered=False)
        assert calls == 4 + 1 + 5
        with pytest.raises(StorageUnavailable):
            call(answered=True)
        breaker._next_trial = 0
        call(answered=True)
        call(answered=True)
        assert calls == 10 + 2

    def test_lets_one_call_at_a_time_try(self) -> None:
        breaker = Breaker()
        for _ in range(5):
            with pytest.raises(StorageUnavailable), breaker.watch(TimeoutError):
                raise TimeoutError
        breaker._next_trial = 0
        with (
            breaker.watch(TimeoutError),
            pytest.raises(StorageUnavailable),
            breaker.watch(TimeoutError),
        ):
            raise AssertionError("this call must not run")

    def test_an_error_is_an_answer(self) -> None:
        breaker = Breaker()
        for _ in range(20):
            with pytest.raises(ObjectDamaged), breaker.watch(TimeoutError):
                raise ObjectDamaged
