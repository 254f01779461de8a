"""Measure what many stored avatars cost: `make bench-scale` takes a quarter of an hour.

The folder and the databases are filled directly, a hundred times faster than by POST, and measured over HTTP.
Each size adds to the one before. Nothing is deleted in between, since file systems are slow after that.
"""

import asyncio
import random
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from itertools import count, islice, product
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

from pydantic import SecretStr

from avatar_gen.avatar import Avatar, AvatarSpec, Cursor
from avatar_gen.database.engine import open_engines
from avatar_gen.database.repository import Repository
from avatar_gen.database.schema import prepare
from avatar_gen.drawing.styles import draw
from avatar_gen.imaging.pipeline import draw_png
from avatar_gen.objects.avatar_object import write_object
from avatar_gen.objects.local import LocalStore
from avatar_gen.services.avatar_input import style_input
from avatar_gen.services.avatars import EXPONENTS
from avatar_gen.settings.schema import Database
from benchmarks.cases import get, post
from benchmarks.load import Request, ask, numbers
from benchmarks.results import Figures, Results
from benchmarks.servers import KINDS, Server, running_postgres, start

SIZES = (1_000, 100_000, 1_000_000)
SERVERS = {"SQLite": "ours", "PostgreSQL": "ours on PostgreSQL"}
CLIENTS = 16
_FIRST_MS = 1_700_000_000_000
_BATCH = 1000


class Question(NamedTuple):
    """A kind of request, and how often a client sends it in a round."""

    name: str
    requests: Callable[[list[str]], Iterator[Request]]
    """Make endless requests from the ids of all avatars."""
    times: int


def _again(request: Request) -> Callable[[list[str]], Iterator[Request]]:
    return lambda _: (request.filled(number) for number in numbers())


def _pictures(ids: list[str]) -> Iterator[Request]:
    while True:
        yield get(f"/api/{random.choice(ids)}")  # noqa: S311 - a sample, no secret


def _deep(ids: list[str]) -> Iterator[Request]:
    while True:
        yield get(f"/api/list?offset={len(ids) - 10}")


def _anywhere(ids: list[str]) -> Iterator[Request]:
    while True:
        place = Cursor(_FIRST_MS + random.randrange(len(ids)), ids[0])  # noqa: S311 - likewise
        yield get(f"/api/list?after={place}")


def _deletions(ids: list[str]) -> Iterator[Request]:
    while True:
        yield Request(f"/api/{ids.pop(random.randrange(len(ids)))}", "DELETE")  # noqa: S311 - likewise


QUESTIONS = [
    Question("generate", _again(post("/api/generate")), 400),
    Question("picture", _pictures, 2000),
    Question("list", _again(get("/api/list")), 1000),
    Question("list, last page", _deep, 20),
    Question("list, behind any avatar", _anywhere, 1000),
    Question("health", _again(get("/api/health")), 500),
    Question("delete", _deletions, 50),
]
"""The table of questions. A new one is one line."""


class _Stock:
    """A folder and databases that hold the same avatars."""

    def __init__(self, folder: Path, databases: Iterable[str]) -> None:
        self.folder = folder
        self.ids: list[str] = []
        self._databases = list(databases)
        self._store = folder / "storage" / "avatars"
        LocalStore(self._store).prepare()
        self._numbers = count()
        self._random = random.Random(0)  # noqa: S311 - a sample, no secret
        drawing = draw("pixelize", "ada", style_input(AvatarSpec(), "ada"))
        self._pictures = {1 << exponent: draw_png(drawing, 1 << exponent) for exponent in EXPONENTS}

    def fill(self, size: int, progress: Callable[[str], None]) -> None:
        """Add avatars until there are `size`."""
        with ExitStack() as stack:
            engines = [stack.enter_context(closing(open_engines(_settings(url)))) for url in self._databases]
            for each in engines:
                prepare(each)
            while missing := size - len(self.ids):
                batch = [self._avatar() for _ in range(min(missing, _BATCH))]
                for each in engines:
                    Repository(each).add(batch)
                for avatar in batch:
                    path = f"{self._store}/{avatar.id[:2]}/{avatar.id}.zip"
                    Path(path).write_bytes(write_object(avatar, self._pictures))
                self.ids += (avatar.id for avatar in batch)
                progress(f"filling: {len(self.ids):,} of {size:,}")

    def _avatar(self) -> Avatar:
        number = next(self._numbers)
        avatar_id = str(UUID(int=self._random.getrandbits(128), version=4))
        return Avatar(id=avatar_id, created_ms=_FIRST_MS + number, seed=f"user {number}")


def _settings(url: str) -> Database:
    return Database(url=SecretStr(url))


def measure(results: Results, sizes: Sequence[int], times: int, progress: Callable[[str], None]) -> None:
    """Measure all questions at all sizes on both databases, and add them to the results."""
    with running_postgres() as postgres, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        databases = {
            "SQLite": f"file:{folder}/storage/database/avatars.db",
            "PostgreSQL": postgres.new_database(),
        }
        stock = _Stock(folder, databases.values())
        rounds: defaultdict[str, list[Figures]] = defaultdict(list)
        for size in sizes:
            stock.fill(size, progress)
            for (database, url), number in product(databases.items(), range(times)):
                progress(f"{database}, {size:,} stored, round {number + 1} of {times}")
                with start(KINDS[SERVERS[database]], folder, postgres, url) as server:
                    asked = asyncio.run(_ask_all(server, stock.ids))
                for question, figures in asked.items():
                    rounds[case_name(database, question, size)].append(figures)
        results.rounds |= rounds


def case_name(database: str, question: str, size: int) -> str:
    """Return the name of a question among the results."""
    return f"{database}: {question}, {size:,} stored"


async def _ask_all(server: Server, ids: list[str]) -> dict[str, Figures]:
    """Measure one round. Its first figure is the start of the server."""
    ready = server.ready * 1000
    figures = {"start": Figures(1000 / ready, ready, ready, ready, server.cpu() * 1000, server.rss())}
    for question in QUESTIONS:
        await ask(server.port, islice(question.requests(ids), CLIENTS), CLIENTS)
        before = server.cpu()
        answers = await ask(server.port, islice(question.requests(ids), question.times), CLIENTS)
        cpu = (server.cpu() - before) / answers.requests * 1000
        rate = answers.requests / answers.seconds
        figures[question.name] = Figures(
            rate, answers.p50_ms, answers.p99_ms, answers.max_ms, cpu, server.rss()
        )
    return figures
