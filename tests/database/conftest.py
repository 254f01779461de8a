from collections.abc import Iterator
from pathlib import Path

import pytest

from avatar_gen.database.engine import Engines, open_engines
from avatar_gen.database.repository import Repository
from avatar_gen.database.schema import migrate
from tests.conftest import database


@pytest.fixture
def engines(tmp_path: Path) -> Iterator[Engines]:
    engines = open_engines(database(f"file:{tmp_path}/avatars.db"))
    migrate(engines)
    yield engines
    engines.close()


@pytest.fixture
def repository(engines: Engines) -> Repository:
    return Repository(engines)
