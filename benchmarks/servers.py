"""The servers that are measured."""

import asyncio
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Collection, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from benchmarks.load import Request, UnexpectedAnswer, ask_once
from benchmarks.photograph import PORTRAIT
from benchmarks.processes import cpu_of, processes_of, resident
from tests.servers.net import free_port
from tests.servers.postgres import Postgres

_HERE = Path(__file__).parent
AVATARS = 64
"""Enough that sixteen connections do not request the same one at once, which would be one request."""

PEERS = _HERE / "peers"
_PAUSE, _TRIES = 0.05, 40


class Kind(NamedTuple):
    """How a server is started. Its port is in the environment, as PORT."""

    command: tuple[str, ...]
    settings: str = ""
    on_postgresql: bool = False
    makes_an_avatar: Request | None = None
    """The request whose answers have the ids that replace `{id}` in other requests."""


SERVE = (sys.executable, "-m", "avatar_gen", "serve")
"""The command of this service."""
_AS_IN_THE_IMAGE = "import sys; sys.modules['rfc3987_syntax'] = None; from avatar_gen.cli import main; main()"
"""Without a package that the tests' environment has and the image has not: jsonschema loads it, 16 MB."""

_BARE = (sys.executable, str(_HERE / "bare.py"))
_PICTURES = ("node", str(PEERS / "pictures.mjs"))
_AVATAR = Request("/api/generate", "POST", '{"seed": "ada {}"}', ("Content-Type: application/json",))

_PHOTOGRAPH = Request("/api/upload", "PUT", f"@{PORTRAIT}")

KINDS = {
    "bare": Kind((*_BARE, "asgi")),
    "bare Starlette": Kind((*_BARE, "starlette")),
    "bare FastAPI": Kind((*_BARE, "fastapi")),
    "ours": Kind(SERVE, makes_an_avatar=_AVATAR),
    "ours as in the image": Kind((sys.executable, "-c", _AS_IN_THE_IMAGE, "serve"), makes_an_avatar=_AVATAR),
    "ours without a cache": Kind(SERVE, "app: {imaging: {cache: 0}}", makes_an_avatar=_AVATAR),
    "ours with photographs": Kind(SERVE, "app: {imaging: {cache: 0}}", makes_an_avatar=_PHOTOGRAPH),
    "ours without a log": Kind(SERVE, "app: {logging: {level: warn}}", makes_an_avatar=_AVATAR),
    "ours x 2": Kind(SERVE, "app: {server: {workers: 2}}", on_postgresql=True, makes_an_avatar=_AVATAR),
    "ours on PostgreSQL": Kind(SERVE, on_postgresql=True, makes_an_avatar=_AVATAR),
    "peers x 2": Kind((*_PICTURES, "2")),
    "sharp": Kind((*_PICTURES, "1")),
    "old": Kind(("node", str(PEERS / "old.mjs")), makes_an_avatar=Request("/", "POST", "{}")),
}
"""The table of servers. A new server is one line."""

OTHERS = frozenset(name for name, kind in KINDS.items() if kind.command[0] == "node")


class NotStarted(Exception):
    """A server gives no answer. Its output has been printed."""


class Server(NamedTuple):
    """A server that runs."""

    port: int
    folder: Path
    process: int
    database: int | None
    avatars: tuple[str, ...]
    ready: float
    """Seconds from its start to its first answer."""

    def cpu(self) -> float:
        """Return the seconds of CPU time so far, with the database's."""
        return sum(map(cpu_of, filter(None, (self.process, self.database))))

    async def settled(self) -> float:
        """Return the CPU time after the server has finished what earlier cases requested.

        A database can go on with its own maintenance, so this waits two seconds at most.
        """
        before = self.cpu()
        for _ in range(_TRIES):
            await asyncio.sleep(_PAUSE)
            now = self.cpu()
            if now - before < _PAUSE / 10:
                break
            before = now
        return self.cpu()

    def rss(self) -> float:
        """Return the memory in MB, without the database's, whose processes share most of it."""
        return sum(map(resident, processes_of(self.process))) / 1e6


def install_peers() -> str | None:
    """Install the packages of other services; return what went wrong, or None."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        return "Node is not installed: jdenticon, DiceBear, sharp and the old service are left out."
    # Their install scripts are not run.
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    result = subprocess.run(command, cwd=PEERS, capture_output=True, text=True, check=False)  # noqa: S603
    if result.returncode:
        return f"Other services are left out, since their packages cannot be installed:\n{result.stderr}"
    return None


@contextlib.contextmanager
def running(names: Collection[str]) -> Iterator[dict[str, Server]]:
    """Run servers of these kinds, each in a temporary folder."""
    with ExitStack() as stack:
        postgres = None
        if any(KINDS[name].on_postgresql for name in names):
            postgres = stack.enter_context(running_postgres())
        # Folders are deleted last: a file system can be slow for minutes after a large delete.
        folders = {name: Path(stack.enter_context(tempfile.TemporaryDirectory())) for name in names}
        yield {name: stack.enter_context(start(KINDS[name], folders[name], postgres)) for name in names}


@contextlib.contextmanager
def running_postgres() -> Iterator[Postgres]:
    """Run PostgreSQL with its default settings."""
    postgres = Postgres()
    try:
        postgres.start()
        yield postgres
    finally:
        postgres.destroy()


@contextlib.contextmanager
def start(kind: Kind, folder: Path, postgres: Postgres | None = None, database: str = "") -> Iterator[Server]:
    """Run a server in this folder, by default with a new database. It answers when this yields."""
    port = free_port()
    settings = folder / "settings.yaml"
    settings.write_text(kind.settings, encoding="utf-8")
    environ = {"PORT": str(port), "HOST": "127.0.0.1", "APP_ENV": "", "CONFIG_PATH": str(settings)}
    if kind.on_postgresql:
        assert postgres  # noqa: S101 - it is started for those
        environ["DATABASE_URL"] = database or postgres.new_database()
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(  # noqa: S603
            kind.command, cwd=folder, env={**os.environ, **environ}, stdout=log, stderr=log
        )
    try:
        started = time.perf_counter()
        asyncio.run(_await_answer(process, port))
        ready = time.perf_counter() - started
        avatars = asyncio.run(_make_avatars(port, kind))
        beside = postgres.pid if kind.on_postgresql and postgres else None
        yield Server(port, folder, process.pid, beside, avatars, ready)
    except NotStarted:
        print((folder / "log").read_text(encoding="utf-8"), file=sys.stderr)
        raise
    finally:
        process.terminate()
        process.wait()


async def _await_answer(process: subprocess.Popen[bytes], port: int) -> None:
    """Return when the server gives any answer. Raises `NotStarted`."""
    deadline = time.monotonic() + 20
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            with contextlib.suppress(UnexpectedAnswer):
                await ask_once(port, Request("/api/health/ready"))
            return
        await asyncio.sleep(0.005)
    raise NotStarted


async def _make_avatars(port: int, kind: Kind) -> tuple[str, ...]:
    if kind.makes_an_avatar is None:
        return ("",)
    answers = [
        json.loads(await ask_once(port, kind.makes_an_avatar.filled(number))) for number in range(AVATARS)
    ]
    return tuple(answer.get("data", answer)["id"] for answer in answers)
