"""The commands of the compose file of several replicas, with real servers."""

import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import redis

from tests.api.test_jobs import events, start
from tests.conftest import MakeService
from tests.deploy.test_cluster import SERVICES, environ, make_secrets
from tests.servers.commands import COMMAND
from tests.servers.net import free_port
from tests.servers.postgres import Postgres
from tests.servers.redis import PROGRAM, needs_redis
from tests.servers.s3 import WEED

PORTS = ("s3.port", "master.port", "volume.port", "filer.port")


@contextmanager
def running(*command: str, answers: str, folder: Path) -> Iterator[None]:
    """Run a server until the end of the block, which begins when the URL answers."""
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                httpx.get(answers).raise_for_status()
                break
            except httpx.HTTPError:
                assert process.poll() is None, (folder / "log").read_text()
                assert time.monotonic() < deadline
                time.sleep(0.1)
        yield
    finally:
        process.kill()
        process.wait()


@contextmanager
def seaweedfs(secrets: Path, folder: Path) -> Iterator[int]:
    """Run the store by the command of the file, with other addresses and folders; yield the port of S3."""
    ports = {name: free_port() for part in PORTS for name in (part, f"{part}.grpc")}
    changes = {"-ip=seaweedfs": "-ip=127.0.0.1", "-ip.bind=0.0.0.0": "-ip.bind=127.0.0.1"}
    changes |= {
        "-dir=/objects": f"-dir={folder}",
        "-s3.config=/run/password/s3.json": f"-s3.config={secrets}/s3.json",
    }
    command = SERVICES["seaweedfs"]["command"]
    assert changes.keys() <= set(command)
    arguments = [changes.get(word, word) for word in command]
    (url,) = re.findall(r"http://\S+", SERVICES["seaweedfs"]["healthcheck"]["test"])
    url = url.replace(":8333", f":{ports['s3.port']}")
    given = [f"-{name}={port}" for name, port in ports.items()]
    with running(WEED, *arguments, *given, answers=url, folder=folder):
        yield ports["s3.port"]


@needs_redis
def test_a_replica_works_with_the_servers(
    make_service: MakeService, postgres: Postgres, tmp_path: Path
) -> None:
    assert PROGRAM
    port = free_port()
    command = [PROGRAM, *SERVICES["valkey"]["command"][1:], "--port", str(port), "--bind", "127.0.0.1"]
    secrets, objects = tmp_path / "secrets", tmp_path / "objects"
    for folder in (secrets, objects):
        folder.mkdir()
    make_secrets(secrets)
    with ExitStack() as stack:
        s3_port = stack.enter_context(seaweedfs(secrets, objects))
        valkey = stack.enter_context(subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=tmp_path))
        stack.callback(valkey.kill)
        here = {
            "DATABASE_URL": postgres.new_database(),
            "S3_ENDPOINT": f"http://127.0.0.1:{s3_port}",
            "S3_SECRET_KEY_FILE": str(secrets / "s3"),
            "REDIS_URL": f"redis://127.0.0.1:{port}/0",
            "JOBS_BROKER": f"redis://127.0.0.1:{port}/1",
            "LIMITS_CLIENT": "1000/s",
            "METRICS_PORT": str(free_port()),
        }
        replica = make_service(environ=environ() | here)
        del replica.environ["DATABASE_PASSWORD_FILE"]  # type: ignore[attr-defined] # the test's URL has it
        migration = SERVICES["migrate"]["command"]
        assert migration[0] == "avatar-gen"
        replica.run(*migration[1:])
        replica.start()
        with redis.Redis.from_url(f"redis://127.0.0.1:{port}/0") as client:
            # Protected mode lets in only clients on the same machine, such as this test.
            assert client.config_get("protected-mode") == {"protected-mode": "no"}
        assert replica.client.get(f"/api/{replica.generate()}").status_code == 200
        checks = replica.client.get("/api/health").json()["data"]["checks"]
        assert checks.keys() >= {"database", "storage", "redis"}
        assert {each["status"] for each in checks.values()} == {"up"}
        with (replica.folder / "worker.log").open("wb") as log:
            words = [*COMMAND, *SERVICES["worker"]["command"][1:]]
            worker = subprocess.Popen(words, cwd=replica.folder, env=replica._environment(), stderr=log)
        _, job = events(replica.client, start(replica.client, "seed\nada\n"))[-1]
        assert (job["state"], job["done"]) == ("done", 1)
        worker.terminate()
        assert worker.wait(timeout=30) == 0
        replica.stop()
