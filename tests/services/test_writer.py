"""One avatar that cannot be stored or removed fails no other, and a killed removal is finished."""

import asyncio
import errno
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from threading import Event
from typing import NoReturn
from uuid import uuid4

import pytest
from sqlalchemy import event

from avatar_gen.avatar import AvatarSpec
from avatar_gen.database.repository import Repository
from avatar_gen.errors import DatabaseUnavailable, StorageFull, StorageUnavailable
from avatar_gen.objects.local import LocalStore
from avatar_gen.services import writer as module
from avatar_gen.services.avatars import draw_object
from avatar_gen.services.writer import AvatarWriter, NewAvatar


def new(avatar_id: str | None = None, draw: Callable[[], bytes] | None = None) -> NewAvatar:
    spec = AvatarSpec(seed="ada")
    avatar = spec.as_avatar(avatar_id or str(uuid4()))
    return NewAvatar(avatar, draw or (lambda: draw_object(avatar, spec)))


def store_together(writer: AvatarWriter, batch: list[NewAvatar]) -> list[BaseException | None]:
    """Store avatars in one batch."""

    async def play() -> list[BaseException | None]:
        busy, leave = Event(), Event()

        def wait() -> bytes:
            busy.set()
            leave.wait(60)
            raise ZeroDivisionError

        first = asyncio.ensure_future(writer.add(new(draw=wait)))
        await asyncio.to_thread(busy.wait, 60)
        rest = [asyncio.ensure_future(writer.add(each)) for each in batch]
        while writer.queue.taken < len(batch):  # noqa: ASYNC110 - the queue has no event for this
            await asyncio.sleep(0)
        leave.set()
        with pytest.raises(ZeroDivisionError):
            await first
        return await asyncio.gather(*rest, return_exceptions=True)

    return asyncio.run(play())


def fail() -> NoReturn:
    raise ZeroDivisionError("this drawing fails")


def test_a_drawing_that_fails_fails_no_other(store: LocalStore, repository: Repository) -> None:
    with closing(AvatarWriter(store, repository)) as writer:
        batch = [new(draw=fail if number == 5 else None) for number in range(10)]
        errors = store_together(writer, batch)
    assert [type(error) for error in errors if error] == [ZeroDivisionError]
    assert isinstance(errors[5], ZeroDivisionError)
    stored = sorted(each.avatar.id for number, each in enumerate(batch) if number != 5)
    assert list(store.ids()) == stored
    assert sorted(repository.ids()) == stored
    assert repository.total() == 9


def test_a_folder_that_cannot_be_written_fails_only_what_it_holds(
    store: LocalStore, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename = os.rename

    def refuse(source: str, target: str) -> None:
        if "/7f/" in target:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), target)
        rename(source, target)

    monkeypatch.setattr(os, "rename", refuse)
    ids = [f"{first}a1b2c3d-0000-4000-8000-000000000000" for first in "0123456789"]
    ids[5] = "7fa1b2c3-0000-4000-8000-000000000000"
    with closing(AvatarWriter(store, repository)) as writer:
        errors = store_together(writer, [new(each) for each in ids])
    assert [type(error) for error in errors if error] == [StorageUnavailable]
    assert isinstance(errors[5], StorageUnavailable)
    assert list(store.ids()) == sorted(repository.ids()) == sorted(ids[:5] + ids[6:])


def test_a_disk_that_is_full_fails_all(
    store: LocalStore, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> NoReturn:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with closing(AvatarWriter(store, repository)) as writer:
        monkeypatch.setattr(os, "write", full)
        errors = store_together(writer, [new() for _ in range(5)])
    assert {type(error) for error in errors} == {StorageFull}
    assert repository.total() == 0
    assert list(repository.ids()) == []


def test_a_storage_that_hangs_is_answered_and_left_behind(
    store: LocalStore, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "STORE_TIMEOUT_SECONDS", 0.1)
    monkeypatch.setattr(module, "_CLOSE_SECONDS", 0.1)
    hang = Event()
    monkeypatch.setattr(LocalStore, "put", lambda *_: hang.wait(60))
    writer = AvatarWriter(store, repository)
    with pytest.raises(StorageUnavailable):
        asyncio.run(writer.add(new()))
    started = time.monotonic()
    writer.close()
    assert time.monotonic() - started < 30
    assert any(thread.name == "storing" and thread.daemon for thread in threading.enumerate())
    hang.set()


def test_avatars_wait_for_others_longer_than_for_a_storage_that_hangs(
    store: LocalStore, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The storage answers each call in time, but there are many calls before the last avatar's."""
    monkeypatch.setattr(module, "STORE_TIMEOUT_SECONDS", 0.5)
    monkeypatch.setattr(module, "MAX_BATCH", 1)
    put = LocalStore.put

    def put_slowly(self: LocalStore, objects: Mapping[str, bytes]) -> None:
        time.sleep(0.1)
        put(self, objects)

    monkeypatch.setattr(LocalStore, "put", put_slowly)

    async def store_many(writer: AvatarWriter) -> None:
        await asyncio.gather(*(writer.add(new()) for _ in range(15)))

    with closing(AvatarWriter(store, repository)) as writer:
        asyncio.run(store_many(writer))
    assert repository.total() == 15


KILLED = """
import os, sys
from pathlib import Path
from avatar_gen.objects.local import LocalStore
with LocalStore(Path(sys.argv[1])).removing(sys.argv[2]):
    os.kill(os.getpid(), 9)
"""


class TestKilledRemovals:
    @pytest.fixture
    def avatar_id(self, store: LocalStore, repository: Repository, tmp_path: Path) -> str:
        """An avatar whose object is out of sight, but whose row is listed."""
        killed, other = new(), new()
        for each in (killed, other):
            store.put({each.avatar.id: each.draw()})
        repository.add([killed.avatar, other.avatar])
        command = [sys.executable, "-c", KILLED, str(tmp_path / "avatars"), killed.avatar.id]
        assert subprocess.run(command, check=False).returncode == -9
        assert killed.avatar.id in set(repository.ids())
        assert store.get(killed.avatar.id) is None
        return killed.avatar.id

    def test_are_finished_at_the_start(
        self, store: LocalStore, repository: Repository, avatar_id: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        mended = Event()
        sweep = LocalStore.sweep

        def noted(store: LocalStore) -> None:
            sweep(store)
            mended.set()

        monkeypatch.setattr(LocalStore, "sweep", noted)
        with closing(AvatarWriter(store, repository)):
            assert mended.wait(60)
        assert avatar_id not in set(repository.ids())
        assert list(repository.ids()) == list(store.ids())
        assert repository.total() == 1
        assert store.interrupted_removals() == []

    def test_do_not_take_an_avatar_that_was_restored(
        self, store: LocalStore, repository: Repository, avatar_id: str
    ) -> None:
        store.put({avatar_id: new(avatar_id).draw()})
        with closing(AvatarWriter(store, repository)) as writer:
            writer.mend()
        assert avatar_id in set(repository.ids())
        assert store.get(avatar_id) is not None
        assert store.interrupted_removals() == []

    def test_wait_for_a_database_that_is_down(
        self, store: LocalStore, repository: Repository, avatar_id: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def down(*_: object) -> NoReturn:
            raise DatabaseUnavailable

        with closing(AvatarWriter(store, repository)) as writer, monkeypatch.context() as patch:
            patch.setattr(Repository, "remove_rows", down)
            writer.mend()
        with closing(AvatarWriter(store, repository)) as writer:
            writer.mend()
        assert avatar_id not in set(repository.ids())


def test_the_total_changes_after_the_removal_that_it_counts(
    store: LocalStore, repository: Repository
) -> None:
    """On PostgreSQL others wait for its row, so the slow storage must not be asked while it is locked."""
    each = new()
    store.put({each.avatar.id: each.draw()})
    repository.add([each.avatar])
    statements: list[str] = []
    engine = repository._engines.write
    event.listen(engine, "before_cursor_execute", lambda *arguments: statements.append(str(arguments[2])))

    class Removing:
        def __enter__(self) -> bool:
            statements.append("the object goes out of sight")
            return True

        def __exit__(self, *_: object) -> None: ...

    assert repository.remove(each.avatar.id, Removing())
    order = [statement.split()[0] for statement in statements if not statement.startswith("BEGIN")]
    assert order == ["DELETE", "the", "UPDATE"]
