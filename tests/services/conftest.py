"""A storage and a database for the services that write avatars."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from avatar_gen.database.engine import open_engines
from avatar_gen.database.repository import Repository
from avatar_gen.database.schema import prepare
from avatar_gen.objects.local import LocalStore
from tests.conftest import database


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    store = LocalStore(tmp_path / "avatars")
    store.prepare()
    return store


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[Repository]:
    with closing(open_engines(database(f"file:{tmp_path}/avatars.db"))) as engines:
        prepare(engines)
        yield Repository(engines)
