"""The command as a program of its own, in a folder of its own."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from avatar_gen.settings.loader import ENVIRONMENT

Result = subprocess.CompletedProcess[bytes]
Run = Callable[..., Result]

COMMAND = [sys.executable, "-m", "avatar_gen"]


def environment(**changes: str) -> dict[str, str]:
    """This process', without what would be settings."""
    ours = {*ENVIRONMENT, "CONFIG_PATH", "APP_ENV", "NODE_ENV"}
    return {**{name: value for name, value in os.environ.items() if name not in ours}, **changes}


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run a command, by default one that must do what it is told."""

    def command(
        *arguments: object, status: int = 0, stdin: bytes = b"", environ: dict[str, str] | None = None
    ) -> Result:
        result = subprocess.run(
            [*COMMAND, *map(os.fspath, map(str, arguments))],
            cwd=tmp_path,
            env=environment(**(environ or {})),
            input=stdin,
            check=False,
            capture_output=True,
            timeout=120,
        )
        assert result.returncode == status, result.stderr.decode()
        assert b"Traceback" not in result.stderr
        return result

    return command
