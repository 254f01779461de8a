"""The table of avatars in partitions, as docs/scale.md makes them."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from pydantic import SecretStr

from avatar_gen.avatar import Avatar, Cursor
from avatar_gen.database.engine import open_engines
from avatar_gen.database.repository import Repository
from avatar_gen.database.schema import prepare
from avatar_gen.settings.schema import Database
from tests.servers.postgres import Postgres

PAGE = Path(__file__).parents[2] / "docs/scale.md"


@pytest.fixture
def repository(postgres: Postgres) -> Iterator[Repository]:
    engines = open_engines(Database(url=SecretStr(postgres.new_database())))
    prepare(engines)
    yield Repository(engines)
    engines.close()


def avatars(number: int, first_ms: int = 0) -> list[Avatar]:
    return [
        Avatar(id=str(uuid4()), created_ms=first_ms + each // 2, seed=str(each)) for each in range(number)
    ]


def test_the_service_works_with_the_partitions_of_the_page(
    repository: Repository, postgres: Postgres
) -> None:
    before = avatars(200)
    repository.add(before)
    in_order = repository.page(100).avatars
    (statements,) = [part.split("```")[0] for part in PAGE.read_text(encoding="utf-8").split("```sql\n")[1:]]
    with postgres.connect(postgres.last_database) as connection:
        connection.execute(statements)
        count = connection.execute("SELECT count(DISTINCT tableoid) FROM stored_avatars").fetchone()
    assert count == (4,)
    assert repository.page(100).avatars == in_order
    last = in_order[49]
    assert repository.page(50, after=Cursor(last.created_ms, last.id)).avatars == in_order[50:]
    added = avatars(100, first_ms=1000)
    assert (repository.add(added), repository.add(added)) == (100, 0)
    assert repository.remove(added[0].id, contextlib.nullcontext(enter_result=False))
    assert repository.check() == repository.total() == 299
