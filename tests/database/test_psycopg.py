"""What `timeout_connection` relies on of psycopg's private interfaces.

A release of psycopg that changes this may wait for an answer without end. Read the new method, adapt
`TimeoutConnection`, and note the new digest.
"""

import inspect
import re
from hashlib import sha256
from pathlib import Path

import psycopg

ROOT = Path(__file__).parents[2]


def test_the_method_is_the_one_that_was_read() -> None:
    assert sha256(inspect.getsource(psycopg.Connection.wait).encode()).hexdigest()[:16] == "602ce5e47fca2ec9"
    assert issubclass(psycopg.errors._WaitTimeout, psycopg.OperationalError)


def test_an_unread_release_cannot_be_installed() -> None:
    pyproject = (ROOT / "backend/pyproject.toml").read_text(encoding="utf-8")
    lock = (ROOT / "backend/requirements.lock").read_text(encoding="utf-8")
    bound = re.search(r'"psycopg\[binary\] >=[0-9.]+,<3\.([0-9]+)"', pyproject)
    locked = re.search(r"^psycopg(?:\[binary\])?==3\.([0-9]+)\.", lock, re.MULTILINE)
    assert bound
    assert locked
    assert int(bound[1]) == int(locked[1]) + 1
