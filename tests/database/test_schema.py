from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Barrier

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

import avatar_gen.database
from avatar_gen.avatar import Avatar
from avatar_gen.database import Engines
from avatar_gen.database.engine import open_engines
from avatar_gen.database.repository import Repository
from avatar_gen.database.schema import migrate, prepare
from avatar_gen.database.tables import REVISION, metadata
from avatar_gen.errors import SchemaError, StartupError
from tests.conftest import database


def test_the_migrations_end_at_the_tables(engines: Engines) -> None:
    with engines.write.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_this_release_works_with_the_newest_migration() -> None:
    scripts = ScriptDirectory(str(Path(avatar_gen.database.__file__).parent / "migrations"))
    assert scripts.get_current_head() == REVISION


def test_a_second_migration_changes_nothing(engines: Engines) -> None:
    migrate(engines)
    assert Repository(engines).total() == 0


def test_an_empty_database_is_prepared(address: str) -> None:
    engines = open_engines(database(address))
    prepare(engines)
    assert Repository(engines).total() == 0
    prepare(engines)
    engines.close()


def test_a_database_of_another_release_is_left_alone(engines: Engines) -> None:
    with engines.write.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0000'"))
    with pytest.raises(SchemaError, match=r"at schema 0000, .* works with 0005; run: avatar-gen migrate"):
        prepare(engines)
    with pytest.raises(SchemaError, match="A newer release made this database"):
        migrate(engines)


def test_the_table_of_the_old_service_may_be_in_the_same_database(address: str) -> None:
    engines = open_engines(database(address))
    with engines.write.begin() as connection:
        connection.execute(text('CREATE TABLE avatars (id TEXT, "createdAt" TEXT)'))
    prepare(engines)
    assert Repository(engines).total() == 0
    engines.close()


def test_processes_that_migrate_at_once_migrate_once(address: str) -> None:
    barrier = Barrier(6)

    def run(_: int) -> None:
        engines = open_engines(database(address))
        barrier.wait()
        migrate(engines)
        engines.close()

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(run, range(6)))
    engines = open_engines(database(address))
    assert Repository(engines).recount() == 0
    engines.close()


@pytest.mark.parametrize("step", [prepare, migrate])
def test_a_file_that_is_not_a_database_stops_the_start(tmp_path: Path, step: object) -> None:
    (tmp_path / "x.db").write_text("This is not a database, and long enough to be taken for none." * 20)
    engines = open_engines(database(f"file:{tmp_path}/x.db"))
    with pytest.raises(StartupError, match="file is not a database"):
        step(engines)  # type: ignore[operator]
    engines.close()


@pytest.mark.parametrize("revision", ["0001", "0002", "0003"])
def test_rows_of_an_older_release_stay(address: str, revision: str) -> None:
    engines = open_engines(database(address))
    migrate(engines, revision)
    row = {"id": "0a1b2c3d-0000-4000-8000-000000000000", "seed": "s" * 32}
    with engines.write.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO stored_avatars (id, created_ms, generator_type, version, seed, angle)"
                " VALUES (:id, 5, 'wave', '0.0.1', :seed, 0.5)"
            ),
            {**row, "id": row["id"].replace("-", "") if engines.kind == "sqlite" else row["id"]},
        )
        connection.execute(text("UPDATE avatar_total SET total = 1"))
    migrate(engines)
    repository = Repository(engines)
    old = Avatar("wave", id=row["id"], created_ms=5, seed="s" * 32, angle=0.5)
    assert repository.page(10).avatars == [old]
    longest = replace(
        old, id=row["id"].replace("0a", "0b"), seed="😀" * 256, palette="lagoon", options='{"a":"☃"}'
    )
    repository.add([longest])
    assert repository.page(10).avatars == [old, longest]
    assert repository.total() == 2
    engines.close()
