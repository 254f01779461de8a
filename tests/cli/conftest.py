"""The command, in a folder of its own."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.servers.commands import COMMAND, Result, environment, run_command

__all__ = ["COMMAND", "Result", "Run", "environment"]

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Return a function that runs a command inside this process; by default it must succeed."""

    def command(
        *arguments: object, status: int = 0, stdin: bytes = b"", environ: dict[str, str] | None = None
    ) -> Result:
        result = run_command(
            *map(str, arguments), folder=tmp_path, environ=environment(**(environ or {})), stdin=stdin
        )
        assert result.returncode == status, result.stderr.decode()
        assert b"Traceback" not in result.stderr
        return result

    return command
