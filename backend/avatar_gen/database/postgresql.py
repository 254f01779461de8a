"""PostgreSQL: its URLs as other tools write them, and connections with timeouts."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

import psycopg
from sqlalchemy import Connection, Engine, create_engine

from avatar_gen.database import HIDE_PARAMETERS, READERS, TIMEOUT_SECONDS, Engines
from avatar_gen.database.timeout_connection import TimeoutConnection
from avatar_gen.errors import StartupError
from avatar_gen.settings.schema import Network

_LIBPQ_PARAMETERS = frozenset(
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
"""Parameters of a URL that go to libpq."""

_IGNORED_PARAMETERS = frozenset(
    (
        "connect_timeout",
        "connection_limit",
        "pool_timeout",
        "socket_timeout",
        "sslaccept",
        "statement_cache_size",
    )
)
"""Parameters for the connection pool of Prisma, which the old service used."""

_OWN_PARAMETERS = frozenset(("host", "password", "pgbouncer", "schema"))

_LOCK = "SELECT pg_advisory_xact_lock(7265102)"
"""For migrations. The number is arbitrary; it must differ from the locks of other programs."""

_LONG_TIMEOUT_SECONDS = 3600
"""The longest that a migration may take, and that other processes wait for it."""

_SERVER_TIMEOUTS = {
    # A process that loses its network in a transaction must not hold a lock that others need.
    "idle_in_transaction_session_timeout": TIMEOUT_SECONDS * 1000,
    "statement_timeout": TIMEOUT_SECONDS * 1000,
    "lock_timeout": TIMEOUT_SECONDS * 1000,
}
"""Timeouts of the server in ms, equal to those of this side of the connection."""

_KEEPALIVES = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}


class PostgresParameters(NamedTuple):
    """The connection parameters of a PostgreSQL database, by their names in libpq."""

    parameters: dict[str, Any]

    @classmethod
    def parse(cls, url: str, password: str | None = None) -> "PostgresParameters":
        """Read `postgresql://user:password@host:port/name?schema=...`.

        `password` overrides that of the URL. Raises `StartupError`, which shows the URL without its password.
        """
        try:
            parts = urlsplit(url)
            port = parts.port
            query = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
        except ValueError:
            raise _invalid(url, "it is not a URL") from None
        if not parts.netloc and "host" not in query:
            raise _invalid(url, "it names no host")
        if unknown := sorted(query.keys() - _LIBPQ_PARAMETERS - _IGNORED_PARAMETERS - _OWN_PARAMETERS):
            raise _invalid(url, f"it has an unknown parameter: {unknown[0][:32]!r}")
        name = unquote(parts.path.removeprefix("/"))
        if "/" in name or parts.fragment:
            raise _invalid(url, "something follows the name of the database")
        given = {
            "host": query.get("host") or unquote(parts.hostname or ""),
            "port": port,
            "dbname": name,
            "user": unquote(parts.username or ""),
            "password": password or unquote(parts.password or "") or query.get("password"),
            **{key: value for key, value in query.items() if key in _LIBPQ_PARAMETERS},
        }
        if query.get("pgbouncer") == "true":
            # Each transaction may use another connection of PgBouncer, without the prepared statements.
            given["prepare_threshold"] = None
        if schema := query.get("schema"):
            given["options"] = f"{given.get('options', '')} {_search_path(schema)}".strip()
        return cls({key: value for key, value in given.items() if value or key == "prepare_threshold"})

    @classmethod
    def of(cls, network: Network, password: str | None) -> "PostgresParameters":
        """Return the parameters of settings that give each part on its own."""
        given = {
            "host": network.host,
            "port": network.port,
            "dbname": network.database,
            "user": network.username,
            "password": password or (network.password and network.password.get_secret_value()),
            "sslmode": "require" if network.ssl else "prefer",
        }
        return cls({key: value for key, value in given.items() if value})


def _invalid(url: str, why: str) -> StartupError:
    # Everything from the first colon after the user name to the last @ may be the password.
    shown = re.sub(r"^(\w+(?:\+\w+)?:)(?://([^:/@?]*))?.*@", r"\1//\2:***@", url, flags=re.DOTALL)
    # Hide the values of all parameters: `password` may be misspelled.
    shown = re.sub(r"(?<=[?&])([^=&]*)=[^&]*", r"\1=***", shown)
    # Without an @ the password may be where the port belongs.
    shown = re.sub(r"(?<=//)([^:/@?]*):(?!\d*(?:[/?]|$))[^@/?]*", r"\1:***", shown)
    return StartupError(
        f"The database URL is not valid: {shown!r}: {why}. Use postgresql://user:password@host:5432/name"
    )


def _search_path(schema: str) -> str:
    """Return the option that sets a schema. libpq splits options at spaces; a name may hold any character."""
    quoted = '"' + schema.replace('"', '""') + '"'
    return "-csearch_path=" + quoted.replace("\\", "\\\\").replace(" ", "\\ ")


@contextmanager
def _exclusively(connection: Connection) -> Iterator[None]:
    """Keep other processes from migrating until the transaction ends, with a longer timeout."""
    driver_connection = connection.connection.driver_connection
    assert isinstance(driver_connection, TimeoutConnection)  # noqa: S101 - `open_postgresql` made it
    driver_connection.timeout_seconds = _LONG_TIMEOUT_SECONDS
    try:
        connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
        connection.exec_driver_sql("SET LOCAL lock_timeout = 0")
        connection.exec_driver_sql(_LOCK)
        yield
    finally:
        driver_connection.timeout_seconds = TIMEOUT_SECONDS


def open_postgresql_to_read(address: PostgresParameters) -> Engine:
    """Return an engine for the database of another program. The server refuses every change."""
    ours = "-cdefault_transaction_read_only=on -cdatestyle=ISO"
    options = f"{address.parameters.get('options', '')} {ours}".strip()

    def connect() -> psycopg.Connection[Any]:
        connection = TimeoutConnection.connect(**{**address.parameters, "options": options})
        # The database may be large, and no client waits.
        connection.timeout_seconds = _LONG_TIMEOUT_SECONDS
        return connection

    return create_engine("postgresql+psycopg://", creator=connect, **HIDE_PARAMETERS)


def open_postgresql(address: PostgresParameters) -> Engines:
    """Return engines for a PostgreSQL database. Nothing is connected yet."""
    timeouts = " ".join(f"-c{name}={value}" for name, value in _SERVER_TIMEOUTS.items())
    # The options of the URL come last, so that they override these.
    options_ = f"{timeouts} {address.parameters.get('options', '')}".strip()
    parameters = {
        **_KEEPALIVES,
        **address.parameters,
        "options": options_,
        "connect_timeout": TIMEOUT_SECONDS,
    }

    def connect() -> psycopg.Connection[Any]:
        return TimeoutConnection.connect(**parameters)

    # Test each connection before use: all are dead after a restart of the server.
    options: dict[str, Any] = {
        "creator": connect,
        "pool_pre_ping": True,
        "pool_timeout": TIMEOUT_SECONDS,
        **HIDE_PARAMETERS,
    }
    url = "postgresql+psycopg://"
    write = create_engine(url, pool_size=2, max_overflow=0, **options)
    # Each read is one statement, so a transaction around it would only add two round trips.
    read, probe = (
        create_engine(url, pool_size=size, max_overflow=0, isolation_level="AUTOCOMMIT", **options)
        for size in (READERS, 1)
    )
    return Engines("postgresql", write, read, probe, exclusively=_exclusively)
