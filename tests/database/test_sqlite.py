import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from avatar_gen.database import Engines
from avatar_gen.database import sqlite as sqlite_module
from avatar_gen.database.engine import open_engines
from avatar_gen.database.schema import migrate
from avatar_gen.database.sqlite import corrupts_shared_wal
from avatar_gen.errors import StartupError
from avatar_gen.settings.schema import Database
from tests.conftest import database


@pytest.fixture
def engines(tmp_path: Path) -> Iterator[Engines]:
    engines = open_engines(database(f"file:{tmp_path}/avatars.db"))
    migrate(engines)
    yield engines
    engines.close()


@pytest.mark.parametrize(
    "url",
    [
        "file:./deep/x y.db",
        "file:deep/x y.db",
        "file:deep/x%20y.db?connection_limit=1",
        "sqlite:///deep/x y.db",
        "sqlite:deep/x y.db",
    ],
)
def test_a_relative_url_is_relative_to_the_working_directory(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    engines = open_engines(database(url))
    with engines.write.connect():
        assert (tmp_path / "deep" / "x y.db").exists()
    engines.close()


def test_an_absolute_url_has_one_more_slash(tmp_path: Path) -> None:
    path = f"{tmp_path}/a.db"
    for url in (f"file:{path}", f"file://{path}", f"file://localhost{path}", f"sqlite:///{path}"):
        engines = open_engines(database(url))
        with engines.write.connect():
            assert (tmp_path / "a.db").exists()
        engines.close()
        os.unlink(tmp_path / "a.db")


def test_without_a_url_the_file_of_the_settings_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    engines = open_engines(Database())
    with engines.write.connect():
        assert (tmp_path / "storage" / "database" / "avatars.db").exists()
    engines.close()


@pytest.mark.parametrize("url", ["nonsense", "file:", "sqlite://", "mysql://u:secret@h/d", ""])
def test_an_invalid_url_stops_the_start_and_is_not_shown(url: str) -> None:
    with pytest.raises(StartupError, match="database URL is not valid") as caught:
        open_engines(database(url))
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("url", ["file::memory:", "file::memory:?cache=shared", "sqlite:///:memory:"])
def test_a_database_in_memory_is_a_file_for_as_long_as_the_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.chdir(tmp_path)
    engines = open_engines(database(url))
    with engines.write.begin() as connection:
        connection.execute(text("CREATE TABLE IF NOT EXISTS here (x)"))
    engines.close()
    again = open_engines(database(url))
    with again.read.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM here")).scalar() == 0
    again.close()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StartupError, match="cannot be made"):
        open_engines(database(f"file:{tmp_path}/file/x.db"))


def test_what_is_committed_is_synced_and_readers_only_read(engines: Engines) -> None:
    with engines.write.connect() as connection:
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
        assert connection.execute(text("PRAGMA synchronous")).scalar() == 2
    with engines.read.connect() as connection, pytest.raises(DBAPIError, match="readonly"):
        connection.execute(text("UPDATE avatar_total SET total = 7"))


def test_a_reader_does_not_wait_for_a_writer(engines: Engines) -> None:
    with engines.write.begin() as writing, engines.read.begin() as reading:
        writing.execute(text("UPDATE avatar_total SET total = 7"))
        assert reading.execute(text("SELECT total FROM avatar_total")).scalar() == 0


@pytest.mark.parametrize(
    ("version", "affected"),
    [
        ((3, 40, 1), True),
        ((3, 44, 5), True),
        ((3, 44, 6), False),
        ((3, 44, 9), False),
        ((3, 45, 0), True),
        ((3, 50, 6), True),
        ((3, 50, 7), False),
        ((3, 51, 2), True),
        ((3, 51, 3), False),
        ((3, 53, 4), False),
        ((4, 0, 0), False),
    ],
)
def test_which_sqlite_can_corrupt_a_shared_wal(version: tuple[int, ...], *, affected: bool) -> None:
    assert corrupts_shared_wal(version) is affected


def test_an_affected_sqlite_has_one_writing_process_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the standard library's SQLite as if it were one of those, whatever it is here."""
    monkeypatch.setattr(sqlite_module, "sqlite", sqlite3)
    monkeypatch.setattr(sqlite_module, "corrupts_shared_wal", lambda *_version: True)
    settings = database(f"file:{tmp_path}/avatars.db")
    first = open_engines(settings)
    with pytest.raises(StartupError, match=r"another process writes this database.*pip install pysqlite3"):
        open_engines(settings)
    first.close()
    open_engines(settings).close()
