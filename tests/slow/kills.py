"""Kills at random moments, and what they cost: `make kills` prints it as a table.

Clients generate, upload and delete avatars, or a job works on a list, when the service is killed. After the
next start, all that was acknowledged must be there, and all that was deleted must be gone.
"""

import contextlib
import csv
import io
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field, fields
from functools import partial
from pathlib import Path
from threading import Event

import httpx

from avatar_gen.errors import ObjectDamaged
from avatar_gen.objects import ObjectStore
from avatar_gen.objects.avatar_object import read_object
from avatar_gen.objects.cloud import CloudStore
from avatar_gen.objects.local import LocalStore
from tests.api.test_jobs import start as start_job
from tests.conftest import Service
from tests.imaging.test_photo_process import children_of
from tests.servers.avatars import listed
from tests.servers.postgres import Postgres
from tests.servers.s3 import S3Server
from tests.servers.waiting import wait_until
from tests.slow.mutations import PHOTOGRAPHS

KINDS = ("sqlite", "postgresql", "s3", "jobs")
"""SQLite and a folder, PostgreSQL and a folder, PostgreSQL and S3, and jobs on SQLite and a folder."""

_WRITERS = 4

_interrupted = Event()

_MOST_ROWS = 2000
"""Rows of the list of a job."""


@dataclass
class Tally:
    """The number of kills, and what they did. All after `acknowledged` should be 0, but the last two."""

    kills: int = 0
    acknowledged: int = 0
    """Avatars that were generated, uploaded or drawn by a job, and deletions."""
    lost: int = 0
    """Acknowledged avatars that are not served, or not listed."""
    returned: int = 0
    """Deleted avatars that are served, or listed."""
    half_written: int = 0
    rows_alone: int = 0
    """Rows without an object, after the start that follows the last kill."""
    objects_alone: int = 0
    """Objects without a row, then: their requests got no answer. `avatar-gen reindex` lists them."""
    given_up: int = 0
    """Rows of jobs that are reported as failed, because several kills hit the process that drew them."""

    def cells(self) -> str:
        """Return the cells of a row in Markdown."""
        return " | ".join(f"{getattr(self, each.name):,}" for each in fields(self))

    def is_clean(self) -> bool:
        """Return whether nothing was lost, nothing came back, and nothing is half there."""
        return not (self.lost or self.returned or self.half_written or self.rows_alone)


@dataclass
class Ledger:
    """What the clients know of their avatars."""

    stored: set[str] = field(default_factory=set)
    unsure: set[str] = field(default_factory=set)
    """Avatars of deletions."""
    deleted: set[str] = field(default_factory=set)
    refused: list[int] = field(default_factory=list)
    """Statuses that no client should get."""
    given_up: int = 0

    def note_stored(self, answer: httpx.Response) -> None:
        """Note the answer to a generate or an upload."""
        if answer.status_code == 201:
            self.stored.add(answer.json()["data"]["id"])
        else:
            self.refused.append(answer.status_code)

    def delete(self, client: httpx.Client, avatar_id: str) -> None:
        """Delete an avatar. Without an answer, it may be there or not."""
        self.unsure.add(avatar_id)
        answer = client.delete(f"/api/{avatar_id}")
        if answer.status_code == 200:
            self.deleted.add(avatar_id)
        else:
            self.refused.append(answer.status_code)


@contextlib.contextmanager
def writers(service: Service, ledger: Ledger, chance: random.Random) -> Iterator[None]:
    """Run clients that generate, upload and delete, until the service is killed."""

    def write(chance: random.Random) -> None:
        own: list[str] = []
        with httpx.Client(base_url=service.client.base_url, timeout=60) as client:
            while not ledger.refused:
                try:
                    _write(client, ledger, own, chance)
                except httpx.TransportError:
                    return

    with ThreadPoolExecutor(_WRITERS) as threads:
        working = [threads.submit(write, random.Random(chance.random())) for _ in range(_WRITERS)]
        yield
    for each in working:
        each.result()


def _write(client: httpx.Client, ledger: Ledger, own: list[str], chance: random.Random) -> None:
    what = chance.random()
    if own and what < 0.3:
        ledger.delete(client, own.pop())
        return
    if what < 0.4:
        answer = client.put("/api/upload", content=chance.choice(PHOTOGRAPHS))
    else:
        style = chance.choice(("pixelize", "wave", "gradient", "smile"))
        answer = client.post("/api/generate", json={"type": style})
    ledger.note_stored(answer)
    if answer.status_code == 201:
        own.append(answer.json()["data"]["id"])


def _until_interrupted(count: int) -> Iterator[int]:
    """Yield the numbers from 0, up to `count` of them, until Ctrl-C. There is at least one."""
    for number in range(count):
        yield number
        if _interrupted.is_set():
            return


def kill_writers(service: Service, store: ObjectStore, count: int) -> Tally:
    """Kill a service up to `count` times while clients write. It must not run yet, and runs at the end."""
    chance = random.Random(20261128)
    every = Ledger()
    for number in _until_interrupted(count):
        before = len(every.stored)
        service.start()
        with writers(service, every, chance):
            # Every other kill comes after an acknowledgement, on a slow machine too.
            if number % 2:
                wait_until(partial(_has_news, every, before))
            time.sleep(chance.uniform(0.0, 0.5))
            service.kill()
        assert not every.refused, (every.refused, service.log.read_text())
        reconnect(service)
    service.start()
    return examine(service, store, every, number + 1)


def _has_news(ledger: Ledger, before: int) -> bool:
    """Return whether an avatar was stored, or refused: then the writers have ended."""
    return len(ledger.stored) > before or bool(ledger.refused)


def kill_jobs(service: Service, store: ObjectStore, count: int) -> Tally:
    """Kill a service up to `count` times while it works on lists, every fourth time one of its processes."""
    chance = random.Random(20261128)
    ledger, url = Ledger(), ""
    seeds = [f"p{number}" for number in range(min(_MOST_ROWS, 100 * count))]
    service.start()
    for number in _until_interrupted(count):
        if not url or service.client.get(url).json()["data"]["endedAt"]:
            _note_result(service, ledger, url, seeds)
            url = start_job(service.client, "seed\n" + "\n".join(seeds))
        before = service.client.get(url).json()["data"]["done"]
        if number % 2:
            # On a slow machine, a process takes seconds until it draws.
            _wait_for_progress(service, url, before)
        time.sleep(chance.uniform(0.0, 1.0))
        if number % 4 == 3 and (children := _processes(service)):
            os.kill(chance.choice(children), signal.SIGKILL)
        else:
            service.kill()
            reconnect(service)
            service.start()
        assert service.client.get(url).json()["data"]["done"] >= before
    wait_until(lambda: service.client.get(url).json()["data"]["endedAt"], seconds=300)
    _note_result(service, ledger, url, seeds)
    return examine(service, store, ledger, number + 1)


def _wait_for_progress(service: Service, url: str, before: int) -> None:
    """Wait until a job has stored another avatar, or has ended."""

    def has_progressed() -> bool:
        job = service.client.get(url).json()["data"]
        return job["done"] > before or job["endedAt"] is not None

    wait_until(has_progressed, seconds=120)


def _processes(service: Service) -> list[int]:
    assert service.process
    return children_of(service.process.pid)


def _note_result(service: Service, ledger: Ledger, url: str, seeds: list[str]) -> None:
    """Note the avatars of a job that has ended: one for each row, and no row is missing."""
    if not url:
        return
    rows = list(csv.DictReader(io.StringIO(service.client.get(f"{url}/result").text)))
    assert [row["seed"] for row in rows] == seeds
    ids = {row["id"] for row in rows if row["id"]}
    errors = [row["error"] for row in rows if row["error"]]
    assert set(errors) <= {"The process that drew it ended, several times."}
    assert len(ids) == len(seeds) - len(errors)
    ledger.stored |= ids
    ledger.given_up += len(errors)


def reconnect(service: Service) -> None:
    """Forget the connections to a process that was killed."""
    service.client.close()
    service.client = httpx.Client(base_url=service.client.base_url, timeout=60)


def examine(service: Service, store: ObjectStore, ledger: Ledger, kills: int) -> Tally:
    """Compare what is served, listed and stored with what was acknowledged."""
    rows, objects = _settled(service, store)
    there = ledger.stored - ledger.unsure
    with ThreadPoolExecutor(4) as threads:
        statuses = threads.map(lambda each: service.client.get(f"/api/{each}").status_code, there)
        served = {each for each, status in zip(there, statuses, strict=True) if status == 200}
        statuses = threads.map(lambda each: service.client.get(f"/api/{each}").status_code, ledger.deleted)
        gone = {each for each, status in zip(ledger.deleted, statuses, strict=True) if status == 404}
    return Tally(
        kills,
        acknowledged=len(ledger.stored) + len(ledger.deleted),
        lost=len(there - (served & rows)),
        returned=len(ledger.deleted - (gone - rows)),
        half_written=sum(not _is_whole(store, each) for each in objects),
        rows_alone=len(rows - objects),
        objects_alone=len(objects - rows),
        given_up=ledger.given_up,
    )


def _settled(service: Service, store: ObjectStore) -> tuple[set[str], set[str]]:
    """Return the rows and the objects when the service has finished the deletions that kills interrupted.

    It does so at its start, and with an object store when their leases have ended, within two minutes.
    """
    deadline = time.monotonic() + 150
    while True:
        rows, objects = set(listed(service)), set(store.ids())
        if rows <= objects or time.monotonic() > deadline:
            return rows, objects
        time.sleep(1)


def _is_whole(store: ObjectStore, avatar_id: str) -> bool:
    try:
        read_object(avatar_id, store.get(avatar_id) or b"")
    except ObjectDamaged:
        return False
    return True


def reindexed(service: Service, store: ObjectStore) -> bool:
    """Stop the service, reindex, and return whether rows and objects are the same after that."""
    assert service.stop() == 0
    report = service.run("reindex").stdout
    service.start()
    return report.endswith(" 0 removed, 0 objects damaged.\n") and set(listed(service)) == set(store.ids())


@contextlib.contextmanager
def victim(kind: str, folder: Path) -> Iterator[tuple[Service, ObjectStore]]:
    """Yield a service of one of `KINDS`, which does not run yet, and its storage."""
    with ExitStack() as stack:
        settings: dict[str, object] = {"logging": {"level": "warn"}}
        environ: Mapping[str, str] = {}
        store: ObjectStore = LocalStore(folder / "storage" / "avatars")
        if kind in {"postgresql", "s3"}:
            postgres = Postgres()
            stack.callback(postgres.destroy)
            postgres.start()
            environ = {"DATABASE_URL": postgres.new_database()}
        if kind == "s3":
            server = S3Server()
            stack.callback(server.destroy)
            server.start()
            section = server.section()
            settings["storage"] = {"type": "s3", "s3": section}
            store = CloudStore(server.bucket(section), "s3")
        service = Service(folder, settings, environ)
        stack.callback(service.close)
        yield service, store


def run(kind: str, folder: Path, count: int) -> tuple[Tally, bool]:
    """Kill a service of a kind. Return the tally, and whether a reindex makes rows and objects the same."""
    with victim(kind, folder) as (service, store):
        kill = kill_jobs if kind == "jobs" else kill_writers
        tally = kill(service, store, count)
        return tally, reindexed(service, store)


def main(count: int, kinds: list[str]) -> None:
    """Print a row of the table in docs/hardening.md for each kind. After Ctrl-C, it has fewer kills."""
    signal.signal(signal.SIGINT, lambda *_: _interrupted.set())
    print(f"| | {' | '.join(each.name.replace('_', ' ') for each in fields(Tally))} | seconds |", flush=True)
    for kind in kinds:
        began = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            tally, agrees = run(kind, Path(folder) / kind, count)
        print(f"| {kind} | {tally.cells()} | {time.monotonic() - began:.0f} |", flush=True)
        assert tally.is_clean(), f"{kind}: see the row above"
        assert agrees, f"{kind}: a reindex leaves rows and objects that differ"


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:] or list(KINDS))
