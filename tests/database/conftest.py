from collections.abc import Iterator
from pathlib import Path

import pytest

from avatar_gen.database import Engines
from avatar_gen.database.engine import open_engines
from avatar_gen.database.repository import Repository
from avatar_gen.database.schema import migrate
from tests.conftest import database
from tests.servers.postgres import Postgres  # noqa: TC001 - the type of a fixture


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database of each kind."""
    if request.param == "sqlite":
        return f"file:{tmp_path}/avatars.db"
    postgres: Postgres = request.getfixturevalue("postgres")
    return postgres.new_database()


@pytest.fixture
def engines(address: str) -> Iterator[Engines]:
    engines = open_engines(database(address))
    migrate(engines)
    yield engines
    engines.close()


@pytest.fixture
def repository(engines: Engines) -> Repository:
    return Repository(engines)
