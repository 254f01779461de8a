"""`avatar-gen reindex`: the database is rebuilt from the objects."""

import contextlib
import sqlite3
from itertools import islice
from pathlib import Path
from uuid import uuid4

from avatar_gen.avatar import Avatar
from avatar_gen.database.engine import open_engines
from avatar_gen.database.repository import Repository
from avatar_gen.database.schema import prepare
from avatar_gen.objects.contents import write_object
from avatar_gen.objects.local import LocalStore
from avatar_gen.services.reindex import Reindex
from tests.conftest import MakeApp, database
from tests.servers.avatars import listed


def test_a_lost_database_is_rebuilt_from_the_objects(make_app: MakeApp) -> None:
    service = make_app().start()
    for i in range(20):
        service.generate(seed=f"☃ {i}", type="gradient", angle=i, colorScheme="ocean")
    before = service.client.get("/api/list?pick=100").json()["data"]
    service.stop()
    for path in (service.folder / "storage" / "database").iterdir():
        path.unlink()
    result = service.run("reindex")
    assert result.stdout == "20 avatars: 20 rows added, 0 removed, 0 objects damaged.\n"
    service.start()
    assert service.client.get("/api/list?pick=100").json()["data"] == before


def test_the_row_of_a_missing_object_is_removed_and_that_of_a_damaged_one_stays(make_app: MakeApp) -> None:
    service = make_app().start()
    lost, damaged, whole, unlisted = (service.generate(seed=str(i)) for i in range(4))
    service.stop()
    service.object(lost).unlink()
    service.object(damaged).write_bytes(b"not an object")
    with contextlib.closing(sqlite3.connect(service.folder / "storage/database/avatars.db")) as connection:
        connection.execute("DELETE FROM stored_avatars WHERE id = ?", (unlisted.replace("-", ""),))
        connection.commit()
    stranger = "00000000-0000-4000-8000-000000000000"
    service.object(stranger).write_bytes(service.object(whole).read_bytes())
    unreadable = "00000000-0000-4000-8000-000000000001"
    service.object(unreadable).mkdir()
    result = service.run("reindex", check=False)
    assert result.returncode == 3
    assert result.stdout == "3 avatars: 1 rows added, 1 removed, 3 objects damaged.\n"
    assert f"{damaged}: ObjectDamaged: 13 bytes do not match their SHA-256" in result.stderr
    assert f"{stranger}: ObjectDamaged: this is the object of {whole}" in result.stderr
    assert f"{unreadable}: StorageUnavailable: [Errno 21]" in result.stderr
    service.start()
    assert set(listed(service)) == {damaged, whole, unlisted}


def test_a_volume_that_is_not_mounted_is_an_error_not_an_empty_storage(make_app: MakeApp) -> None:
    service = make_app().start()
    service.generate()
    service.stop()
    avatars = service.folder / "storage" / "avatars"
    avatars.rename(avatars.with_name("elsewhere"))
    assert "No such file or directory" in service.run("reindex", check=False).stderr
    avatars.mkdir()
    result = service.run("reindex", check=False)
    assert result.returncode == 1
    assert "no object at all in the storage: is it the right folder, and mounted?" in result.stderr
    result = service.run("reindex", "--allow-empty")
    assert result.stdout == "0 avatars: 0 rows added, 1 removed, 0 objects damaged.\n"


def test_a_reindex_can_be_stopped_at_any_time_and_run_again(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "avatars")
    store.prepare()
    made = [Avatar("wave", id=str(uuid4()), created_ms=number) for number in range(1200)]
    store.put({avatar.id: write_object(avatar, {}) for avatar in made})
    with contextlib.closing(open_engines(database(f"file:{tmp_path}/avatars.db"))) as engines:
        prepare(engines)
        repository = Repository(engines)
        parts = []
        for batches in (1, 2, 100):
            job = Reindex(store, repository, lambda *_: None)
            parts += [report.part for report in islice(job.run(), batches)]
            assert repository.total() == min(1200, 500 * batches)
        assert job.report.avatars == 1200
        assert job.report.added == 200
        assert repository.page(2000, 0).avatars == made
        assert parts[-1] == 1
