import json
import os
import shutil
import sqlite3
import subprocess
import tempfile
from contextlib import closing
from pathlib import Path

import pytest

from avatar_gen.errors import StartupError
from avatar_gen.services import redis_check
from avatar_gen.services.installation import require_photographs
from avatar_gen.settings.schema import Uploads
from tests.cli.conftest import Run
from tests.conftest import MakeApp, MakeService, Service
from tests.servers.avatars import ALONE
from tests.servers.net import free_port
from tests.servers.postgres import PASSWORD, Postgres
from tests.servers.redis import Redis, needs_redis


def examine(service: Service, status: int = 0) -> dict[str, tuple[str, str]]:
    result = service.run("doctor", "--json", check=False)
    assert result.returncode == status, result.stdout + result.stderr
    found = json.loads(result.stdout)
    assert found["healthy"] == (status == 0)
    return {each["name"]: (each["state"], each["text"]) for each in found["checks"]}


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_service_that_is_well(kind: str, make_service: MakeService, postgres: Postgres) -> None:
    service = make_service(environ={"DATABASE_URL": postgres.new_database()} if kind == "postgresql" else {})
    first = examine(service)
    assert first["storage"] == (
        "note",
        "storage/avatars: not there yet; the first start of the service makes it",
    )
    assert first["database"][0] == "note"
    assert not (service.folder / "storage").exists()
    service.start()
    service.generate()
    if kind == "sqlite" and ALONE:
        service.stop()
    checks = examine(service)
    assert list(checks) == [
        *(
            "python",
            "libvips",
            "formats",
            "fonts",
            "styles",
            "sqlite",
            "settings",
            "uploads",
            "additions",
            "keys",
            "database",
            "storage",
        )
    ]
    assert checks.pop("keys")[0] == "note"
    assert {state for state, _ in checks.values()} == {"ok"}
    assert "schema 0005, 1 avatars, can be written" in checks["database"][1]
    assert "can be written" in checks["storage"][1]
    assert PASSWORD not in str(checks)
    lines = service.run("doctor").stdout.splitlines()
    assert [line.split()[1] for line in lines if line.startswith("ok ")] == list(checks)
    assert len(lines) == len(checks) + 1


@pytest.mark.usefixtures("nothing_added")
def test_an_operators_palettes_and_styles_are_checked(make_service: MakeService, tmp_path: Path) -> None:
    definition = Path(__file__).parents[2] / "docs" / "definitions" / "pebble.json"
    shutil.copy(definition, tmp_path)
    house = ["#fff8f0", "#ffb000", "#dc267f", "#648fff", "#1b1035"]
    service = make_service({"palettes": {"house": house}, "styles": {"path": str(tmp_path)}})
    assert examine(service)["additions"] == ("ok", "1 palettes, 1 styles")
    (tmp_path / "odd.json").write_text("{}")
    (tmp_path / "smile.json").write_text("{}")
    state, text = examine(service, status=1)["additions"]
    assert state == "error"
    assert text.split("\n") == [
        f"{tmp_path}/odd.json: the definition lacks a required field",
        f"{tmp_path}/smile.json: is the name of a built-in style; choose another one",
    ]


def test_a_temporary_folder_that_cannot_be_written_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    assert require_photographs(Uploads()) == ["png", "webp", "avif", "jpeg", "gif"]
    monkeypatch.setattr(tempfile, "tempdir", "/nowhere")
    with pytest.raises(StartupError, match="Set TMPDIR to a folder that can be"):
        require_photographs(Uploads())


def test_a_database_that_is_away_is_a_fault_at_once(make_service: MakeService) -> None:
    url = f"postgresql://u:s3cret@127.0.0.1:{free_port()}/avatars"
    service = make_service(environ={"DATABASE_URL": url})
    state, text = examine(service, 1)["database"]
    assert state == "error"
    assert "did not answer in 1 attempts" in text
    assert "s3cret" not in text


@pytest.mark.parametrize(
    ("settings", "name", "text"),
    [
        (
            {"database": {"url": "mysql://u:s3cret@h/d"}},
            "database",
            "The database URL is not valid",
        ),
        ({"database": {"url": "file:./file/a.db"}}, "database", "file/a.db: cannot be made: "),
        ({"storage": {"local": {"save_path": "file"}}}, "storage", "file: objects cannot be stored here: "),
        ({"storage": {"local": {"save_path": "file/x"}}}, "storage", "file/x: cannot be made: "),
        ({"auth": {"api_keys_file": "none"}}, "keys", "none: "),
        ({"auth": {"signing_key_file": "none"}}, "keys", "none: the signing keys cannot be read: "),
        ({"cors": 5}, "settings", "settings.yaml: app.cors: expected a valid boolean"),
    ],
)
def test_a_fault_has_its_line(
    make_service: MakeService, settings: dict[str, object], name: str, text: str
) -> None:
    service = make_service(settings)
    (service.folder / "file").touch()
    checks = examine(service, 1)
    assert checks[name][0] == "error"
    assert checks[name][1].startswith(text)
    assert "s3cret" not in str(checks)


def test_a_database_that_was_lost_is_a_fault_until_a_reindex(make_service: MakeService) -> None:
    service = make_service().start()
    service.generate()
    service.kill()
    for path in (service.folder / "storage" / "database").iterdir():
        path.unlink()
    remedy = "but the storage has objects. Run: avatar-gen reindex"
    assert examine(service, 1)["database"][1].endswith(f"not there yet, {remedy}")
    service.start()
    service.stop()
    assert remedy in service.log.read_text()
    assert examine(service, 1)["database"][1].endswith(remedy)
    service.run("reindex")
    assert examine(service)["database"][0] == "ok"


def test_tables_of_another_release_are_a_fault(make_service: MakeService) -> None:
    service = make_service()
    service.run("migrate")
    with closing(sqlite3.connect(service.folder / "storage/database/avatars.db")) as database:
        database.execute("UPDATE alembic_version SET version_num = '0000'")
        database.commit()
    assert examine(service, 1)["database"][1].endswith("run: avatar-gen migrate")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a disk that is full")
def test_a_full_disk_is_a_fault(make_service: MakeService) -> None:
    service = make_service()
    storage = service.folder / "storage"
    storage.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(storage)],  # noqa: S607
        check=False,
        capture_output=True,
    )
    if mounted.returncode:
        pytest.skip("tmpfs cannot be mounted here")
    try:
        service.start()
        service.generate()
        service.stop()
        with pytest.raises(OSError, match="No space"):
            (storage / "ballast").write_bytes(b"\0" * 5_000_000)
        checks = examine(service, 1)
        assert checks["storage"][0] == "error"
        assert "full" in checks["storage"][1] or "No space" in checks["storage"][1]
    finally:
        subprocess.run(["umount", str(storage)], check=True)  # noqa: S607


def test_settings_are_shown_with_where_they_come_from(run: Run, tmp_path: Path) -> None:
    (tmp_path / "settings.yaml").write_text(
        "app:\n  server: {port: 8080}\n  database: {network: {password: hunter2}}\n"
        "  storage: {s3: {secret_key: hunter2, region: null}}\n"
    )
    (tmp_path / "settings.local.yaml").write_text("app: {logging: {level: warn}}")
    environ = {
        "DATABASE_URL": "postgresql://me:hunter2@db.example:5433/avatars?sslcert=hunter2",
        "LOG_LEVEL": "",
    }
    output = run("settings", "show", "--json", environ=environ).stdout
    found = json.loads(output)
    assert found["server.port"] == {"value": 8080, "origin": "settings.yaml"}
    assert found["server.host"] == {"value": "0.0.0.0", "origin": "default"}  # noqa: S104
    assert found["logging.level"] == {"value": "warn", "origin": "settings.local.yaml"}
    assert found["database.url"] == {
        "value": "postgresql://db.example:5433/avatars",
        "origin": "environment variable DATABASE_URL",
    }
    assert found["database.network.password"] == {"value": "********", "origin": "settings.yaml"}
    assert found["storage.s3.secret_key"] == {"value": "********", "origin": "settings.yaml"}
    text = run("settings", "show", environ=environ).stdout
    assert b"hunter2" not in output + text
    assert len(text.splitlines()) == len(found)
    for line in text.decode().splitlines():
        key, rest = line.split(maxsplit=1)
        assert rest.removesuffix(", default").endswith(found[key]["origin"])


def test_a_filter_shows_the_settings_that_differ_from_the_defaults(run: Run, tmp_path: Path) -> None:
    """The settings file of the repository lists all settings, with their defaults."""
    shipped = (Path(__file__).parents[2] / "settings.yaml").read_text(encoding="utf-8")
    (tmp_path / "settings.yaml").write_text(shipped, encoding="utf-8")

    def differing(**environ: str) -> list[str]:
        lines = run("settings", "show", environ=environ).stdout.decode().splitlines()
        assert len(lines) > 50
        return [line.split()[0] for line in lines if not line.endswith("default")]

    assert differing() == []
    assert differing(PORT="3000", LOG_LEVEL="warn") == ["logging.level"]


@pytest.mark.parametrize("url", ["postgresql://me:hun/ter2@h/n", "postgresql://h/n?pass=hunter2", "hunter2"])
def test_an_invalid_url_is_hidden_completely(run: Run, url: str) -> None:
    output = run("settings", "show", environ={"DATABASE_URL": url}).stdout
    assert b"hun" not in output
    assert b"********" in output


def test_every_setting_is_shown(run: Run) -> None:
    page = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text(encoding="utf-8")
    shown = json.loads(run("settings", "show", "--json").stdout)
    for key in shown:
        assert f"| `{key}` |" in page


@pytest.mark.parametrize("command", [("doctor",), ("stats",), ("export", "-o", "out")])
def test_what_changes_nothing_makes_no_folder(run: Run, tmp_path: Path, command: tuple[str, ...]) -> None:
    """The storage is there, but some of its folders are not."""
    run("migrate")
    (tmp_path / "storage/avatars/0a").mkdir(parents=True)
    (tmp_path / "storage/avatars/incoming").mkdir()
    before = sorted((tmp_path / "storage/avatars").rglob("*"))
    run(*command)
    assert sorted((tmp_path / "storage/avatars").rglob("*")) == before


def test_stats_only_reads_the_database(run: Run, tmp_path: Path) -> None:
    run("migrate")
    (tmp_path / "storage/avatars/incoming").mkdir(parents=True)
    with closing(sqlite3.connect(tmp_path / "storage/database/avatars.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        run("stats")


def test_who_must_be_able_to_write_the_database_is_named(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "storage/database/avatars.db").mkdir(parents=True)
    error = run("stats", status=1).stderr.decode()
    assert error == "Error: The database cannot be read: unable to open database file\n"
    monkeypatch.setattr("avatar_gen.database.schema.os.access", lambda _path, _mode: False)
    advice = f"user {os.geteuid()} must be able to write storage/database/avatars.db and its folder"
    assert run("stats", status=1).stderr.decode() == f"{error[:-1]}; {advice}\n"


@pytest.mark.parametrize(
    "command",
    [
        ("backup", "out"),
        ("export", "-o", "out"),
        ("copy-storage", "storage/avatars", "out"),
        ("reindex",),
        ("stats", "--check"),
        ("doctor",),
    ],
)
def test_a_storage_without_incoming_may_not_be_mounted(
    run: Run, tmp_path: Path, command: tuple[str, ...]
) -> None:
    """As where a program has copied it without its empty folders."""
    run("migrate")
    (tmp_path / "storage/avatars/0a").mkdir(parents=True)
    before = sorted(tmp_path.rglob("*"))
    result = run(*command, status=1)
    line = (
        "storage/avatars/incoming: there is no such folder, so the volume may not be mounted."
        " If it is mounted, run: mkdir storage/avatars/incoming\n"
    )
    if command != ("doctor",):
        assert (result.stdout, result.stderr.decode()) == (b"", f"Error: {line}")
    assert line in (result.stdout + result.stderr).decode()
    assert sorted(tmp_path.rglob("*")) == before
    (tmp_path / "storage/avatars/incoming").mkdir()
    run(*command)


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("DROP TABLE avatar_total", "The database lacks these tables: avatar_total"),
        ("DROP TABLE alembic_version", "The database lacks these tables: alembic_version"),
        ("DELETE FROM alembic_version", "The table alembic_version has no row"),
        ("DELETE FROM avatar_total", "The table avatar_total has no row. Run: avatar-gen reindex"),
    ],
)
def test_what_a_database_lacks_is_named(run: Run, tmp_path: Path, statement: str, words: str) -> None:
    run("migrate")
    with closing(sqlite3.connect(tmp_path / "storage/database/avatars.db")) as other:
        other.execute(statement)
        other.commit()
    checks = {each["name"]: each for each in json.loads(run("doctor", "--json", status=1).stdout)["checks"]}
    assert checks["database"]["state"] == "error"
    assert words in checks["database"]["text"]


@pytest.mark.parametrize(
    ("name", "kind"),
    [("7f", "itself"), ("incoming", "nowhere"), ("identities/ab", "file"), ("", "itself"), ("", "nowhere")],
)
def test_what_is_no_folder_is_named_with_what_to_do(run: Run, tmp_path: Path, name: str, kind: str) -> None:
    path = tmp_path / "storage/avatars" / name
    path.parent.mkdir(parents=True)
    if kind == "file":
        path.touch()
    else:
        path.symlink_to(path.name if kind == "itself" else "missing")
    checks = {each["name"]: each for each in json.loads(run("doctor", "--json", status=1).stdout)["checks"]}
    assert checks["storage"]["state"] == "error"
    assert str(path.relative_to(tmp_path)) in checks["storage"]["text"]
    assert "not a folder" in checks["storage"]["text"]


def test_folders_that_cannot_be_used_are_a_fault(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("incoming", "7f", "identities/ab"):
        (tmp_path / "storage/avatars" / name).mkdir(parents=True)
    access = os.access
    refused = ("/7f", "/identities/ab")
    monkeypatch.setattr(
        os, "access", lambda path, mode: not str(path).endswith(refused) and access(path, mode)
    )
    checks = {each["name"]: each for each in json.loads(run("doctor", "--json", status=1).stdout)["checks"]}
    assert checks["storage"]["state"] == "error"
    assert "cannot read and write 2 folders, such as storage/avatars/7f" in checks["storage"]["text"].replace(
        f"{tmp_path}/", ""
    )


@needs_redis
def test_redis_and_the_broker_are_checked_if_they_are_set(
    run: Run, redis: Redis, make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    environ = {"REDIS_URL": redis.url, "JOBS_BROKER": redis.url}

    def found(status: int = 0) -> dict[str, tuple[str, str]]:
        output = run("doctor", "--json", environ=environ, status=status).stdout
        checks = {each["name"]: (each["state"], each["text"]) for each in json.loads(output)["checks"]}
        return {name: checks[name] for name in ("redis", "broker")}

    assert [state for state, _ in found().values()] == ["ok", "ok"]
    where = f"127.0.0.1:{redis.port}/0: "
    assert found()["broker"][1].startswith(where)
    assert found()["broker"][1].endswith(", noeviction")
    with redis.client() as client:
        client.config_set("maxmemory", 50_000_000)
        state, text = found()["redis"]
        assert state == "note"
        assert "may hold 50 MB and refuses writes" in text
        assert found()["broker"][0] == "ok"
        client.config_set("maxmemory-policy", "allkeys-lru")
        assert found()["redis"][0] == "ok"
        state, text = found()["broker"]
        assert state == "note"
        assert "may remove messages to workers (allkeys-lru)" in text
        assert text.endswith("Set maxmemory-policy to noeviction or volatile-lru")
    monkeypatch.setattr(redis_check, "_OLDEST", 100)
    state, text = found(status=1)["broker"]
    assert state == "error"
    assert text.endswith("is too old; use Redis 100 or newer, or Valkey")
    app = make_app(environ=environ).start()
    redis.kill()
    for state, text in found(status=1).values():
        assert state == "error"
        assert "the server does not answer" in text
    answer = app.client.get("/api/health")
    assert answer.json()["message"] == "The service is healthy; down, but not required: redis, broker"
    assert answer.json()["data"]["checks"]["broker"] == {"status": "down", "type": "redis"}
    assert app.client.get("/api/health/ready").json()["message"] == "Ready"


def test_a_redis_with_a_password_keeps_it_secret(run: Run) -> None:
    environ = {"REDIS_URL": f"redis://u:hunter2@127.0.0.1:{free_port()}/0"}
    assert b"hunter2" not in run("doctor", environ=environ, status=1).stdout
