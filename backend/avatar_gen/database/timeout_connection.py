"""A connection to PostgreSQL with a timeout on every exchange.

This overrides a method of psycopg and reads one of its private exceptions. `tests/database/test_psycopg.py`
fails when psycopg changes either; `pyproject.toml` excludes releases that have not been compared.
"""

from typing import Any

import psycopg
from psycopg.abc import PQGen

from avatar_gen.database import TIMEOUT_SECONDS


class TimeoutConnection(psycopg.Connection[Any]):
    """A connection that gives up when the server stops answering.

    libpq has no timeout for an answer, and the timeouts of the server do not help when the network hangs.
    """

    timeout_seconds: float = TIMEOUT_SECONDS

    def wait(self, gen: PQGen[Any], interval: float = 0.1, timeout: float | None = None) -> Any:  # noqa: ANN401
        """Run an exchange with the server. Raises `OperationalError` if it takes too long."""
        try:
            return super().wait(gen, interval=interval, timeout=timeout or self.timeout_seconds)
        except psycopg.errors._WaitTimeout as error:  # noqa: SLF001 - the base method documents it
            self.pgconn.finish()
            raise psycopg.OperationalError(f"no answer within {self.timeout_seconds:g} s") from error
