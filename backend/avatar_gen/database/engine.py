"""The choice of the database. No other module knows which one it is."""

import logging
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from avatar_gen.database import Engines
from avatar_gen.database.sqlite import open_sqlite, open_sqlite_to_read, remove_files, sqlite_path
from avatar_gen.errors import StartupError, reason_of
from avatar_gen.settings.schema import Connection, Database

if TYPE_CHECKING:
    from avatar_gen.database.postgresql import PostgresParameters

log = logging.getLogger(__name__)

_POSTGRESQL = re.compile(r"postgres(?:ql)?(?:\+\w+)?:", re.IGNORECASE)


def open_engines(settings: Database, *, make: bool = True) -> Engines:
    """Return engines for the database of the settings. Unless `make` is false, an SQLite file is made.

    Raises `StartupError` for a URL that is not valid, for a server that does not answer, and for an SQLite
    file that another process writes and that this SQLite cannot share.
    """
    if not make and (missing := missing_file(settings)):
        raise StartupError(
            f"{missing}: there is no database here. Run this in the folder of the service or set DATABASE_URL"
        )
    url = _url(settings)
    if url is None or _POSTGRESQL.match(url):
        return _open_postgresql(settings)
    return open_sqlite(sqlite_path(url))


def missing_file(settings: Database) -> Path | None:
    """Return the SQLite file of the settings if it does not exist yet. Raises `StartupError`."""
    url = _url(settings)
    if url is None or _POSTGRESQL.match(url) or (path := sqlite_path(url)).exists():
        return None
    return path


def remove_sqlite(settings: Database) -> None:
    """Remove the SQLite file of the settings with its journals; do nothing for PostgreSQL.

    Raises `StartupError` if another process has the database open.
    """
    url = _url(settings)
    if url is not None and not _POSTGRESQL.match(url):
        remove_files(sqlite_path(url))


def whereabouts(settings: Database) -> str:
    """Return where the database is, without secrets. Raises `StartupError`."""
    url = _url(settings)
    if url is None or _POSTGRESQL.match(url):
        given = _parameters(settings).parameters
        return f"postgresql://{given.get('host')}:{given.get('port', 5432)}/{given.get('dbname', '')}"
    return str(sqlite_path(url))


def _url(settings: Database) -> str | None:
    """Return the URL of the settings, or None if they give each part on its own."""
    if settings.url is not None:
        return settings.url.get_secret_value()
    if settings.driver == "sqlite":
        return settings.sqlite_params.url
    params = settings.postgresql_params
    return params.url.get_secret_value() if params else None


def open_legacy(url: str) -> Engine:
    """Return an engine that only reads, for the database of the old service.

    Raises `StartupError` for a URL that is not valid.
    """
    if not _POSTGRESQL.match(url):
        return open_sqlite_to_read(sqlite_path(url))
    from avatar_gen.database.postgresql import PostgresParameters, open_postgresql_to_read  # noqa: PLC0415

    return open_postgresql_to_read(PostgresParameters.parse(url))


def _parameters(settings: Database) -> "PostgresParameters":
    # Imported here: a service on SQLite does not need the driver in memory.
    from avatar_gen.database.postgresql import PostgresParameters  # noqa: PLC0415

    url, password = _url(settings), settings.password()
    return (
        PostgresParameters.parse(url, password) if url else PostgresParameters.of(settings.network, password)
    )


def _open_postgresql(settings: Database) -> Engines:
    from avatar_gen.database.postgresql import open_postgresql  # noqa: PLC0415

    engines = open_postgresql(_parameters(settings))
    try:
        _await_answer(engines, settings.connection)
    except StartupError:
        engines.close()
        raise
    return engines


def _await_answer(engines: Engines, settings: Connection) -> None:
    """Wait for a server that starts at the same time as the service."""
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
