"""The revision of the tables: migrate them to this release, or raise an error for tables of another."""

import os
from pathlib import Path

from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import SQLAlchemyError

from avatar_gen.database import Engines
from avatar_gen.database.tables import REVISION, metadata
from avatar_gen.errors import SchemaError, StartupError, reason_of


def migrate(engines: Engines, revision: str = "head") -> None:
    """Run the missing migrations up to a revision, all or none. Other processes that migrate wait.

    Raises `StartupError`, and `SchemaError` for a database of a newer release.
    """
    # Imported here: a server whose tables are current does not need Alembic.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415
    from alembic.util import CommandError  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    try:
        with engines.write.begin() as connection, engines.exclusively(connection):
            config.attributes["connection"] = connection
            command.upgrade(config, revision)
    except SQLAlchemyError as error:
        raise StartupError(f"The database cannot be migrated: {reason_of(error)}") from error
    except CommandError as error:
        raise SchemaError(
            f"A newer release made this database ({error}). Install that release, or restore a backup."
        ) from error


def prepare(engines: Engines, *, migrating: bool | None = None) -> None:
    """Make the tables of an empty database, and check those of another.

    True for `migrating` also changes tables of another release. False makes and changes nothing.
    Raises `SchemaError` if the tables are then not those of this release.
    """
    revision = revision_of(engines)
    if (revision is None and migrating is not False) or (migrating and revision != REVISION):
        migrate(engines)
    else:
        require(revision)


def require(revision: str | None) -> None:
    """Raise `SchemaError` for tables of another release, or none at all."""
    if revision is None:
        raise SchemaError(
            "The database has no tables yet. Run: avatar-gen migrate, or start the service with"
            " RUN_MIGRATIONS=true"
        )
    if revision != REVISION:
        raise SchemaError(
            f"The database is at schema {revision}, this release works with {REVISION};"
            " run: avatar-gen migrate"
        )


def revision_of(engines: Engines, *, write: bool = True) -> str | None:
    """Return the revision of the tables, or None for a database without tables of this service.

    Raises `StartupError` if the database cannot be read or, if `write`, cannot be written. Raises
    `SchemaError` if its tables are not complete.
    """
    try:
        with engines.read.connect() as connection:
            revision = _read_revision(connection)
        if write:
            with engines.write.begin():
                pass
    except SQLAlchemyError as error:
        raise StartupError(f"The database cannot be read: {reason_of(error)}{_advice(engines)}") from error
    return revision


def _advice(engines: Engines) -> str:
    """Name the SQLite file if this user may not write it. SQLite may have to write even to read."""
    path = engines.read.url.database or ""
    places = (path, os.path.dirname(path) or ".")
    if engines.kind != "sqlite" or all(os.access(each, os.W_OK) for each in places if os.path.exists(each)):
        return ""
    return f"; user {os.geteuid()} must be able to write {path} and its folder"


def _read_revision(connection: Connection) -> str | None:
    tables = set(inspect(connection).get_table_names())
    if not tables & _TABLES:
        return None
    if missing := _TABLES - tables:
        raise SchemaError(_missing(missing))
    revision: str | None = connection.execute(_REVISION).scalar()
    if revision is None:
        raise SchemaError(_NO_VERSION)
    return revision


def require_tables(connection: Connection) -> int:
    """Query each table once. Return the number of avatars.

    Raises `SchemaError` that names what is missing.
    """
    try:
        revision, total = connection.execute(_CHECK).one()
    except SQLAlchemyError:
        if missing := _TABLES - set(inspect(connection).get_table_names()):
            raise SchemaError(_missing(missing)) from None
        raise
    if revision is None:
        raise SchemaError(_NO_VERSION)
    require(revision)
    if total is None:
        raise SchemaError(_NO_TOTAL)
    counted: int = total
    return counted


_TABLES = {"alembic_version", *metadata.tables}

_REVISION = text("SELECT version_num FROM alembic_version")

_CHECK = text(
    "SELECT (SELECT max(version_num) FROM alembic_version), (SELECT max(total) FROM avatar_total)"
    " FROM (SELECT count(*) FROM (SELECT id FROM stored_avatars LIMIT 1) AS first) AS asked"
)

_NO_VERSION = (
    "The table alembic_version has no row, so the schema of the database is not known. Restore a backup, or"
    " drop the tables of this service and run: avatar-gen reindex"
)

_NO_TOTAL = "The table avatar_total has no row. Run: avatar-gen reindex"


def _missing(tables: set[str]) -> str:
    return (
        f"The database lacks these tables: {', '.join(sorted(tables))}. Restore a backup, or drop the other"
        " tables of this service and run: avatar-gen reindex"
    )
