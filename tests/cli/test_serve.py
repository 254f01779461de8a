import json
import os
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing
from ctypes.util import find_library
from pathlib import Path

import pytest

from avatar_gen import __version__
from tests.conftest import MakeApp, MakeService


def test_help_and_version(make_service: MakeService) -> None:
    service = make_service()
    assert service.run("--version").stdout == f"{__version__}\n"
    for command in ("serve", "migrate", "reindex"):
        assert command in service.run("--help").stdout
        assert service.run_process(command, "-h").returncode == 0
    assert service.run("nonsense", check=False).returncode == 2


def test_it_serves_from_any_folder_with_everything_below_it(make_service: MakeService) -> None:
    service = make_service().start()
    service.generate()
    below = {path.relative_to(service.folder).parts[:2] for path in service.folder.rglob("*")}
    assert {("storage", "avatars"), ("storage", "database")} <= below
    assert {parts[0] for parts in below} == {"storage", "settings.yaml", "log.jsonl"}
    service.wait_for_log(f"Avatars are stored in {service.folder / 'storage' / 'avatars'}")
    service.wait_for_log(f"Serving on http://127.0.0.1:{service.port}")
    service.wait_for_log(f"curl -X POST http://127.0.0.1:{service.port}/api/generate")
    assert service.stop() == 0
    messages = [json.loads(line)["message"] for line in service.log.read_text().splitlines()]
    assert messages.count("The service is stopping. It finishes the requests in flight") == 1
    assert messages[-1] == "The service has stopped"


def test_migrate_says_where_the_database_is_then(make_service: MakeService) -> None:
    service = make_service()
    for _ in range(2):
        assert service.run("migrate").stdout == "The database is at schema 0005.\n"


@pytest.mark.parametrize("command", ["serve", "migrate", "reindex"])
@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"cors": 5}, "settings.yaml: app.cors: expected a valid boolean"),
        ({"database": {"url": "mysql://u:secret@h/d"}}, "The database URL is not valid"),
    ],
)
def test_what_stops_a_start_is_one_line(
    make_service: MakeService, command: str, settings: dict[str, object], line: str
) -> None:
    service = make_service(settings)
    (service.folder / "storage" / "avatars" / "incoming").mkdir(parents=True)
    result = service.run(command, check=False)
    assert result.returncode == 1
    assert result.stdout == ""
    assert result.stderr.startswith(f"Error: {line}")
    assert result.stderr.count("\n") == 1
    assert "secret" not in result.stderr


def test_a_folder_that_cannot_be_written_stops_the_start(make_service: MakeService) -> None:
    service = make_service({"storage": {"local": {"save_path": "file/avatars"}}})
    (service.folder / "file").touch()
    result = service.run("serve", check=False)
    assert result.returncode == 1
    assert "file/avatars: objects cannot be stored here: [Errno 20]" in result.stderr


@pytest.mark.parametrize(
    ("without", "line"),
    [
        ("import numpy; del numpy.tile", "The style pixelize cannot be drawn (AttributeError: "),
        ("import sys; sys.modules['PIL._webp'] = None", "webp cannot be written ("),
        ("import sys; sys.modules['dicebear'] = None", "The library dicebear is missing."),
    ],
)
def test_a_broken_installation_stops_the_start(
    make_service: MakeService, tmp_path: Path, without: str, line: str
) -> None:
    """Not at the first picture. A part of a library is taken from a real process."""
    (tmp_path / "sitecustomize.py").write_text(without)
    service = make_service(environ={"PYTHONPATH": str(tmp_path)})
    for command in ("serve", "doctor"):
        result = service.run_process(command, check=False)
        assert result.returncode == 1
        assert line in (result.stderr if command == "serve" else result.stdout)


@pytest.mark.skipif(find_library("vips") is not None, reason="this machine has a libvips of its own")
def test_a_library_that_cannot_be_loaded_stops_every_command_with_its_name(
    make_service: MakeService, tmp_path: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text("import sys; sys.modules['_libvips'] = None")
    service = make_service(environ={"PYTHONPATH": str(tmp_path)})
    for command in ("serve", "doctor"):
        result = service.run_process(command, check=False)
        assert result.returncode == 1
        assert result.stderr.startswith("Error: cannot load library 'libvips")
        assert result.stderr.count("\n") == 1
        assert "Traceback" not in result.stderr
    assert not (service.folder / "storage").exists()


def test_without_migrations_no_tables_are_made(make_service: MakeService) -> None:
    service = make_service(environ={"RUN_MIGRATIONS": "false"})
    result = service.run("serve", check=False)
    assert result.returncode == 1
    assert result.stderr == (
        "Error: The database has no tables yet. Run: avatar-gen migrate, or start the service with"
        " RUN_MIGRATIONS=true\n"
    )
    with closing(sqlite3.connect(service.folder / "storage/database/avatars.db")) as database:
        assert database.execute("SELECT name FROM sqlite_master").fetchall() == []
    service.run("migrate")
    service.start().generate()


@pytest.mark.parametrize("host", ["no such host", "é" * 70, "203.0.113.1"])
def test_an_address_of_another_machine_stops_the_start(make_service: MakeService, host: str) -> None:
    result = make_service(environ={"HOST": host}).run("serve", check=False)
    assert result.returncode == 1
    assert result.stderr.startswith(f"Error: {host}:")
    assert result.stderr.count("\n") == 1


def test_a_port_that_is_taken_stops_the_start(make_service: MakeService) -> None:
    service = make_service()
    with closing(socket.socket()) as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", service.port))
        other.listen()
        result = service.run("serve", check=False)
    assert result.returncode == 1
    assert result.stderr == (
        f"Error: 127.0.0.1:{service.port}: cannot listen here: Address already in use;"
        " HOST and PORT set another address\n"
    )


def test_a_stale_database_stops_the_start_and_says_what_to_run(make_service: MakeService) -> None:
    service = make_service()
    service.run("migrate")
    (service.folder / "storage" / "avatars").mkdir()
    with closing(sqlite3.connect(service.folder / "storage/database/avatars.db")) as database:
        database.execute("UPDATE alembic_version SET version_num = '0000'")
        database.commit()
    for command in ("serve", "reindex"):
        result = service.run(command, check=False)
        assert result.returncode == 1
        assert "run: avatar-gen migrate" in result.stderr
    # There is no older release to migrate from yet: that it is tried shows in what is said of an unknown one.
    result = service.run("serve", "--migrate", check=False)
    assert result.returncode == 1
    assert "A newer release made this database" in result.stderr


@pytest.mark.parametrize(
    ("value", "status", "line"),
    [
        ("true", 1, "A newer release made"),
        ("0", 1, "run: avatar-gen migrate"),
        ("", 1, "run: avatar-gen migrate"),
        ("maybe", 2, "'maybe' is not a valid boolean"),
    ],
)
def test_the_environment_says_whether_to_migrate(
    make_service: MakeService, value: str, status: int, line: str
) -> None:
    service = make_service(environ={"RUN_MIGRATIONS": value})
    service.run("migrate")
    with closing(sqlite3.connect(service.folder / "storage/database/avatars.db")) as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
        database.commit()
    result = service.run("serve", check=False)
    assert (result.returncode, line in result.stderr) == (status, True), result.stderr


def test_it_can_be_stopped_while_it_waits_for_the_database(make_service: MakeService) -> None:
    service = make_service(environ={"DATABASE_URL": "postgresql://127.0.0.1:1/avatars"})
    with subprocess.Popen(
        [sys.executable, "-m", "avatar_gen", "serve"],
        cwd=service.folder,
        env={**os.environ, **service.environ},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        assert "does not answer yet (attempt 1)" in process.stdout.readline()
        process.terminate()
        assert process.wait(timeout=60) == 0


@pytest.mark.parametrize("arguments", [["reindex"], ["reindex", "--allow-empty"], ["backup", "b"]])
def test_in_a_folder_without_a_storage_a_command_says_so_and_makes_nothing(
    make_app: MakeApp, arguments: list[str]
) -> None:
    app = make_app()
    result = app.run(*arguments, check=False)
    assert result.returncode == 1
    assert "Run this in the folder of the service or set" in result.stderr
    assert [path.name for path in app.folder.iterdir()] == ["settings.yaml"]
