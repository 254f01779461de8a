"""The fixtures that all tests share: services, applications, and a PostgreSQL server."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import httpx
import hypothesis
import pytest
from pydantic import SecretStr

from avatar_gen.services.additions import Additions, serve_additions
from avatar_gen.settings.schema import Database
from tests.servers.commands import restore_interrupts
from tests.servers.postgres import Postgres
from tests.servers.redis import Redis
from tests.servers.service import App, Service

if TYPE_CHECKING:
    from tests.servers.s3 import S3Server

__all__ = ["BOTH", "App", "MakeApp", "MakeService", "Service", "assert_failure", "database"]

restore_interrupts()

# An example may take any time: on a busy machine a deadline would fail code that is correct.
hypothesis.settings.register_profile("avatars", deadline=None)
hypothesis.settings.load_profile("avatars")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--record-golden", action="store_true", help="write golden pictures that are missing")
    parser.addoption(
        "--screenshots", action="store_true", help="write the screenshots of the page to docs/page"
    )


def database(url: str | None, driver: Literal["sqlite", "postgresql"] = "sqlite") -> Database:
    """Return the settings of a database with this URL."""
    return Database(url=None if url is None else SecretStr(url), driver=driver)


MakeService = Callable[..., Service]
MakeApp = Callable[..., App]


@pytest.fixture
def make_service(tmp_path: Path) -> Iterator[MakeService]:
    """Return a function that makes services, as processes, for one test; they stop when it ends."""
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
        service.close()


@pytest.fixture
def make_app(tmp_path: Path) -> Iterator[MakeApp]:
    """Return a function that makes applications in this process for one test; they stop when it ends."""
    made: list[App] = []

    def make(settings: Mapping[str, object] | None = None, environ: Mapping[str, str] | None = None) -> App:
        made.append(App(tmp_path / f"app{len(made)}", settings or {}, environ or {}))
        return made[-1]

    yield make
    for app in made:
        app.close()


@pytest.fixture
def nothing_added() -> Iterator[None]:
    """Leave this process without the palettes and styles that commands in it have served."""
    yield
    serve_additions(Additions({}, {}))


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server for all tests of this pytest process; each makes databases in it."""
    server = Postgres()
    server.start()
    yield server
    server.destroy()


@pytest.fixture(scope="session")
def s3() -> Iterator["S3Server"]:
    """An S3 server for all tests of this pytest process; each makes buckets in it."""
    # Imported here, because the import is slow and few tests need it.
    from tests.servers.s3 import S3Server  # noqa: PLC0415

    server = S3Server()
    server.start()
    yield server
    server.destroy()


@pytest.fixture
def redis(monkeypatch: pytest.MonkeyPatch) -> Iterator[Redis]:
    """A Redis server for one test, which may pause or kill it. This process waits 10 s for its answers."""
    # On a busy machine the 50 ms of the service would pass without a reason.
    monkeypatch.setattr("avatar_gen.runtime.redis_client.TIMEOUT_SECONDS", 10)
    server = Redis().start()
    yield server
    server.destroy()


BOTH = pytest.mark.parametrize("kind", ["sqlite", "postgresql"])


@pytest.fixture(scope="session")
def services(postgres: Postgres) -> Iterator[dict[str, Service]]:  # noqa: ARG001 - it is to stop after them
    """The services that many tests share, by the kind of their database, once each is started."""
    started: dict[str, Service] = {}
    yield started
    for service in started.values():
        assert service.stop() == 0
        assert "Traceback" not in service.log.read_text()
        service.client.close()


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def service(
    request: pytest.FixtureRequest,
    services: dict[str, Service],
    tmp_path_factory: pytest.TempPathFactory,
    postgres: Postgres,
) -> Service:
    """One service for each database. Many tests share it; they may add avatars and delete their own."""
    kind = request.param
    if kind not in services:
        environ = {"DATABASE_URL": postgres.new_database()} if kind == "postgresql" else {}
        environ["AUTH_SIGNING_KEY"] = "k" * 32
        services[kind] = Service(tmp_path_factory.mktemp("shared"), environ=environ).start()
    return services[kind]


@pytest.fixture
def client(service: Service) -> httpx.Client:
    return service.client


def assert_failure(answer: httpx.Response, status: int, *, mentions: str = "") -> dict[str, object]:
    """Check the shape that all errors have; return the body."""
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
