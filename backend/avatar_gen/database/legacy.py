"""The records of the old service, in any of its schemas. They are only read."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    String,
    Text,
    Uuid,
    cast,
    column,
    inspect,
    select,
    table,
)
from sqlalchemy.exc import SQLAlchemyError

from avatar_gen.errors import StartupError, reason_of

_TABLE = "avatars"
_OPTIONAL = ("createdAt", "version", "primaryColor", "foreignColor", "colorScheme", "seed", "generatorType")
_BATCH = 1000
_YEAR_3000 = 32_503_680_000_000


class LegacyRecord(NamedTuple):
    """A row of the old service. A column that a schema lacks is None; SQLite's columns hold any type."""

    created_ms: int | None = None
    version: object = None
    primary_color: object = None
    foreign_color: object = None
    color_scheme: object = None
    seed: object = None
    generator_type: object = None

    def texts(self) -> dict[str, object]:
        """Return the fields that are text, by their names in `Avatar`."""
        return {name: value for name, value in self._asdict().items() if name != "created_ms"}


class LegacyRecords:
    """The table of the old service. Raises `StartupError` if it does not exist."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        with self._reading() as connection:
            inspector = inspect(connection)
            if not inspector.has_table(_TABLE):
                raise StartupError("The old database has no table avatars.")
            types = {each["name"]: each["type"] for each in inspector.get_columns(_TABLE)}
        self._columns = [name for name in _OPTIONAL if name in types]
        # The id is a UUID in one schema and text in another. The query uses the same type, and so its index.
        is_uuid = isinstance(types.get("id"), Uuid)
        self._id = column("id", Uuid(as_uuid=False) if is_uuid else String())
        self._spellings = (str,) if is_uuid else (str.lower, str.upper)

    def find(self, ids: Sequence[str]) -> dict[str, LegacyRecord]:
        """Return the records of these avatars by lower-case id."""
        columns: list[ColumnElement[Any]] = [self._column(name) for name in self._columns]
        asked = [spell(each) for spell in self._spellings for each in ids]
        query = select(self._id.label("id"), *columns).select_from(table(_TABLE)).where(self._id.in_(asked))
        with self._reading() as connection:
            rows = connection.execute(query).mappings().all()
        # Of two spellings of an id, the lower-case one comes last and counts.
        rows = sorted(rows, key=lambda row: str(row["id"]))
        return {str(row["id"]).lower(): _record(dict(row)) for row in rows}

    def ids(self) -> Iterator[str]:
        """Yield the ids of all records, in lower case. SQLite may hold some that are not text."""
        query = select(self._id).select_from(table(_TABLE))
        with self._reading() as connection:
            result = connection.execution_options(yield_per=_BATCH).execute(query)
            found: Iterator[object] = iter(result.scalars())
            for each in found:
                yield each.lower() if isinstance(each, str) else ascii(each)

    def _column(self, name: str) -> ColumnElement[Any]:
        # PostgreSQL has times that no `datetime` can hold, and one of them would stop the whole query.
        if name == "createdAt" and self._engine.dialect.name == "postgresql":
            return cast(column(name), Text()).label(name)
        return column(name)

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        try:
            with self._engine.connect() as connection:
                yield connection
        except SQLAlchemyError as error:
            raise StartupError(f"The old database cannot be read: {reason_of(error)}") from error


def _record(row: dict[str, Any]) -> LegacyRecord:
    return LegacyRecord(
        created_ms=milliseconds(row.get("createdAt")),
        version=row.get("version"),
        primary_color=row.get("primaryColor"),
        foreign_color=row.get("foreignColor"),
        color_scheme=row.get("colorScheme"),
        seed=row.get("seed"),
        generator_type=row.get("generatorType"),
    )


def milliseconds(moment: object) -> int | None:
    """Return a time of the old service in ms since 1970, from a number, an ISO text or a timestamp.

    A time without a zone is UTC. Return None for anything else, and outside of the years 1970 to 3000.
    """
    try:
        if isinstance(moment, str):
            moment = int(moment) if moment.isdecimal() else datetime.fromisoformat(moment)
        if isinstance(moment, datetime):
            aware = moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
            moment = int(aware.replace(microsecond=0).timestamp()) * 1000 + aware.microsecond // 1000
        ms = int(moment) if isinstance(moment, (int, float)) else -1
    except (ValueError, OverflowError):
        return None
    return ms if 0 <= ms < _YEAR_3000 else None
