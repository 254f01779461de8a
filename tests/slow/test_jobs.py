"""Jobs whose processes are killed: every row becomes one avatar, and progress never goes back."""

import csv
import io
import json
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread
from typing import Any

import httpx
import pytest

from avatar_gen.objects.cloud import CloudStore
from tests.api.test_jobs import events, start
from tests.conftest import MakeService, Service
from tests.servers.commands import COMMAND
from tests.servers.postgres import Postgres
from tests.servers.redis import Redis, needs_redis
from tests.servers.s3 import S3Server
from tests.slow.size import FULL, sized

ROWS = sized(full=100_000, small=1000)


def rows(count: int, style: str = "pixelize") -> str:
    return "seed,style\n" + "".join(f"p{number}@example.org,{style}\n" for number in range(count))


def progress(client: httpx.Client, url: str) -> dict[str, Any]:
    data: dict[str, Any] = client.get(url).json()["data"]
    return data


def watch(client: httpx.Client, url: str, seconds: float = 600) -> Iterator[dict[str, Any]]:
    """Yield the progress of a job until its end. It must not go back, however often the service is away."""
    before, deadline = -1, time.monotonic() + seconds
    while True:
        assert time.monotonic() < deadline
        try:
            job = progress(client, url)
        except (httpx.TransportError, KeyError):
            continue
        assert job["done"] >= before
        before = job["done"]
        yield job
        if job["endedAt"]:
            return
        time.sleep(0.1)


def check_result(client: httpx.Client, url: str, count: int) -> None:
    """Every row has an avatar of its own, and there are no others."""
    result = list(csv.DictReader(io.StringIO(client.get(f"{url}/result", timeout=120).text)))
    assert [row["seed"] for row in result] == [f"p{number}@example.org" for number in range(count)]
    ids = {row["id"] for row in result}
    assert len(ids) == count
    stored: set[str] = set()
    cursor = ""
    while True:
        data = client.get(f"/api/list?pick=100{cursor}").json()["data"]
        stored |= {avatar["id"] for avatar in data["avatars"]}
        if not data["pagination"]["hasMore"]:
            break
        cursor = f"&after={data['pagination']['next']}"
    assert stored == ids
    assert data["pagination"]["total"] == count


def test_jobs_survive_restarts_and_kills_of_the_service(make_service: MakeService) -> None:
    service = make_service().start()
    url = start(service.client, rows(ROWS, "smile"))
    kinds = iter(["stop", "kill"])
    for job in watch(service.client, url):
        if 0 < job["done"] < ROWS and (kind := next(kinds, None)):
            if kind == "stop":
                assert service.stop() == 0
            else:
                service.kill()
            service.start()
    assert job["state"] == "done"
    assert "Traceback" not in service.log.read_text()
    check_result(service.client, url, ROWS)


@pytest.fixture
def poison(tmp_path: Path) -> Path:
    """A folder that makes a row kill the process that draws it, as an error of a library would."""
    (tmp_path / "sitecustomize.py").write_text(
        "import avatar_gen.services.jobs.chunk_work as work, os\n"
        "ours = work.draw_object\n"
        "def draw_object(avatar, spec):\n"
        "    return os.kill(os.getpid(), 9) if spec.seed == 'p7@example.org' else ours(avatar, spec)\n"
        "work.draw_object = draw_object\n"
    )
    return tmp_path


def test_a_row_that_kills_the_drawing_process_is_reported(make_service: MakeService, poison: Path) -> None:
    service = make_service(environ={"PYTHONPATH": str(poison)}).start()
    url = start(service.client, rows(150))
    *_, job = watch(service.client, url)
    assert (job["state"], job["done"], job["failed"]) == ("done", 149, 1)
    result = list(csv.DictReader(io.StringIO(service.client.get(f"{url}/result").text)))
    assert [row["seed"] for row in result if row["error"]] == ["p7@example.org"]
    assert result[7]["error"] == "The process that drew it ended, several times."
    assert service.stop() == 0


class Worker:
    """A worker of Celery that is started again when it ends, as an orchestrator does."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._stopping = Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = Thread(target=self._run)
        self._thread.start()

    def kill(self) -> None:
        """Kill the process."""
        if self._process:
            self._process.kill()

    def stop(self) -> int:
        """End the worker by SIGTERM; return its exit status."""
        self._stopping.set()
        assert self._process
        self._process.terminate()
        self._thread.join()
        return self._process.returncode

    def _run(self) -> None:
        environ = {**self._service._environment(), "C_FORCE_ROOT": "1"}
        with self._service.log.with_suffix(".worker").open("ab") as log:
            while not self._stopping.is_set():
                self._process = subprocess.Popen(
                    [*COMMAND, "worker"], cwd=self._service.folder, env=environ, stdout=log, stderr=log
                )
                self._process.wait()


@pytest.fixture
def workers() -> Iterator[list[Worker]]:
    """The workers that a test starts; they end with it."""
    started: list[Worker] = []
    yield started
    for worker in started:
        worker._stopping.set()
        worker.kill()
        worker._thread.join()


@needs_redis
def test_kills_of_workers_the_broker_and_the_service_change_nothing(
    make_service: MakeService, postgres: Postgres, redis: Redis, workers: list[Worker]
) -> None:
    environ = {"DATABASE_URL": postgres.new_database(), "JOBS_BROKER": redis.url}
    service = make_service(environ=environ).start()
    workers += [Worker(service), Worker(service)]
    started = time.monotonic()
    url = start(service.client, rows(ROWS))

    def kill_the_broker() -> None:
        redis.kill()
        time.sleep(0.5)
        redis.start()

    def kill_the_service() -> None:
        service.kill()
        service.start()

    kills = [workers[0].kill, kill_the_broker, workers[1].kill, kill_the_service]
    marks = [ROWS * part // 10 for part in (1, 3, 5, 7)]
    for job in watch(service.client, url):
        if marks and job["done"] >= marks[0]:
            del marks[0]
            kills.pop(0)()
    assert not kills
    assert (job["state"], job["failed"]) == ("done", 0)
    print(
        f"{ROWS} rows in {time.monotonic() - started:.1f} s with 2 workers and 4 kills: {job['rate']} rows/s"
    )
    check_result(service.client, url, ROWS)


@needs_redis
def test_a_job_over_an_object_store_survives_the_kill_of_a_worker(
    make_service: MakeService, postgres: Postgres, redis: Redis, s3: S3Server, workers: list[Worker]
) -> None:
    count = sized(full=5000, small=400)
    section = s3.section()
    environ = {"DATABASE_URL": postgres.new_database(), "JOBS_BROKER": redis.url}
    service = make_service({"storage": {"type": "s3", "s3": section}}, environ).start()
    workers += [Worker(service), Worker(service)]
    url = start(service.client, rows(count))
    was_killed = False
    for job in watch(service.client, url):
        if job["done"] and not was_killed:
            workers[0].kill()
            was_killed = True
    assert was_killed
    assert (job["state"], job["done"], job["failed"]) == ("done", count, 0)
    check_result(service.client, url, count)
    result = csv.DictReader(io.StringIO(service.client.get(f"{url}/result").text))
    assert list(CloudStore(s3.bucket(section), "s3").ids()) == sorted(row["id"] for row in result)
    print(f"{count} rows in S3 with 2 workers and a kill: {job['rate']} rows/s")


@needs_redis
def test_workers_wait_for_a_database_that_is_away(
    make_service: MakeService, redis: Redis, workers: list[Worker]
) -> None:
    database = Postgres()
    database.start()
    try:
        environ = {"DATABASE_URL": database.new_database(), "JOBS_BROKER": redis.url}
        service = make_service(environ=environ).start()
        workers.append(Worker(service))
        url = start(service.client, rows(500))
        stopped = False
        for job in watch(service.client, url):
            if job["done"] and not stopped:
                database.stop(signal.SIGQUIT)
                time.sleep(1)
                database.start()
                stopped = True
        assert stopped
        assert (job["state"], job["done"], job["failed"]) == ("done", 500, 0)
        check_result(service.client, url, 500)
        assert workers[0].stop() == 0
    finally:
        database.destroy()


@needs_redis
@pytest.mark.skipif(not FULL, reason="five leases have to end, which takes a minute")
def test_a_row_that_kills_workers_is_reported(
    make_service: MakeService, postgres: Postgres, redis: Redis, workers: list[Worker], poison: Path
) -> None:
    environ = {"DATABASE_URL": postgres.new_database(), "JOBS_BROKER": redis.url, "PYTHONPATH": str(poison)}
    service = make_service(environ=environ).start()
    workers.append(Worker(service))
    url = start(service.client, rows(150))
    *_, job = watch(service.client, url)
    assert (job["state"], job["done"], job["failed"]) == ("done", 149, 1)


def test_a_list_may_be_larger_than_any_other_body(make_service: MakeService) -> None:
    """A million rows have some 60 MB. Here 1,300 rows have 20 MB."""
    service = make_service().start()
    rows = (f"{number},{'n' * 15_000}\n" for number in range(1300))
    url = start(service.client, "seed,name\n" + "".join(rows))
    _, job = events(service.client, url)[-1]
    assert (job["total"], job["done"]) == (1300, 1300)
    # No other route reads as much.
    body = json.dumps({"seed": "a" * 20_000_000})
    answer = service.client.post("/api/generate", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 413
