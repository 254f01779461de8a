"""Reindex goes on past everything that it cannot read, and reports it."""

import errno
import os
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import text

from avatar_gen.avatar import AvatarSpec
from avatar_gen.database.repository import Repository
from avatar_gen.errors import AvatarError, DatabaseUnavailable
from avatar_gen.objects.container import pack
from avatar_gen.objects.local import LocalStore
from avatar_gen.services.avatars import draw_object
from avatar_gen.services.reindex import Reindex


def store_avatars(store: LocalStore, count: int) -> list[str]:
    spec = AvatarSpec(seed="ada")
    avatars = [spec.as_avatar(str(uuid4())) for _ in range(count)]
    store.put({avatar.id: draw_object(avatar, spec) for avatar in avatars})
    return sorted(avatar.id for avatar in avatars)


def run(store: LocalStore, repository: Repository) -> tuple[Reindex, dict[str, AvatarError]]:
    reported: dict[str, AvatarError] = {}
    job = Reindex(store, repository, lambda name, error: reported.update({name: error}))
    for _ in job.run():
        pass
    return job, reported


def test_odd_entries_are_reported_and_the_rest_is_indexed(
    store: LocalStore, repository: Repository, tmp_path: Path
) -> None:
    good = store_avatars(store, 5)
    odd = [f"{first}0000000-0000-4000-8000-000000000000" for first in "0123456"]
    pipe, folder, sparse, *sealed = (tmp_path / "avatars" / each[:2] / f"{each}.zip" for each in odd)
    os.mkfifo(pipe)
    folder.mkdir()
    sparse.touch()
    os.truncate(sparse, 1_500_000_000)
    for path, record in zip(
        sealed, (b"[" * 100_000, b'{"format": 1e999}', b"\xff", b'{"format": 1, "id": 5}'), strict=True
    ):
        path.write_bytes(pack({"avatar.json": record}))
    job, reported = run(store, repository)
    assert list(repository.ids()) == good
    assert (job.report.added, job.report.damaged) == (5, 7)
    assert sorted(reported) == odd


def test_an_unreadable_folder_is_reported_and_its_rows_stay(
    store: LocalStore, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = store_avatars(store, 20)
    run(store, repository)
    refused = ids[0][:2]
    listdir, os_open = os.listdir, os.open

    def refuse(path: str, *arguments: int) -> int:
        if f"/{refused}/" in str(path):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return os_open(path, *arguments)

    def refuse_list(path: str) -> list[str]:
        if str(path).endswith(f"/{refused}"):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return listdir(path)

    monkeypatch.setattr(os, "open", refuse)
    monkeypatch.setattr(os, "listdir", refuse_list)
    job, reported = run(store, repository)
    assert list(repository.ids()) == ids
    assert job.report.removed == 0
    assert [name[-2:] for name in reported] == [refused]


def test_a_missing_total_is_mended(store: LocalStore, repository: Repository) -> None:
    store_avatars(store, 3)
    with repository._engines.write.begin() as connection:
        connection.execute(text("DELETE FROM avatar_total"))
    with pytest.raises(DatabaseUnavailable) as caught:
        repository.check()
    assert str(caught.value.__cause__) == "The table avatar_total has no row. Run: avatar-gen reindex"
    run(store, repository)
    assert repository.check() == 3
