"""`avatar-gen worker`, and the service beside it. tests/slow/test_jobs.py kills both."""

import csv
import io
import subprocess
from pathlib import Path

import pytest

from tests.api.test_jobs import events, start
from tests.cli.conftest import COMMAND, Run
from tests.conftest import MakeApp
from tests.servers.net import free_port
from tests.servers.postgres import Postgres
from tests.servers.redis import Redis, needs_redis


def test_a_worker_needs_a_broker(run: Run) -> None:
    result = run("worker", status=1)
    assert b"No broker is set, so the service itself works on jobs. Set JOBS_BROKER" in result.stderr


@pytest.mark.parametrize("url", ["amqp://host", "redis://", "redis://host:99999", "redis://host/one", "host"])
def test_a_broker_is_redis(run: Run, url: str) -> None:
    result = run("worker", status=1, environ={"JOBS_BROKER": url})
    assert b"JOBS_BROKER: app.jobs.broker: expected a URL such as redis://" in result.stderr


def test_with_a_broker_the_service_leaves_the_work_to_workers(make_app: MakeApp) -> None:
    """It also accepts jobs while the broker is away."""
    app = make_app(environ={"JOBS_BROKER": f"redis://127.0.0.1:{free_port()}"}).start()
    url = start(app.client, "seed\nada\n")
    app.stop()
    app.start()
    assert app.client.get(url).json()["data"]["state"] == "waiting"


@needs_redis
def test_a_worker_does_the_work_and_ends_by_a_signal(
    make_app: MakeApp, postgres: Postgres, redis: Redis, tmp_path: Path
) -> None:
    app = make_app(environ={"DATABASE_URL": postgres.new_database(), "JOBS_BROKER": redis.url}).start()
    url = start(app.client, "seed,style\nada,\nbob,nosuch\n")
    log = tmp_path / "worker.log"
    with log.open("wb") as output:
        worker = subprocess.Popen(
            [*COMMAND, "worker"], cwd=app.folder, env=app._environment(), stdout=output, stderr=output
        )
    _, job = events(app.client, url)[-1]
    assert (job["state"], job["done"], job["failed"]) == ("done", 1, 1)
    first = next(csv.DictReader(io.StringIO(app.client.get(f"{url}/result").text)))
    assert app.client.get(f"/api/{first['id']}").status_code == 200
    worker.terminate()
    assert worker.wait(timeout=30) == 0
    assert "Traceback" not in log.read_text()
