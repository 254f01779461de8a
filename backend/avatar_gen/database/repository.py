"""The records of avatars: every statement about them that the service sends.

Each method blocks and is one short transaction. Each raises `DatabaseUnavailable` if the database fails, and
`OutcomeUnknown` if it fails during a commit.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Connection, Select, bindparam, delete, func, insert, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite

from avatar_gen.avatar import AVATAR_FIELDS, Avatar, Cursor
from avatar_gen.database import Engines
from avatar_gen.database.schema import require_tables
from avatar_gen.database.tables import avatar_total, stored_avatars
from avatar_gen.database.transactions import commit, transaction
from avatar_gen.errors import DatabaseUnavailable, SchemaError


@dataclass(frozen=True, slots=True)
class Page:
    """A part of the list of avatars, and the number of all avatars."""

    avatars: list[Avatar]
    total: int
    has_more: bool
    """Whether more avatars follow."""


@dataclass(frozen=True, slots=True)
class Summary:
    """The avatars by their options."""

    total: int
    types: dict[str, int]
    """The number of avatars of each type, the most frequent first."""
    schemes: dict[str | None, int]
    """The same for colour schemes. None counts avatars without a scheme."""
    oldest_ms: int | None
    newest_ms: int | None


class Repository:
    """The records of all avatars."""

    def __init__(self, engines: Engines) -> None:
        self._engines = engines
        self.kind = engines.kind

    def add(self, avatars: Sequence[Avatar]) -> int:
        """Add the avatars whose id has no row yet, all or none. Return how many were added.

        An id may have a row: a reindex beside the service can find an object before its row is added.
        """
        with transaction(self._engines.write) as connection:
            dialect = {"sqlite": sqlite, "postgresql": postgresql}[connection.dialect.name]
            statement = dialect.insert(stored_avatars).on_conflict_do_nothing()
            rows = [{name: getattr(avatar, name) for name in AVATAR_FIELDS} for avatar in avatars]
            options = {"preserve_rowcount": True}
            added: int = connection.execute(statement, rows, execution_options=options).rowcount
            _count(connection, added)
            return added

    def remove(self, avatar_id: str, removing: AbstractContextManager[bool]) -> bool:
        """Remove an avatar's row, and its object in `removing`. Return whether either existed.

        The row is deleted first, and the deletion is committed while no reader sees the object. If the
        database fails, both are as they were.
        """
        with transaction(self._engines.write) as connection:
            condition = stored_avatars.c.id == avatar_id
            rows: int = connection.execute(delete(stored_avatars).where(condition)).rowcount
            with removing as there_was_an_object:
                _count(connection, -rows)
                commit(connection)
            return there_was_an_object or rows > 0

    def page(
        self, pick: int, offset: int = 0, *, after: Cursor | None = None, newest_first: bool = False
    ) -> Page:
        """Return `pick` avatars by time and id, after skipping `offset` of them or all up to `after`.

        The database reads every row that an offset skips. It finds a cursor at once, at any depth.
        """
        statement = _page(newest_first=newest_first, has_cursor=after is not None)
        values = {"rows": pick + 1, "offset": offset, **(after._asdict() if after else {})}
        with transaction(self._engines.read) as connection:
            total = connection.execute(_TOTAL).scalar_one()
            avatars = [Avatar(**row) for row in connection.execute(statement, values).mappings()]
            return Page(avatars[:pick], total, has_more=len(avatars) > pick)

    def total(self) -> int:
        """Return the number of avatars."""
        with transaction(self._engines.read) as connection:
            total: int = connection.execute(_TOTAL).scalar_one()
            return total

    def check(self) -> int:
        """Query each table once, over a connection of its own. Return the number of avatars.

        The cause of the `DatabaseUnavailable` that this raises names what is missing.
        """
        try:
            self._engines.check_file()
            with transaction(self._engines.probe) as connection:
                return require_tables(connection)
        except SchemaError as error:
            raise DatabaseUnavailable from error

    def summary(self) -> Summary:
        """Count all avatars by type and colour scheme. This reads every row."""
        columns = stored_avatars.c
        count = func.count()
        groups = select(columns.generator_type, columns.color_scheme, count).group_by(
            columns.generator_type, columns.color_scheme
        )
        ends = select(func.min(columns.created_ms), func.max(columns.created_ms))
        engines = self._engines
        with transaction(engines.read) as connection, engines.exclusively(connection):
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
        with transaction(self._engines.write) as connection:
            connection.execute(update(avatar_total).values(total=avatar_total.c.total))

    def ids(self) -> Iterator[str]:
        """Yield the ids of all rows in ascending order, with those that are added meanwhile at the end."""
        last: str | None = None
        while True:
            statement = select(stored_avatars.c.id).order_by(stored_avatars.c.id).limit(1000)
            if last is not None:
                statement = statement.where(stored_avatars.c.id > last)
            with transaction(self._engines.read) as connection:
                ids = connection.execute(statement).scalars().all()
            if not ids:
                return
            yield from ids
            last = ids[-1]

    def known(self, ids: Sequence[str]) -> set[str]:
        """Return those of `ids` that have a row."""
        statement = select(stored_avatars.c.id).where(stored_avatars.c.id.in_(ids))
        with transaction(self._engines.read) as connection:
            return set(connection.execute(statement).scalars())

    def remove_rows(self, ids: Sequence[str]) -> int:
        """Remove the rows of objects that are gone. Return how many there were."""
        with transaction(self._engines.write) as connection:
            rows: int = connection.execute(
                delete(stored_avatars).where(stored_avatars.c.id.in_(ids))
            ).rowcount
            _count(connection, -rows)
            return rows

    def recount(self) -> int:
        """Count the rows, store the total, also if its row is missing, and return it."""
        count = select(func.count()).select_from(stored_avatars).scalar_subquery()
        engines = self._engines
        with transaction(engines.write) as connection, engines.exclusively(connection):
            if not connection.execute(update(avatar_total).values(total=count)).rowcount:
                connection.execute(insert(avatar_total).values(id=1, total=count))
            total: int = connection.execute(_TOTAL).scalar_one()
            return total


_TOTAL = select(avatar_total.c.total)


@cache
def _page(*, newest_first: bool, has_cursor: bool) -> Select[Any]:
    """Return the statement of a page. It is cached, since building it takes as long as sending it."""
    place = (stored_avatars.c.created_ms, stored_avatars.c.id)
    columns = [stored_avatars.c[name] for name in AVATAR_FIELDS]
    order = [column.desc() for column in place] if newest_first else place
    statement = select(*columns).order_by(*order).limit(bindparam("rows")).offset(bindparam("offset"))
    if not has_cursor:
        return statement
    after = tuple_(*(bindparam(column.name, type_=column.type) for column in place))
    return statement.where(tuple_(*place) < after if newest_first else tuple_(*place) > after)


def _count(connection: Connection, change: int) -> None:
    """Change the total. Do this last: on PostgreSQL its row stays locked until the transaction ends."""
    if change:
        total = avatar_total.c.total + change
        connection.execute(update(avatar_total).values(total=total))
