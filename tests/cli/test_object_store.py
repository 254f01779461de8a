"""The service and its commands with an object store, against a real S3 server."""

import json
from pathlib import Path

import pytest

from avatar_gen.objects.cloud import CloudStore
from avatar_gen.objects.cloud_identities import CloudIdentityStore
from tests.conftest import App, MakeApp
from tests.servers.postgres import PASSWORD, Postgres
from tests.servers.s3 import S3Server
from tests.services.test_legacy_import import old_object

MD5 = "0" * 32


@pytest.fixture
def section(s3: S3Server) -> dict[str, object]:
    return s3.section()


@pytest.fixture
def app(make_app: MakeApp, section: dict[str, object]) -> App:
    return make_app({"storage": {"type": "s3", "s3": section}}).start()


def url_of(section: dict[str, object]) -> str:
    return f"s3://{section['bucket']}/{section['prefix']}"


def fill(app: App) -> list[str]:
    ids = sorted(app.generate(seed=f"person {number}") for number in range(5))
    assert app.client.put(f"/api/identities/{MD5}", json={"avatarId": ids[0]}).status_code == 200
    return ids


def test_avatars_are_stored_served_and_deleted(app: App, s3: S3Server, section: dict[str, object]) -> None:
    one, *_ = fill(app)
    first = app.client.get(f"/api/{one}?size=5")
    assert (first.status_code, first.headers["content-type"]) == (200, "image/png")
    assert app.client.get(f"/api/{one}?size=5").content == first.content
    assert app.client.get(f"/avatar/{MD5}?s=64").status_code == 200
    health = app.client.get("/api/health").json()["data"]
    assert health["checks"]["storage"] == {"status": "up", "type": "s3"}
    # Another replica deletes it. This one has it in memory, and still asks the store.
    other = CloudStore(s3.bucket(section), "s3")
    with other.removing(one):
        assert app.client.get(f"/api/{one}?size=5").status_code == 404
    assert app.client.get(f"/api/{one}?size=5").status_code == 404
    assert app.client.delete(f"/api/{one}").status_code == 200
    assert app.client.delete(f"/api/{one}").status_code == 404
    assert app.client.get("/api/list").json()["data"]["pagination"]["total"] == 4


def test_commands_know_it(app: App, section: dict[str, object], tmp_path: Path) -> None:
    ids = fill(app)
    doctor = json.loads(app.run("doctor", "--json").stdout)
    assert {each["name"]: each["text"] for each in doctor["checks"]}["storage"] == (
        f"{url_of(section)}: can be written"
    )
    stats = json.loads(app.run("stats", "--check", "--json").stdout)
    assert (stats["objects"], stats["damaged"]) == (5, [])
    assert stats["bytes"] > 5000
    assert app.run("backup", str(tmp_path / "backup")).stdout.startswith("5 avatars copied")
    assert app.client.delete(f"/api/{ids[0]}").status_code == 200
    app.run("restore", str(tmp_path / "backup"))
    assert app.client.get(f"/api/{ids[0]}").status_code == 200
    assert app.run("export", "-o", str(tmp_path / "exported")).stdout.startswith("5 ")
    assert app.run("reindex").stdout.startswith("5 avatars: 0 rows added, 0 removed")


def test_reindex_adds_and_removes_rows(app: App, s3: S3Server, section: dict[str, object]) -> None:
    ids = fill(app)
    store = CloudStore(s3.bucket(section), "s3")
    for avatar_id in ids[:2]:
        with store.removing(avatar_id):
            pass
    assert app.run("reindex").stdout.startswith("3 avatars: 0 rows added, 2 removed")
    assert app.client.get("/api/list").json()["data"]["pagination"]["total"] == 3


def test_a_settings_file_of_the_old_service_starts(
    make_app: MakeApp, postgres: Postgres, section: dict[str, object]
) -> None:
    """The old service used S3 and PostgreSQL by default."""
    postgres.new_database()
    network = {"host": "127.0.0.1", "port": postgres.port, "database": postgres.last_database}
    account = {"username": "postgres", "password": PASSWORD, "ssl": False, "synchronize": False}
    attempts = {"maxRetries": 3, "retryDelay": 2000}
    settings = {
        "storage": {"type": "s3", "local": {"save_path": "./x"}, "s3": {**section, "connection": attempts}},
        "database": {
            "driver": "postgresql",
            "synchronize": False,
            "connection": attempts,
            "network": {**network, **account},
        },
        "server": {"host": "localhost", "port": 3000},
        "logging": {"level": "warn", "verbose": False, "pretty": False},
        "cors": True,
        "corsEnabled": ["http://localhost:5173"],
    }
    app = make_app(settings).start()
    assert app.client.get(f"/api/{app.generate()}").status_code == 200
    checks = app.client.get("/api/health").json()["data"]["checks"]
    assert {name: check["type"] for name, check in checks.items()} == {
        "database": "postgresql",
        "storage": "s3",
        "storage-write": "s3",
    }


class TestCopyStorage:
    def test_copies_both_ways_and_continues_where_it_stopped(
        self, app: App, section: dict[str, object], tmp_path: Path
    ) -> None:
        ids = fill(app)
        folder = str(tmp_path / "folder")
        result = app.run("copy-storage", url_of(section), folder)
        assert result.stdout == (
            "5 avatars copied, 0 were there already, 0 only there (--delete deletes them),"
            " 1 identity links, 0 failed.\n"
        )
        assert sorted(path.stem for path in Path(folder).rglob("*.zip")) == ids
        Path(f"{folder}/{ids[1][:2]}/{ids[1]}.zip").write_bytes(b"cut off")
        app.client.delete(f"/api/{ids[0]}")
        result = app.run("copy-storage", url_of(section), folder, "--delete")
        assert result.stdout.startswith("1 avatars copied, 3 were there already, 1 deleted there, 1 identity")
        back = f"{url_of(section)}/back"
        assert app.run("copy-storage", folder, back).stdout.startswith("4 avatars copied, 0 were there")
        assert app.run("copy-storage", folder, back).stdout.startswith("0 avatars copied, 4 were there")

    def test_reports_what_is_damaged(
        self, app: App, s3: S3Server, section: dict[str, object], tmp_path: Path
    ) -> None:
        damaged, *_ = fill(app)
        bucket = s3.bucket(section)
        bucket.put(f"objects/{damaged}.zip", b"damaged")
        result = app.run("copy-storage", url_of(section), str(tmp_path / "folder"), check=False)
        assert result.returncode == 3
        assert result.stdout.startswith("4 avatars copied")
        assert damaged in result.stderr
        assert CloudIdentityStore(bucket).get(MD5) == damaged

    @pytest.mark.parametrize(
        ("places", "reason"),
        [
            (("a", "a"), "FROM and TO are the same"),
            (("ftp://host/x", "a"), "expected a folder, or s3://, gs:// or az:// with a bucket"),
            (("missing", "a"), "there are no objects here"),
        ],
    )
    def test_refuses_invalid_places(self, make_app: MakeApp, places: tuple[str, str], reason: str) -> None:
        result = make_app().run("copy-storage", *places, check=False)
        assert result.returncode in {1, 2}
        assert reason in result.stderr


def test_import_takes_over_the_old_service_s_bucket(app: App, s3: S3Server, tmp_path: Path) -> None:
    ids = [f"{number}0000000-0000-4000-8000-000000000000" for number in range(3)]
    old = s3.bucket(old_section := s3.section())
    empty = app.run("import", "--storage", url_of(old_section), check=False)
    assert (empty.returncode, empty.stdout) == (1, "")
    assert f"Error: {url_of(old_section)}: there are no objects here." in empty.stderr
    for avatar_id in ids:
        old_object(tmp_path, avatar_id)
        old.put(f"avatars/{avatar_id}.obj", (tmp_path / f"{avatar_id}.obj").read_bytes())
    old.put("avatars/README.txt", b"of the operator")
    old.put(f"avatars/{ids[0][:-1]}1.obj", b"damaged")
    result = app.run("import", "--storage", url_of(old_section), check=False)
    assert result.returncode == 3
    assert result.stdout.startswith("4 objects: 3 imported (0 with changes), 0 were there already")
    assert app.client.get(f"/api/{ids[1]}").status_code == 200
    again = app.run("import", "--storage", f"{url_of(old_section)}/avatars", check=False)
    assert again.stdout.startswith("4 objects: 0 imported (0 with changes), 3 were there already")
