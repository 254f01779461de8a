"""Where records are kept: an index of the objects, for lists and counts, that can be rebuilt from them."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from sqlalchemy import Connection, Engine

READERS = 2
"""Threads that read at once, each with a connection of its own."""

TIMEOUT_SECONDS = 2
"""Seconds that a connection, a lock or an answer is waited for."""

HIDE_PARAMETERS = {"hide_parameters": True}
"""For every engine: what SQLAlchemy says of an error goes to the log, and a seed may be someone's name."""


def _as_it_is(_connection: Connection) -> AbstractContextManager[None]:
    return nullcontext()


@dataclass(frozen=True, slots=True)
class Engines:
    """The way to one database: connections that write, and connections that read beside them."""

    kind: str
    write: Engine
    read: Engine
    probe: Engine
    """One connection for health checks, which must not wait for the work of clients."""
    many_processes: bool = True
    """Whether several processes may write it."""
    exclusively: Callable[[Connection], AbstractContextManager[None]] = _as_it_is
    """For what takes long: lets a transaction take its time, and keeps other processes from doing the same
    meanwhile. SQLite does both by itself."""
    check_file: Callable[[], None] = lambda: None
    """Raises `SchemaError` if the file of an open SQLite database was deleted or replaced."""
    release: Callable[[], None] = lambda: None

    def close(self) -> None:
        """Readers first: the last connection to an SQLite file tidies it up, and must be the writer."""
        self.probe.dispose()
        self.read.dispose()
        self.write.dispose()
        self.release()
