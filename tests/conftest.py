"""What tests stand on: a real server in a process and folder of its own."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import httpx
import hypothesis
import pytest
import yaml
from pydantic import SecretStr

from avatar_gen.settings.loader import ENVIRONMENT
from avatar_gen.settings.schema import Database
from tests.servers.net import free_port
from tests.servers.postgres import Postgres

# A shell ignores SIGINT for `pytest &`, and every child would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

# How long an example takes is the machine's business: a busy one is no fault of the code.
hypothesis.settings.register_profile("avatars", deadline=None)
hypothesis.settings.load_profile("avatars")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--record-golden", action="store_true", help="write the golden pictures that are missing"
    )
    parser.addoption("--screenshots", action="store_true", help="take those of the page for the docs")


def database(url: str | None, driver: Literal["sqlite", "postgresql"] = "sqlite") -> Database:
    """The settings of a database at this address."""
    return Database(url=None if url is None else SecretStr(url), driver=driver)


@dataclass
class Service:
    """A server process, its folder, and a client of it."""

    folder: Path
    settings: Mapping[str, object] = field(default_factory=dict)
    environ: Mapping[str, str] = field(default_factory=dict)
    through: Sequence[str] = ()
    """A command that starts it, and then is it."""

    def __post_init__(self) -> None:
        self.port = free_port()
        self.folder.mkdir(parents=True, exist_ok=True)
        server = {"drain_time": 0, **self.settings.get("server", {})}  # type: ignore[dict-item]
        app = {**self.settings, "server": server}
        (self.folder / "settings.yaml").write_text(yaml.safe_dump({"app": app}))
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=30)
        self.log = self.folder / "log.jsonl"
        self.process: subprocess.Popen[bytes] | None = None

    def run(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run another command of the service in the same folder."""
        return subprocess.run(
            [sys.executable, "-m", "avatar_gen", *arguments],
            cwd=self.folder,
            env=self._environment(),
            check=check,
            capture_output=True,
            text=True,
            timeout=60,
        )

    def start(self) -> "Service":
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*self.through, sys.executable, "-m", "avatar_gen", "serve"],
                cwd=self.folder,
                env=self._environment(),
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and self.process.poll() is None:
            with contextlib.suppress(httpx.TransportError):
                if self.client.get("/api/health/ready").status_code == 200:
                    return self
            time.sleep(0.02)
        self.kill()
        raise AssertionError(f"the service did not start: {self.log.read_text()}")

    def stop(self) -> int:
        """Tell it to end; its exit status."""
        assert self.process
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=20)

    def kill(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait()

    def generate(self, **body: object) -> str:
        """Make an avatar; its id."""
        answer = self.client.post("/api/generate", json=body)
        assert answer.status_code == 201, answer.text
        identity: str = answer.json()["data"]["id"]
        return identity

    def object(self, avatar_id: str) -> Path:
        return self.folder / "storage" / "avatars" / avatar_id[:2] / f"{avatar_id}.zip"

    def _environment(self) -> dict[str, str]:
        ours = {*ENVIRONMENT, "CONFIG_PATH", "APP_ENV", "NODE_ENV"}
        kept = {name: value for name, value in os.environ.items() if name not in ours}
        return {**kept, "HOST": "127.0.0.1", "PORT": str(self.port), **self.environ}


MakeService = Callable[..., Service]


@pytest.fixture
def make_service(tmp_path: Path) -> Iterator[MakeService]:
    """Services for one test alone, stopped when it ends."""
    made: list[Service] = []

    def make(
        settings: Mapping[str, object] | None = None,
        environ: Mapping[str, str] | None = None,
        through: Sequence[str] = (),
    ) -> Service:
        made.append(Service(tmp_path / f"service{len(made)}", settings or {}, environ or {}, through))
        return made[-1]

    yield make
    for service in made:
        if service.process and service.process.poll() is None:
            service.stop()
        service.client.close()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server for the whole run; tests make databases in it."""
    server = Postgres()
    server.start()
    yield server
    server.destroy()


BOTH = pytest.mark.parametrize("kind", ["sqlite", "postgresql"])


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def service(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, postgres: Postgres
) -> Iterator[Service]:
    """One service on each database that many tests share; they may add avatars, and remove their own."""
    environ = {"DATABASE_URL": postgres.new_database()} if request.param == "postgresql" else {}
    shared = Service(tmp_path_factory.mktemp("shared"), environ=environ).start()
    yield shared
    assert shared.stop() == 0
    assert "Traceback" not in shared.log.read_text()
    shared.client.close()


@pytest.fixture
def client(service: Service) -> httpx.Client:
    return service.client


def assert_failure(answer: httpx.Response, status: int, *, mentions: str = "") -> dict[str, object]:
    """The one shape of every error."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    body: dict[str, object] = answer.json()
    assert set(body) <= {"statusCode", "message", "error", "details"}
    assert body["statusCode"] == status
    assert body["error"] == httpx.codes.get_reason_phrase(status)
    message = body["message"]
    assert isinstance(message, str)
    assert message.endswith(".")
    assert mentions in message
    return body
