"""`avatar-gen keys new`."""

import json

from tests.cli.conftest import Run


def test_a_permission_that_is_repeated_is_listed_once(run: Run) -> None:
    result = run("keys", "new", "a", "--may", "write", "--may", "list", "--may", "write")
    entry = json.loads(result.stderr.decode().partition("  - ")[2])
    assert entry["may"] == ["write", "list"]


def test_a_name_that_is_not_valid_is_an_error_of_name(run: Run) -> None:
    line = run("keys", "new", "a b", status=2).stderr.decode().splitlines()[-1]
    assert line == (
        "Error: Invalid value for NAME: expected at most 32 letters, digits, dots, dashes or underscores."
    )
