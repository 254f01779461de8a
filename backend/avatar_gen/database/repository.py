"""The records: every statement that the service sends, and no other module's rows.

Each method blocks and is one short transaction. Each raises `DatabaseUnavailable` when the database fails,
and `OutcomeUnknown` when it does so in the middle of a commit.
"""

import contextlib
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Connection, Engine, Select, bindparam, delete, func, insert, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError

from avatar_gen.avatar import AVATAR_FIELDS, Avatar, Cursor
from avatar_gen.database import Engines
from avatar_gen.database.schema import require_tables
from avatar_gen.database.tables import avatar_total, stored_avatars
from avatar_gen.errors import AvatarError, DatabaseFull, DatabaseUnavailable, OutcomeUnknown, SchemaError


@dataclass(frozen=True, slots=True)
class Page:
    """A part of the list of avatars, and how many there are in all."""

    avatars: list[Avatar]
    total: int
    has_more: bool
    """Whether others follow the last of these."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What avatars there are."""

    total: int
    types: dict[str, int]
    """How many of each, the most frequent first."""
    schemes: dict[str | None, int]
    """Likewise; None stands for those without a scheme."""
    oldest_ms: int | None
    newest_ms: int | None


class Repository:
    """The records of all avatars."""

    def __init__(self, engines: Engines) -> None:
        self._engines = engines
        self.kind = engines.kind

    def add(self, avatars: Sequence[Avatar]) -> int:
        """Add the avatars whose id is not there yet, all or none. How many that were.

        One may be there already: a reindex that runs beside the service can find an object before we come to
        its row.
        """
        with _transaction(self._engines.write) as connection:
            dialect = {"sqlite": sqlite, "postgresql": postgresql}[connection.dialect.name]
            statement = dialect.insert(stored_avatars).on_conflict_do_nothing()
            rows = [{name: getattr(avatar, name) for name in AVATAR_FIELDS} for avatar in avatars]
            options = {"preserve_rowcount": True}
            added: int = connection.execute(statement, rows, execution_options=options).rowcount
            _count(connection, added)
            return added

    def remove(self, avatar_id: str, removing: AbstractContextManager[bool]) -> bool:
        """Remove an avatar's object, in `removing`, and its row. False when there was neither.

        The row's removal is tried before the object is touched and committed while that is out of sight: a
        row without an object exists only in between, and when the database fails both are as they were.
        """
        with _transaction(self._engines.write) as connection:
            condition = stored_avatars.c.id == avatar_id
            rows: int = connection.execute(delete(stored_avatars).where(condition)).rowcount
            with removing as there_was_an_object:
                _count(connection, -rows)
                _commit(connection)
            return there_was_an_object or rows > 0

    def page(
        self, pick: int, offset: int = 0, *, after: Cursor | None = None, newest_first: bool = False
    ) -> Page:
        """`pick` avatars by age, of one age by id, but for the first `offset` and all up to `after`.

        Those before an offset are counted off, 20 ns each; a place is found at once, however deep it lies.
        """
        statement = _page(newest_first=newest_first, behind=after is not None)
        asked = {"rows": pick + 1, "offset": offset, **(after._asdict() if after else {})}
        with _transaction(self._engines.read) as connection:
            total = connection.execute(_TOTAL).scalar_one()
            avatars = [Avatar(**row) for row in connection.execute(statement, asked).mappings()]
            return Page(avatars[:pick], total, has_more=len(avatars) > pick)

    def total(self) -> int:
        """Return the number of avatars."""
        with _transaction(self._engines.read) as connection:
            total: int = connection.execute(_TOTAL).scalar_one()
            return total

    def check(self) -> int:
        """Ask each table one small question, by a connection of its own. Return the number of avatars.

        The cause of the `DatabaseUnavailable` that this raises names what is missing.
        """
        try:
            self._engines.check_file()
            with _transaction(self._engines.probe) as connection:
                return require_tables(connection)
        except SchemaError as error:
            raise DatabaseUnavailable from error

    def summary(self) -> Summary:
        """Count all avatars by what they are: reads every row, a second's work for a million."""
        columns = stored_avatars.c
        count = func.count()
        groups = select(columns.generator_type, columns.color_scheme, count).group_by(
            columns.generator_type, columns.color_scheme
        )
        ends = select(func.min(columns.created_ms), func.max(columns.created_ms))
        engines = self._engines
        with _transaction(engines.read) as connection, engines.exclusively(connection):
            found = connection.execute(groups).all()
            oldest, newest = connection.execute(ends).one()
        types: Counter[str] = Counter()
        schemes: Counter[str | None] = Counter()
        for generator_type, scheme, number in found:
            types[generator_type] += number
            schemes[scheme] += number
        return Summary(types.total(), dict(types.most_common()), dict(schemes.most_common()), oldest, newest)

    def check_write(self) -> None:
        """Return if records can be written, raise otherwise. Changes nothing."""
        with _transaction(self._engines.write) as connection:
            connection.execute(update(avatar_total).values(total=avatar_total.c.total))

    def ids(self) -> Iterator[str]:
        """The ids of all rows in ascending order, those included that are added past the last one read."""
        last: str | None = None
        while True:
            statement = select(stored_avatars.c.id).order_by(stored_avatars.c.id).limit(1000)
            if last is not None:
                statement = statement.where(stored_avatars.c.id > last)
            with _transaction(self._engines.read) as connection:
                ids = connection.execute(statement).scalars().all()
            if not ids:
                return
            yield from ids
            last = ids[-1]

    def known(self, ids: Sequence[str]) -> set[str]:
        """Those of `ids` that have a row."""
        statement = select(stored_avatars.c.id).where(stored_avatars.c.id.in_(ids))
        with _transaction(self._engines.read) as connection:
            return set(connection.execute(statement).scalars())

    def remove_rows(self, ids: Sequence[str]) -> int:
        """Remove the rows of objects that are gone already. How many there were."""
        with _transaction(self._engines.write) as connection:
            rows: int = connection.execute(
                delete(stored_avatars).where(stored_avatars.c.id.in_(ids))
            ).rowcount
            _count(connection, -rows)
            return rows

    def recount(self) -> int:
        """Count the rows, and write the total anew, also if its row is missing. Return the total."""
        count = select(func.count()).select_from(stored_avatars).scalar_subquery()
        engines = self._engines
        with _transaction(engines.write) as connection, engines.exclusively(connection):
            if not connection.execute(update(avatar_total).values(total=count)).rowcount:
                connection.execute(insert(avatar_total).values(id=1, total=count))
            total: int = connection.execute(_TOTAL).scalar_one()
            return total


_TOTAL = select(avatar_total.c.total)


@cache
def _page(*, newest_first: bool, behind: bool) -> Select[Any]:
    """The statement of a page, made once: to make it takes SQLAlchemy as long as to send it."""
    place = (stored_avatars.c.created_ms, stored_avatars.c.id)
    columns = [stored_avatars.c[name] for name in AVATAR_FIELDS]
    order = [column.desc() for column in place] if newest_first else place
    statement = select(*columns).order_by(*order).limit(bindparam("rows")).offset(bindparam("offset"))
    if not behind:
        return statement
    after = tuple_(*(bindparam(column.name, type_=column.type) for column in place))
    return statement.where(tuple_(*place) < after if newest_first else tuple_(*place) > after)


def _count(connection: Connection, change: int) -> None:
    """Last in each transaction, because on PostgreSQL others wait for this row until it ends."""
    if change:
        total = avatar_total.c.total + change
        connection.execute(update(avatar_total).values(total=total))


@contextlib.contextmanager
def _transaction(engine: Engine) -> Iterator[Connection]:
    try:
        with engine.connect() as connection:
            connection.begin()
            yield connection
            _commit(connection)
    except SQLAlchemyError as error:
        raise _fault(error, DatabaseUnavailable) from error


def _commit(connection: Connection) -> None:
    """Commit what there is to commit; to do so twice does no harm."""
    try:
        connection.commit()
    except SQLAlchemyError as error:
        raise _fault(error, OutcomeUnknown) from error


def _fault(error: SQLAlchemyError, otherwise: type[AvatarError]) -> AvatarError:
    """A full disk is something that an operator can mend, so it is told apart."""
    driver_error = getattr(error, "orig", None)
    is_full = getattr(driver_error, "sqlstate", None) == "53100" or "disk is full" in str(driver_error)
    return DatabaseFull() if is_full else otherwise()
