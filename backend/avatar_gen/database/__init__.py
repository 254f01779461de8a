"""The records of avatars: an index of the objects, for lists and counts, that can be rebuilt from them."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from sqlalchemy import Connection, Engine

READERS = 2
"""Threads that read at the same time, each with its own connection."""

TIMEOUT_SECONDS = 2
"""The longest wait for a connection, a lock or an answer."""

HIDE_PARAMETERS = {"hide_parameters": True}
"""For every engine. The log holds the errors of SQLAlchemy, and a seed may be a person's name."""


def _unchanged(_connection: Connection) -> AbstractContextManager[None]:
    return nullcontext()


@dataclass(frozen=True, slots=True)
class Engines:
    """The connections to one database: some write, others read at the same time."""

    kind: str
    write: Engine
    read: Engine
    probe: Engine
    """One connection for health checks, which must not wait for the work of clients."""
    many_processes: bool = True
    """Whether several processes may write to it."""
    exclusively: Callable[[Connection], AbstractContextManager[None]] = _unchanged
    """For long transactions: lifts the timeouts, and makes other processes wait that do the same.
    SQLite needs neither."""
    check_file: Callable[[], None] = lambda: None
    """Raises `SchemaError` if the file of an open SQLite database was deleted or replaced."""
    release: Callable[[], None] = lambda: None

    def close(self) -> None:
        """Close all connections. The last one to an SQLite file ends its log, so it must be the writer."""
        self.probe.dispose()
        self.read.dispose()
        self.write.dispose()
        self.release()
