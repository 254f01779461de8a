"""Which database it is. Nothing outside of this module asks."""

import logging
import re
import time

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from avatar_gen.database import Engines
from avatar_gen.database.sqlite import open_sqlite, open_sqlite_to_read, sqlite_path
from avatar_gen.errors import StartupError, reason_of
from avatar_gen.settings import Connection, Database

log = logging.getLogger(__name__)

_POSTGRESQL = re.compile(r"postgres(?:ql)?(?:\+\w+)?:", re.IGNORECASE)


def open_engines(settings: Database) -> Engines:
    """Ways to the database that the settings name.

    Raises `StartupError` for an address that is not understood, for a server that does not answer however
    often it is asked, and for an SQLite file that may not be shared with the process that writes it.
    """
    url = None if settings.url is None else settings.url.get_secret_value()
    if url is None and settings.driver == "sqlite":
        url = settings.sqlite_params.url
    if url is None or _POSTGRESQL.match(url):
        return _open_postgresql(url, settings)
    return open_sqlite(sqlite_path(url))


def open_old(url: str) -> Engine:
    """A way to the database of the service that this one replaces, which reads and never writes.

    Raises `StartupError` for an address that is not understood.
    """
    if not _POSTGRESQL.match(url):
        return open_sqlite_to_read(sqlite_path(url))
    from avatar_gen.database.postgresql import PostgresAddress, open_postgresql_to_read  # noqa: PLC0415

    return open_postgresql_to_read(PostgresAddress.parse(url))


def _open_postgresql(url: str | None, settings: Database) -> Engines:
    # Imported here: most services are on SQLite, and need not carry 10 MB of driver.
    from avatar_gen.database.postgresql import PostgresAddress, open_postgresql  # noqa: PLC0415

    password = settings.password()
    if url is None and settings.postgresql_params is not None:
        url = settings.postgresql_params.url.get_secret_value()
    if url is None:
        address = PostgresAddress.of(settings.network, password)
    else:
        address = PostgresAddress.parse(url, password)
    engines = open_postgresql(address)
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
