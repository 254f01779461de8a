"""A secret that the service is given it tells nobody: in no log, error, figure, document or command line."""

import hashlib
from pathlib import Path

import httpx
import psycopg
import pytest

from tests.conftest import MakeService, Service
from tests.servers.net import Proxy, free_port
from tests.servers.postgres import Postgres
from tests.slow.test_workers import children

CANARY = "canary-7f3a9c"

KEY = "canary-key-91bb20"
SHA256 = hashlib.sha256(KEY.encode()).hexdigest()


def with_canary(postgres: Postgres) -> httpx.URL:
    """The address of a database whose owner has the canary for a password."""
    url = httpx.URL(postgres.new_database())
    role = url.path.strip("/")
    with postgres.connect("postgres") as connection:
        connection.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{CANARY}'")
        connection.execute(f"ALTER DATABASE {role} OWNER TO {role}")
        connection.commit()
    return url.copy_with(username=role, password=CANARY, host="127.0.0.1")


def told(service: Service, port: int) -> list[str]:
    """All that anybody who can reach the service is told, when it is well and when it is not."""
    answers = [
        service.client.request(method, path, headers={"Authorization": f"Bearer {KEY}"})
        for method, path in (
            ("POST", "/api/generate"),
            ("POST", "/api/v2/generate"),
            ("GET", "/api/health"),
            ("GET", "/api/health/ready"),
            ("GET", "/api/list"),
            ("GET", "/api/list?after=%00"),
            ("GET", "/api/styles"),
            ("DELETE", "/api/00000000-0000-4000-8000-000000000000"),
            ("PUT", "/api/identities/" + "0" * 32),
            ("GET", "/openapi.json"),
            ("GET", "/swagger-json"),
            ("GET", "/swagger"),
            ("GET", "/nothing"),
        )
    ]
    answers.append(httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=10))
    return [f"{answer.headers} {answer.text}" for answer in answers]


def picker_token(service: Service) -> str:
    """Get a picker link and use its token."""
    key = {"Authorization": f"Bearer {KEY}"}
    answer = service.client.post("/api/picker-links", json={"identity": "0" * 32}, headers=key)
    token: str = answer.json()["data"]["url"].partition("#")[2]
    used = service.client.get("/api/picker", headers={"Authorization": f"Bearer {token}"})
    assert used.status_code == 200
    return token


def command_lines(service: Service) -> list[str]:
    """How the processes were started, which every user of the machine can see."""
    assert service.process
    pids = [service.process.pid, *children(service)]
    return [Path(f"/proc/{pid}/cmdline").read_text() for pid in pids]


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="it asks Linux for the command lines")
@pytest.mark.parametrize("where", ["the address", "a file"])
def test_passwords_of_the_database_and_keys_are_never_shown(
    make_service: MakeService, postgres: Postgres, tmp_path: Path, where: str
) -> None:
    url = with_canary(postgres)
    assert url.port
    proxy = Proxy(url.port)
    url = url.copy_with(port=proxy.port)
    environ = {"DATABASE_URL": str(url)}
    if where == "a file":
        (tmp_path / "password").write_text(f"{CANARY}\n")
        environ = {
            "DATABASE_URL": str(url).replace(f":{CANARY}@", "@"),
            "DATABASE_PASSWORD_FILE": str(tmp_path / "password"),
        }
    environ["AUTH_SIGNING_KEY"] = CANARY * 3
    port = free_port()
    settings = {
        "server": {"workers": 2},
        "logging": {"verbose": True},
        "metrics": {"port": port},
        "auth": {"api_keys": [{"name": "web", "sha256": SHA256}]},
    }
    service = make_service(settings, environ)
    try:
        service.start()
        said = told(service, port) + command_lines(service)
        token = picker_token(service)
        proxy.hang()
        said += told(service, port)
        assert any("The database is unavailable" in text for text in said)
    finally:
        proxy.close()
    service.stop()
    log = service.log.read_text()
    assert "DatabaseUnavailable" in log
    assert '"key": "web"' in log, "the key was known"
    assert '"route": "/api/picker"' in log, "the token was used"
    assert token not in log
    assert not [text for text in (*said, log) if any(secret in text for secret in (CANARY, KEY, SHA256))]


def test_a_wrong_password_is_not_shown_either(make_service: MakeService, postgres: Postgres) -> None:
    url = with_canary(postgres).copy_with(password=f"not-{CANARY}")
    connection = {"maxRetries": 2, "retryDelay": 0}
    service = make_service({"database": {"connection": connection}}, {"DATABASE_URL": str(url)})
    for command in ("serve", "migrate", "reindex"):
        result = service.run(command, check=False)
        assert result.returncode == 1
        assert "password authentication failed" in result.stderr
        assert CANARY not in result.stdout + result.stderr


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://u:{CANARY}@h:port/d",
        f"postgresql://u:{CANARY}@h/d?sslmode=none",
        f"postgresql://u:{CANARY}@[::1/d",
        f"mysql://u:{CANARY}@h/d",
        f"postgresql://u:{CANARY}",
        f"postgresql://u:{CANARY}@h/d?password={CANARY}&pasword={CANARY}",
    ],
)
def test_an_invalid_url_is_not_repeated(make_service: MakeService, url: str) -> None:
    connection = {"maxRetries": 1}
    service = make_service({"database": {"connection": connection}}, {"DATABASE_URL": url})
    result = service.run("serve", check=False)
    assert result.returncode == 1
    assert result.stderr.startswith("Error: ")
    assert CANARY not in result.stdout + result.stderr


def test_the_canary_is_the_password_indeed(postgres: Postgres) -> None:
    psycopg.connect(str(with_canary(postgres))).close()
