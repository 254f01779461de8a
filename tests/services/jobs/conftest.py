"""A job of one chunk, which no process has claimed."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import pytest

from avatar_gen.database.engine import open_engines
from avatar_gen.database.job_records import JobRecords, Rows
from avatar_gen.database.repository import Repository
from avatar_gen.database.schema import prepare
from avatar_gen.objects.local import LocalStore
from avatar_gen.services.jobs.chunk_work import ChunkWork
from tests.conftest import database

JOB = str(uuid4())

ROWS: Rows = [
    (2, {"seed": "ada", "name": "Ada"}),
    (3, {"seed": "bob", "type": "nosuch"}),
    (4, {"seed": "eve", "type": "gradient", "angle": 45}),
    (5, {"name": "nobody"}),
]


@pytest.fixture
def work(tmp_path: Path) -> Iterator[ChunkWork]:
    with closing(open_engines(database(f"file:{tmp_path}/jobs.db"))) as engines:
        prepare(engines)
        store = LocalStore(tmp_path / "avatars")
        store.prepare()
        records = JobRecords(engines)
        records.create(JOB, 1000)
        records.add_chunks(JOB, 0, [ROWS])
        records.open(JOB, len(ROWS))
        yield ChunkWork(records, store, Repository(engines))
