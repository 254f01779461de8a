"""PostgreSQL: its addresses as they are written in the wild, and connections that do not wait for ever."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

import psycopg
from psycopg.abc import PQGen
from sqlalchemy import Connection, Engine, create_engine

from avatar_gen.database import HIDE_PARAMETERS, READERS, TIMEOUT_SECONDS, Engines
from avatar_gen.errors import StartupError
from avatar_gen.settings.schema import Network

_PASSED_ON = frozenset(
    (
        "application_name",
        "channel_binding",
        "gssencmode",
        "hostaddr",
        "options",
        "sslcert",
        "sslcrl",
        "sslkey",
        "sslmode",
        "sslrootcert",
        "target_session_attrs",
    )
)
"""Parameters of an address that are libpq's."""

_PASSED_OVER = frozenset(
    (
        "connect_timeout",
        "connection_limit",
        "pool_timeout",
        "socket_timeout",
        "sslaccept",
        "statement_cache_size",
    )
)
"""Parameters by which Prisma tuned a pool that is no more."""

_READ_HERE = frozenset(("host", "password", "pgbouncer", "schema"))

_LOCK = "SELECT pg_advisory_xact_lock(7265102)"
"""For migrations. The number is ours: no other program should happen to take the same."""

_LONG = 3600
"""Seconds that a migration may take, and others wait for it."""

_SERVER_TIMEOUTS = {
    # A process that is cut off in the middle of a transaction must not hold what others need.
    "idle_in_transaction_session_timeout": TIMEOUT_SECONDS * 1000,
    "statement_timeout": TIMEOUT_SECONDS * 1000,
    "lock_timeout": TIMEOUT_SECONDS * 1000,
}
"""In ms: when the server gives up, as our side of the connection does."""

_KEEPALIVES = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}


class PostgresAddress(NamedTuple):
    """Where a PostgreSQL database is: what libpq is told, by its own names."""

    parameters: dict[str, Any]

    @classmethod
    def parse(cls, url: str, password: str | None = None) -> "PostgresAddress":
        """Read `postgresql://user:password@host:port/name?schema=...`; a password beside it wins.

        Raises `StartupError`, which shows the address without its password.
        """
        try:
            parts = urlsplit(url)
            port = parts.port
            query = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
        except ValueError:
            raise _misunderstood(url, "it is no URL") from None
        if not parts.netloc and "host" not in query:
            raise _misunderstood(url, "it names no host")
        if unknown := sorted(query.keys() - _PASSED_ON - _PASSED_OVER - _READ_HERE):
            raise _misunderstood(url, f"it has a parameter that is not known: {unknown[0][:32]!r}")
        name = unquote(parts.path.removeprefix("/"))
        if "/" in name or parts.fragment:
            raise _misunderstood(url, "the name of the database ends in something else")
        given = {
            "host": query.get("host") or unquote(parts.hostname or ""),
            "port": port,
            "dbname": name,
            "user": unquote(parts.username or ""),
            "password": password or unquote(parts.password or "") or query.get("password"),
            **{key: value for key, value in query.items() if key in _PASSED_ON},
        }
        if query.get("pgbouncer") == "true":
            # Statements that are prepared in one of its connections are not there in the next.
            given["prepare_threshold"] = None
        if schema := query.get("schema"):
            given["options"] = f"{given.get('options', '')} {_search_path(schema)}".strip()
        return cls({key: value for key, value in given.items() if value or key == "prepare_threshold"})

    @classmethod
    def of(cls, network: Network, password: str | None) -> "PostgresAddress":
        """The address that settings give part by part."""
        given = {
            "host": network.host,
            "port": network.port,
            "dbname": network.database,
            "user": network.username,
            "password": password or (network.password and network.password.get_secret_value()),
            "sslmode": "require" if network.ssl else "prefer",
        }
        return cls({key: value for key, value in given.items() if value})


def _misunderstood(url: str, why: str) -> StartupError:
    # All from the first colon behind the user's name to the last @ may be the password.
    shown = re.sub(r"^(\w+(?:\+\w+)?:)(?://([^:/@?]*))?.*@", r"\1//\2:***@", url, flags=re.DOTALL)
    # Nor is a parameter shown whose name may be a password's, misspelled.
    shown = re.sub(r"(?<=[?&])([^=&]*)=[^&]*", r"\1=***", shown)
    # Without an @ it may stand where the port was expected.
    shown = re.sub(r"(?<=//)([^:/@?]*):(?!\d*(?:[/?]|$))[^@/?]*", r"\1:***", shown)
    return StartupError(
        f"The address of the database is not understood: {shown!r}: {why};"
        " expected postgresql://user:password@host:5432/name"
    )


def _search_path(schema: str) -> str:
    """`options` are cut at spaces, and a name may have any character."""
    quoted = '"' + schema.replace('"', '""') + '"'
    return "-csearch_path=" + quoted.replace("\\", "\\\\").replace(" ", "\\ ")


class ImpatientConnection(psycopg.Connection[Any]):
    """A connection that gives up when the server falls silent, and does not hold its thread for ever.

    libpq waits for an answer without end; timeouts of the server's own do not help when it is the network
    that hangs.
    """

    patience: float = TIMEOUT_SECONDS

    def wait(self, gen: PQGen[Any], interval: float = 0.1, timeout: float | None = None) -> Any:  # noqa: ANN401
        """Run an exchange with the server. Raises `OperationalError` if it takes too long."""
        try:
            return super().wait(gen, interval=interval, timeout=timeout or self.patience)
        except psycopg.errors._WaitTimeout as error:  # noqa: SLF001 - what the method above documents
            self.pgconn.finish()
            raise psycopg.OperationalError(f"no answer within {self.patience:g} s") from error


@contextmanager
def _exclusively(connection: Connection) -> Iterator[None]:
    """Keep others from migrating until the transaction ends, and take the time that this needs."""
    driver_connection = connection.connection.driver_connection
    assert isinstance(driver_connection, ImpatientConnection)  # noqa: S101 - what we made
    driver_connection.patience = _LONG
    try:
        connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
        connection.exec_driver_sql("SET LOCAL lock_timeout = 0")
        connection.exec_driver_sql(_LOCK)
        yield
    finally:
        driver_connection.patience = TIMEOUT_SECONDS


def open_postgresql_to_read(address: PostgresAddress) -> Engine:
    """A way to a database that another program made; the server lets us change nothing."""
    ours = "-cdefault_transaction_read_only=on -cdatestyle=ISO"
    options = f"{address.parameters.get('options', '')} {ours}".strip()

    def connect() -> psycopg.Connection[Any]:
        connection = ImpatientConnection.connect(**{**address.parameters, "options": options})
        # It may be large, and nobody waits for it.
        connection.patience = _LONG
        return connection

    return create_engine("postgresql+psycopg://", creator=connect, **HIDE_PARAMETERS)


def open_postgresql(address: PostgresAddress) -> Engines:
    """Ways to a PostgreSQL database; nothing is connected yet."""
    timeouts = " ".join(f"-c{name}={value}" for name, value in _SERVER_TIMEOUTS.items())
    # What the address says itself comes last, and wins.
    options_ = f"{timeouts} {address.parameters.get('options', '')}".strip()
    parameters = {
        **_KEEPALIVES,
        **address.parameters,
        "options": options_,
        "connect_timeout": TIMEOUT_SECONDS,
    }

    def connect() -> psycopg.Connection[Any]:
        return ImpatientConnection.connect(**parameters)

    # A connection is tried before it is used: after the server was restarted all of them are dead.
    options: dict[str, Any] = {
        "creator": connect,
        "pool_pre_ping": True,
        "pool_timeout": TIMEOUT_SECONDS,
        **HIDE_PARAMETERS,
    }
    url = "postgresql+psycopg://"
    write = create_engine(url, pool_size=2, max_overflow=0, **options)
    # Each question is a transaction of its own, as it would see anyway, which saves two exchanges.
    read, probe = (
        create_engine(url, pool_size=size, max_overflow=0, isolation_level="AUTOCOMMIT", **options)
        for size in (READERS, 1)
    )
    return Engines("postgresql", write, read, probe, exclusively=_exclusively)
