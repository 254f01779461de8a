"""Where records are kept: an index of the objects, for lists and counts, that can be rebuilt from them."""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Engine

READERS = 2
"""Threads that read at once, each with a connection of its own."""

PATIENCE = 2
"""Seconds that a connection, a lock or an answer is waited for."""

QUIETLY = {"hide_parameters": True}
"""For every engine: what SQLAlchemy says of an error goes to the log, and a seed may be someone's name."""


@dataclass(frozen=True, slots=True)
class Engines:
    """The way to one database: connections that write, and connections that read beside them."""

    kind: str
    write: Engine
    read: Engine
    many_processes: bool = True
    """Whether several processes may write it."""
    exclusively: str | None = None
    """SQL that keeps other processes from migrating until the transaction ends."""
    release: Callable[[], None] = lambda: None

    def close(self) -> None:
        """Readers first: the last connection to an SQLite file tidies it up, and must be the writer."""
        self.read.dispose()
        self.write.dispose()
        self.release()
