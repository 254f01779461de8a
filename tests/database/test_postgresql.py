import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import text

from avatar_gen.avatar import Avatar
from avatar_gen.database.engine import open_engines
from avatar_gen.database.postgresql import PostgresParameters
from avatar_gen.database.repository import Repository
from avatar_gen.database.schema import migrate, prepare
from avatar_gen.errors import DatabaseUnavailable, SettingsError, StartupError
from avatar_gen.settings.schema import Database
from tests.conftest import database
from tests.servers.net import Proxy
from tests.servers.postgres import PASSWORD, Postgres


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (
            "postgresql://u:p@h:5433/d",
            {"user": "u", "password": "p", "host": "h", "port": 5433, "dbname": "d"},
        ),
        ("postgres://h/d", {"host": "h", "dbname": "d"}),
        ("postgresql+psycopg://h/d", {"host": "h", "dbname": "d"}),
        ("POSTGRESQL://h/d", {"host": "h", "dbname": "d"}),
        (
            "postgresql://u%40x:p%2F%3A%40%25@h/d%20e",
            {"user": "u@x", "password": "p/:@%", "host": "h", "dbname": "d e"},
        ),
        ("postgresql://u:p:q@h/d", {"user": "u", "password": "p:q", "host": "h", "dbname": "d"}),
        ("postgresql://[::1]:5433/d", {"host": "::1", "port": 5433, "dbname": "d"}),
        (
            "postgresql://u@/d?host=/var/run/postgresql",
            {"user": "u", "host": "/var/run/postgresql", "dbname": "d"},
        ),
        ("postgresql://%2Fvar%2Frun/d", {"host": "/var/run", "dbname": "d"}),
        (
            "postgresql://h/d?sslmode=verify-full&sslrootcert=/ca.pem",
            {"host": "h", "dbname": "d", "sslmode": "verify-full", "sslrootcert": "/ca.pem"},
        ),
        (
            "postgresql://h/d?connection_limit=5&pool_timeout=9&pgbouncer=true",
            {"host": "h", "dbname": "d", "prepare_threshold": None},
        ),
        ("postgresql:///d?host=/run/pg&sslaccept=strict", {"host": "/run/pg", "dbname": "d"}),
        ("postgresql://h/d?schema=public", {"host": "h", "dbname": "d", "options": '-csearch_path="public"'}),
        (
            "postgresql://h/d?schema=a%20b%22%5C",
            {"host": "h", "dbname": "d", "options": '-csearch_path="a\\ b""\\\\"'},
        ),
        (
            "postgresql://h/d?options=-cwork_mem%3D1MB&schema=x",
            {"host": "h", "dbname": "d", "options": '-cwork_mem=1MB -csearch_path="x"'},
        ),
        ("postgresql://h", {"host": "h"}),
    ],
)
def test_a_url_is_read_as_other_tools_write_it(url: str, expected: dict[str, object]) -> None:
    assert PostgresParameters.parse(url).parameters == expected


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("postgresql://u:hunter2@h:port/d", "it is not a URL"),
        ("postgresql://u:hunter2@h:99999/d", "it is not a URL"),
        ("postgresql://u:hunter2@[::1/d", "it is not a URL"),
        ("postgresql:u:hunter2@h/d", "it names no host"),
        ("postgresql:///d?password=hunter2", "it names no host"),
        ("postgresql://u:hunter2/d", "it is not a URL"),
        ("postgresql://u:hunter2@h/d/e", "something follows the name of the database"),
        ("postgresql://u:hunter2@h/d#e", "something follows the name of the database"),
        ("postgresql://u:hunter2@h/d?sslmod=require", "it has an unknown parameter: 'sslmod'"),
        ("postgresql://u:hunter2@h/d?hunter", "it is not a URL"),
    ],
)
def test_an_invalid_url_stops_the_start_and_hides_its_password(url: str, why: str) -> None:
    with pytest.raises(StartupError) as caught:
        open_engines(database(url))
    message = str(caught.value)
    assert message.startswith("The database URL is not valid: 'postgresql:")
    assert f": {why}." in message
    assert message.endswith(" Use postgresql://user:password@host:5432/name")
    assert "hunter2" not in message
    assert "***" in message


def test_a_password_file_fills_in_or_replaces_the_password(tmp_path: Path, postgres: Postgres) -> None:
    secret = tmp_path / "secret"
    secret.write_text(f"{PASSWORD}\n")
    url = postgres.new_database()
    for written in (url, url.replace("s3cret%20p%25ss", "wrong"), url.replace(":s3cret%20p%25ss", "")):
        settings = Database.model_validate({"url": SecretStr(written), "password_file": str(secret)})
        open_engines(settings).close()
    secret.write_text("wrong")
    settings = Database.model_validate(
        {"url": SecretStr(url), "password_file": str(secret), "connection": {"maxRetries": 1}}
    )
    with pytest.raises(StartupError, match="password authentication failed") as caught:
        open_engines(settings)
    assert PASSWORD not in str(caught.value)


def test_a_password_file_must_be_there(tmp_path: Path) -> None:
    missing = {"url": SecretStr("postgresql://h/d"), "password_file": str(tmp_path / "missing")}
    with pytest.raises(SettingsError, match="missing: the password cannot be read: No such file"):
        open_engines(Database.model_validate(missing))
    (tmp_path / "binary").write_bytes(b"\xff")
    with pytest.raises(SettingsError, match="binary: the password cannot be read: it is not UTF-8"):
        open_engines(Database.model_validate({**missing, "password_file": str(tmp_path / "binary")}))


def test_settings_name_a_server_part_by_part(postgres: Postgres) -> None:
    url = postgres.new_database()
    network = {
        "host": "127.0.0.1",
        "port": postgres.port,
        "database": url.rpartition("/")[2],
        "username": "postgres",
        "password": PASSWORD,
    }
    by_parts = {"driver": "postgresql", "network": network}
    by_old_url = {"driver": "postgresql", "postgresql_params": {"url": url}}
    for settings in (by_parts, by_old_url):
        engines = open_engines(Database.model_validate(settings))
        prepare(engines)
        assert Repository(engines).total() == 0
        engines.close()


def test_a_schema_holds_the_tables(postgres: Postgres) -> None:
    url = postgres.new_database()
    with postgres.connect(url.rpartition("/")[2]) as connection:
        connection.execute('CREATE SCHEMA "my ""own"')
    engines = open_engines(database(f"{url}?schema=my%20%22own"))
    prepare(engines)
    Repository(engines).add([Avatar("wave", id="0a1b2c3d-0000-4000-8000-000000000000", created_ms=5)])
    engines.close()
    with postgres.connect(url.rpartition("/")[2]) as connection:
        tables = connection.execute("SELECT schemaname, tablename FROM pg_tables WHERE tablename ~ 'avatar'")
        assert {row[0] for row in tables} == {'my "own'}


def test_times_are_the_same_in_every_time_zone(postgres: Postgres) -> None:
    url = postgres.new_database()
    times = set()
    for zone in ("UTC", "Pacific/Kiritimati", "America/St_Johns"):
        engines = open_engines(database(f"{url}?options=-ctimezone%3D{zone.replace('/', '%2F')}"))
        prepare(engines)
        repository = Repository(engines)
        repository.add(
            [Avatar("wave", id="0a1b2c3d-0000-4000-8000-000000000000", created_ms=1_700_000_000_123)]
        )
        with engines.read.connect() as connection:
            assert connection.execute(text("SHOW timezone")).scalar() == zone
        times.add(repository.page(1, 0).avatars[0].created_ms)
        engines.close()
    assert times == {1_700_000_000_123}


def test_a_missing_server_is_tried_as_often_as_the_settings_say() -> None:
    settings = Database.model_validate(
        {"url": "postgresql://127.0.0.1:1/d", "connection": {"maxRetries": 3, "retryDelay": 100}}
    )
    started = time.monotonic()
    with pytest.raises(StartupError, match=r"The database did not answer in 3 attempts: .*refused"):
        open_engines(settings)
    assert 0.2 < time.monotonic() - started < 5


@pytest.fixture
def silent_server() -> Iterator[int]:
    """A port that accepts connections and never answers."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port: int = listener.getsockname()[1]
        yield port


def test_a_silent_server_is_not_waited_for(silent_server: int) -> None:
    settings = Database.model_validate(
        {"url": f"postgresql://127.0.0.1:{silent_server}/d", "connection": {"maxRetries": 1}}
    )
    started = time.monotonic()
    with pytest.raises(StartupError, match="The database did not answer in 1 attempts"):
        open_engines(settings)
    assert time.monotonic() - started < 4


def test_a_statement_without_an_answer_closes_its_connection(postgres: Postgres) -> None:
    engines = open_engines(database(postgres.new_database()))
    prepare(engines)
    repository = Repository(engines)
    with postgres.connect(postgres.last_database) as connection:
        connection.execute("BEGIN")
        connection.execute("LOCK TABLE stored_avatars IN ACCESS EXCLUSIVE MODE")
        threads = [threading.Thread(target=repository.total) for _ in range(2)]
        for thread in threads:
            thread.start()
        started = time.monotonic()
        with pytest.raises(DatabaseUnavailable) as caught:
            repository.page(10, 0)
        assert 1 < time.monotonic() - started < 4
        assert "timeout" in str(caught.value.__cause__) or "no answer" in str(caught.value.__cause__)
        connection.execute("ROLLBACK")
    assert repository.page(10, 0).total == 0
    for thread in threads:
        thread.join()
    engines.close()


def test_a_process_without_a_network_does_not_block_others(postgres: Postgres) -> None:
    """It has locked the row of the total, which every writer needs, and cannot end its transaction."""
    url = postgres.new_database()
    proxy = Proxy(postgres.port)
    cut_off = open_engines(database(postgres.url(postgres.last_database, proxy.port)))
    prepare(cut_off)
    others = open_engines(database(url))
    with cut_off.write.connect() as connection:
        connection.execute(text("UPDATE avatar_total SET total = total"))
        proxy.hang()
        started = time.monotonic()
        repository = Repository(others)
        while True:
            try:
                repository.add([Avatar("wave", id="0a1b2c3d-0000-4000-8000-000000000000", created_ms=5)])
            except DatabaseUnavailable:
                assert time.monotonic() - started < 8
            else:
                break
        connection.invalidate()
    assert repository.total() == 1
    proxy.flow()
    proxy.close()
    cut_off.close()
    others.close()


def test_a_migration_has_a_longer_timeout(postgres: Postgres) -> None:
    url = postgres.new_database()
    with postgres.connect(postgres.last_database) as other, ThreadPoolExecutor(1) as thread:
        other.execute("BEGIN")
        other.execute("SELECT pg_advisory_xact_lock(7265102)")
        engines = open_engines(database(url))
        migrating = thread.submit(migrate, engines)
        time.sleep(3)
        assert not migrating.done()
        other.execute("ROLLBACK")
        migrating.result(timeout=60)
    assert Repository(engines).total() == 0
    engines.close()
