"""SQLite: one file, one writing connection, and readers that do not wait for it."""

import fcntl
import functools
import os
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from sqlalchemy import URL, Connection, Engine, create_engine, event

from avatar_gen.database import HIDE_PARAMETERS, READERS, TIMEOUT_SECONDS, Engines
from avatar_gen.errors import DatabaseTaken, SchemaError, StartupError

try:
    import pysqlite3 as sqlite
except ImportError:
    import sqlite3 as sqlite

VERSION: str = sqlite.sqlite_version

_FILE_URL = re.compile(r"(?:file:(?://(?:localhost)?(?=/))?|sqlite:(?:///)?)(?!//)([^?]+)(?:\?.*)?")


def sqlite_path(url: str) -> Path:
    """The file that an address names; parameters behind it are passed over.

    `file:PATH` is Prisma's way to write it, `sqlite:///PATH` SQLAlchemy's, with one slash more before an
    absolute path.
    """
    match = _FILE_URL.fullmatch(url)
    path = unquote(match[1]) if match else ""
    if path in {"", ":memory:"} or not path.isprintable():
        raise StartupError(
            "The address of the database is not understood; expected file:./path/to/avatars.db,"
            " sqlite:///path/to/avatars.db or postgresql://user@host/name."
        )
    return Path(path)


def open_sqlite(path: Path) -> Engines:
    """Ways to an SQLite file, whose folder is made if it is not there.

    Raises `StartupError` where that cannot be, or where another process writes the file and must not.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StartupError(f"{path.parent}: cannot be made: {error.strerror}") from error
    is_safe = not corrupts_shared_wal()
    release = _nothing if is_safe else _claim(path)
    arguments: dict[str, Any] = {
        "module": sqlite,
        "connect_args": {"timeout": TIMEOUT_SECONDS},
        **HIDE_PARAMETERS,
    }
    url = URL.create("sqlite", database=str(path))
    write = create_engine(url, pool_size=1, max_overflow=0, pool_timeout=TIMEOUT_SECONDS, **arguments)
    read, probe = (
        create_engine(url, pool_size=size, max_overflow=0, pool_timeout=TIMEOUT_SECONDS, **arguments)
        for size in (READERS, 1)
    )
    event.listen(write, "connect", _prepare_writer)
    event.listen(write, "begin", _begin_writing)
    for engine in (read, probe):
        event.listen(engine, "connect", _prepare_reader)
        event.listen(engine, "begin", _begin_reading)
    file = _OpenFile(path)
    event.listen(write, "connect", file.remember)
    return Engines(
        "sqlite", write, read, probe, many_processes=is_safe, check_file=file.check, release=release
    )


class _OpenFile:
    """The file of an open database. SQLite goes on with a deleted file, whose rows are lost at the end."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._inode: tuple[int, int] | None = None

    def remember(self, _connection: object, _record: object) -> None:
        if self._inode is None:
            found = self._path.stat()
            self._inode = found.st_dev, found.st_ino

    def check(self) -> None:
        """Raise `SchemaError` if the path no longer leads to the file that is open."""
        if self._inode is None:
            return
        try:
            found = self._path.stat()
        except FileNotFoundError:
            raise SchemaError(f"{self._path} was deleted while it was open. Restart the service.") from None
        if (found.st_dev, found.st_ino) != self._inode:
            raise SchemaError(f"{self._path} was replaced while it was open. Restart the service.")


def open_sqlite_to_read(path: Path) -> Engine:
    """A way to an SQLite file that another program made; nothing of it is changed, nor its journal."""
    address = f"{path.absolute().as_uri()}?mode=ro"

    def connect() -> Any:  # noqa: ANN401 - of either module
        connection = sqlite.connect(address, uri=True)
        # One text that is not UTF-8 must not stop a whole query.
        connection.text_factory = functools.partial(str, encoding="utf-8", errors="surrogateescape")
        return connection

    return create_engine("sqlite://", module=sqlite, creator=connect, **HIDE_PARAMETERS)


def corrupts_shared_wal(version: tuple[int, ...] = sqlite.sqlite_version_info) -> bool:
    """Whether this SQLite can corrupt a WAL file that two connections write at the same instant.

    Fixed in 3.51.3 and in 3.50.7 and 3.44.6 of the older branches: https://sqlite.org/wal.html#walresetbug
    """
    fixed_in_older_branches = ((3, 44, 6), (3, 50, 7))
    is_fixed = any(fix <= version < (fix[0], fix[1] + 1) for fix in fixed_in_older_branches)
    return version < (3, 51, 3) and not is_fixed


def _claim(path: Path) -> Callable[[], None]:
    """Be the one process that writes this file. Raises `DatabaseTaken` while another one is."""
    try:
        descriptor = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise StartupError(f"{path}.lock: cannot be made: {error.strerror}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise DatabaseTaken(
            f"{path}: another process writes this database, and SQLite {sqlite.sqlite_version} can corrupt"
            " it when two do; stop that process, or install a newer SQLite: pip install pysqlite3"
        ) from error
    return lambda: os.close(descriptor)


def _nothing() -> None:
    pass


def _prepare_writer(connection: Any, _record: object) -> None:  # noqa: ANN401 - DB-API has no types
    # Transactions begin where we say (below), not where the driver guesses.
    connection.isolation_level = None
    # Readers do not wait for the writer, nor it for them.
    _switch_to_wal(connection)
    # What is committed survives a power cut. NORMAL would lose the newest rows; the difference is one
    # fsync a commit, which many requests share.
    connection.execute("PRAGMA synchronous = FULL")


def _switch_to_wal(connection: Any) -> None:  # noqa: ANN401
    """The one statement for which SQLite does not wait, when several processes open a new file at once."""
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return


def _prepare_reader(connection: Any, _record: object) -> None:  # noqa: ANN401
    connection.isolation_level = None
    connection.execute("PRAGMA query_only = ON")


def _begin_writing(connection: Connection) -> None:
    # To take the lock at once: a transaction that reads first and then wants to write cannot wait for
    # its turn, it fails.
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _begin_reading(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")
