"""Transactions. Errors of the database become errors of the service."""

import contextlib
from collections.abc import Iterator

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from avatar_gen.errors import AvatarError, DatabaseFull, DatabaseUnavailable, OutcomeUnknown


@contextlib.contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """A transaction that is committed at its end, or rolled back if the context raises.

    Raises `DatabaseUnavailable` if the database fails, and `OutcomeUnknown` if it fails during the commit.
    """
    try:
        with engine.connect() as connection:
            connection.begin()
            yield connection
            commit(connection)
    except SQLAlchemyError as error:
        raise _error_of(error, DatabaseUnavailable) from error


def commit(connection: Connection) -> None:
    """Commit. A second commit does nothing."""
    try:
        connection.commit()
    except SQLAlchemyError as error:
        raise _error_of(error, OutcomeUnknown) from error


def _error_of(error: SQLAlchemyError, otherwise: type[AvatarError]) -> AvatarError:
    """Return the error to raise. A full disk has its own, since the operator can make room."""
    driver_error = getattr(error, "orig", None)
    is_full = getattr(driver_error, "sqlstate", None) == "53100" or "disk is full" in str(driver_error)
    return DatabaseFull() if is_full else otherwise()
