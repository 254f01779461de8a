"""SQLite: one file, one connection that writes, and readers that do not wait for it."""

import atexit
import fcntl
import functools
import logging
import os
import re
import shutil
import tempfile
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

log = logging.getLogger(__name__)

VERSION: str = sqlite.sqlite_version

_FILE_URL = re.compile(r"(?:file:(?://(?:localhost)?(?=/))?|sqlite:(?:///)?)(?!//)([^?]+)(?:\?.*)?")


def sqlite_path(url: str) -> Path:
    """Return the file of a URL, whose parameters are ignored. Raises `StartupError`.

    Prisma writes `file:PATH`, and SQLAlchemy `sqlite:///PATH`, with one more slash before an absolute path.
    """
    match = _FILE_URL.fullmatch(url)
    path = unquote(match[1]) if match else ""
    if path == ":memory:":
        return _temporary_file()
    if not path or not path.isprintable():
        raise StartupError(
            "The database URL is not valid. Use file:./path/to/avatars.db, sqlite:///path/to/avatars.db"
            " or postgresql://user@host/name"
        )
    return Path(path)


@functools.cache
def _temporary_file() -> Path:
    """Return a file that lasts as long as this process: one that is in memory has only one connection."""
    folder = tempfile.mkdtemp(prefix="avatar-gen-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    log.warning("The database is temporary, as its URL says: its records do not outlive the process")
    return Path(folder, "avatars.db")


def open_sqlite(path: Path) -> Engines:
    """Return engines for an SQLite file. Its folder is made if it is missing.

    Raises `StartupError` if that fails, and `DatabaseTaken` if this SQLite cannot share it with its writer.
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
    """The file of an open database. SQLite goes on using a deleted file, whose rows are then lost."""

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
            raise SchemaError(
                f"{self._path} was deleted while it was open. Restart the service, then run:"
                " avatar-gen reindex"
            ) from None
        if (found.st_dev, found.st_ino) != self._inode:
            raise SchemaError(f"{self._path} was replaced while it was open. Restart the service.")


def open_sqlite_to_read(path: Path) -> Engine:
    """Return an engine for the SQLite file of another program. Neither it nor its journal is changed."""
    address = f"{path.absolute().as_uri()}?mode=ro"

    def connect() -> Any:  # noqa: ANN401 - of either module
        connection = sqlite.connect(address, uri=True)
        # One text that is not UTF-8 must not stop a whole query.
        connection.text_factory = functools.partial(str, encoding="utf-8", errors="surrogateescape")
        return connection

    return create_engine("sqlite://", module=sqlite, creator=connect, **HIDE_PARAMETERS)


_SHARED_BY_ALL = 128
"""The byte of the `-shm` file that each connection to a WAL database locks: https://sqlite.org/walformat.html"""


def remove_files(path: Path) -> None:
    """Remove a database and its journals, the journals first: SQLite would replay one over the next database.

    Raises `StartupError` if another process has the database open.
    """
    shared = Path(f"{path}-shm")
    if shared.exists():
        with shared.open("r+b") as file:
            try:
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, _SHARED_BY_ALL)
            except OSError as error:
                raise StartupError(f"{path}: another process has it open. Stop the service first") from error
    for name in (f"{path}-wal", f"{path}-journal", f"{path}-shm", str(path)):
        Path(name).unlink(missing_ok=True)


def corrupts_shared_wal(version: tuple[int, ...] = sqlite.sqlite_version_info) -> bool:
    """Return whether this SQLite can corrupt a WAL file that two connections write at the same instant.

    Fixed in 3.51.3 and in 3.50.7 and 3.44.6 of the older branches: https://sqlite.org/wal.html#walresetbug
    """
    fixed_in_older_branches = ((3, 44, 6), (3, 50, 7))
    is_fixed = any(fix <= version < (fix[0], fix[1] + 1) for fix in fixed_in_older_branches)
    return version < (3, 51, 3) and not is_fixed


def _claim(path: Path) -> Callable[[], None]:
    """Lock this file for this process. Return a function that unlocks it. Raises `DatabaseTaken`."""
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
    # `_begin_writing` begins transactions, not the driver.
    connection.isolation_level = None
    # With a WAL, readers and the writer do not wait for each other.
    _switch_to_wal(connection)
    # A commit survives a power cut. NORMAL would lose the newest rows and save one fsync for each commit,
    # which many requests share.
    connection.execute("PRAGMA synchronous = FULL")


def _switch_to_wal(connection: Any) -> None:  # noqa: ANN401
    """Set the journal mode. SQLite itself does not wait if several processes open a new file at once."""
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
    # Take the lock at once: a transaction that reads first and writes later fails instead of waiting.
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _begin_reading(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")
