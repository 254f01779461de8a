"""Which database it is. Nothing outside of this module asks."""

import logging
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from avatar_gen.database import Engines
from avatar_gen.database.sqlite import open_sqlite, open_sqlite_to_read, sqlite_path
from avatar_gen.errors import StartupError, reason_of
from avatar_gen.settings.schema import Connection, Database

if TYPE_CHECKING:
    from avatar_gen.database.postgresql import PostgresAddress

log = logging.getLogger(__name__)

_POSTGRESQL = re.compile(r"postgres(?:ql)?(?:\+\w+)?:", re.IGNORECASE)


def open_engines(settings: Database, *, make: bool = True) -> Engines:
    """Ways to the database that the settings name; unless `make` is false, an SQLite file is made.

    Raises `StartupError` for an address that is not understood, for a server that does not answer however
    often it is asked, and for an SQLite file that may not be shared with the process that writes it.
    """
    if not make and (missing := missing_file(settings)):
        raise StartupError(f"{missing}: there is no database here; is it the right folder?")
    url = _url(settings)
    if url is None or _POSTGRESQL.match(url):
        return _open_postgresql(settings)
    return open_sqlite(sqlite_path(url))


def missing_file(settings: Database) -> Path | None:
    """SQLite's file, where there is to be one that is not there yet. Raises `StartupError`."""
    url = _url(settings)
    if url is None or _POSTGRESQL.match(url) or (path := sqlite_path(url)).exists():
        return None
    return path


def whereabouts(settings: Database) -> str:
    """Where the database is, without anything that is a secret. Raises `StartupError`."""
    url = _url(settings)
    if url is None or _POSTGRESQL.match(url):
        given = _address(settings).parameters
        return f"postgresql://{given.get('host')}:{given.get('port', 5432)}/{given.get('dbname', '')}"
    return str(sqlite_path(url))


def _url(settings: Database) -> str | None:
    """The address that the settings hold whole."""
    if settings.url is not None:
        return settings.url.get_secret_value()
    if settings.driver == "sqlite":
        return settings.sqlite_params.url
    params = settings.postgresql_params
    return params.url.get_secret_value() if params else None


def open_legacy(url: str) -> Engine:
    """A way to the database of the service that this one replaces, which reads and never writes.

    Raises `StartupError` for an address that is not understood.
    """
    if not _POSTGRESQL.match(url):
        return open_sqlite_to_read(sqlite_path(url))
    from avatar_gen.database.postgresql import PostgresAddress, open_postgresql_to_read  # noqa: PLC0415

    return open_postgresql_to_read(PostgresAddress.parse(url))


def _address(settings: Database) -> "PostgresAddress":
    # Imported here: most services are on SQLite, and need not carry 10 MB of driver.
    from avatar_gen.database.postgresql import PostgresAddress  # noqa: PLC0415

    url, password = _url(settings), settings.password()
    return PostgresAddress.parse(url, password) if url else PostgresAddress.of(settings.network, password)


def _open_postgresql(settings: Database) -> Engines:
    from avatar_gen.database.postgresql import open_postgresql  # noqa: PLC0415

    engines = open_postgresql(_address(settings))
    try:
        _await_answer(engines, settings.connection)
    except StartupError:
        engines.close()
        raise
    return engines


def _await_answer(engines: Engines, settings: Connection) -> None:
    """A server often starts beside its service, and takes longer."""
    for attempt in range(1, settings.max_retries + 1):
        try:
            with engines.write.connect():
                return
        except SQLAlchemyError as error:
            if attempt == settings.max_retries:
                raise StartupError(
                    f"The database did not answer in {attempt} attempts: {reason_of(error)}"
                ) from error
            log.warning("The database does not answer yet (attempt %d): %s", attempt, reason_of(error))
            time.sleep(settings.retry_delay / 1000)
