"""Data of the old service, in every form that it wrote."""

import hashlib
import io
import json
import os
import sqlite3
import subprocess
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
from PIL import Image

from avatar_gen.database.legacy import milliseconds
from avatar_gen.drawing.filters import FILTERS
from tests.conftest import App, MakeApp
from tests.servers.postgres import Postgres

CREATED = datetime(2025, 3, 1, 12, 30, 45, 678000, tzinfo=UTC)

PRISMA_INTEGER = """CREATE TABLE avatars (
    id TEXT NOT NULL PRIMARY KEY, name TEXT NOT NULL,
    createdAt DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP, version TEXT NOT NULL DEFAULT '0.0.1',
    filePath TEXT NOT NULL UNIQUE, primaryColor TEXT, foreignColor TEXT, colorScheme TEXT, seed TEXT)"""
TYPEORM = """CREATE TABLE avatars (
    id varchar PRIMARY KEY NOT NULL, name varchar NOT NULL,
    createdAt datetime NOT NULL DEFAULT (datetime('now')), version varchar NOT NULL DEFAULT ('0.0.1'),
    filePath varchar NOT NULL UNIQUE, primaryColor varchar, foreignColor varchar,
    colorScheme varchar, seed varchar(32), generatorType varchar DEFAULT ('pixelize'))"""
TYPEORM_COLUMNS = (
    *("id", "name", "createdAt", "version", "filePath"),
    *("primaryColor", "foreignColor", "colorScheme", "seed", "generatorType"),
)
POSTGRESQL = """CREATE TABLE avatars (
    id uuid PRIMARY KEY, name varchar NOT NULL, "createdAt" timestamp NOT NULL DEFAULT now(),
    version varchar NOT NULL DEFAULT '0.0.1', "filePath" varchar NOT NULL UNIQUE, "primaryColor" varchar,
    "foreignColor" varchar, "colorScheme" varchar, seed varchar(32), "generatorType" varchar)"""


def picture(px: int, colours: int) -> Image.Image:
    """An opaque RGBA picture of so many colours, as the old service drew all of its."""
    chance = np.random.default_rng(px * 1000 + colours)
    palette = chance.integers(0, 256, (colours, 3), dtype=np.uint8)
    rgb = palette[chance.integers(0, colours, (px, px))]
    return Image.fromarray(np.dstack((rgb, np.full((px, px), 255, np.uint8))), "RGBA")


def png_of(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def old_object(folder: Path, identity: str, colours: int = 2, **changes: object) -> None:
    content: dict[str, object] = {
        "meta_data_name": identity,
        "meta_data_created_at": "2025-03-01T12:30:45.678Z",
        **{f"image_{n}n": list(png_of(picture(1 << n, colours))) for n in range(4, 10)},
        **changes,
    }
    (folder / f"{identity}.obj").write_text(json.dumps(content))


def pixels(png: bytes) -> np.ndarray:
    image = Image.open(io.BytesIO(png))
    assert not image.has_transparency_data
    return np.asarray(image.convert("RGB"))


def fingerprint(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture
def old(tmp_path: Path) -> Path:
    folder = tmp_path / "old" / "avatars"
    folder.mkdir(parents=True)
    return folder


def run_import(app: App, *arguments: str, status: int = 0) -> subprocess.CompletedProcess[str]:
    result = app.run("import", *arguments, check=False)
    assert result.returncode == status, result.stderr
    assert "Traceback" not in result.stderr
    return result


def summary(  # noqa: PLR0913 - the counts of an import
    objects: int,
    *,
    imported: int = 0,
    changed: int = 0,
    existing: int = 0,
    orphans: int = 0,
    failed: int = 0,
    rows_alone: int = 0,
) -> str:
    assert objects == imported + existing + orphans + failed
    return (
        f"{objects} objects: {imported} imported ({changed} with changes), {existing} were there already,"
        f" {orphans} left out without a record, {failed} could not be read;"
        f" {rows_alone} records have no object.\n"
    )


def listed(app: App) -> dict[str, dict[str, Any]]:
    avatars = app.client.get("/api/list?pick=100").json()["data"]["avatars"]
    return {each["id"]: each for each in avatars}


@pytest.mark.parametrize("colours", [2, 256, 257, 700])
def test_pictures_come_over_pixel_for_pixel(make_app: MakeApp, old: Path, colours: int) -> None:
    identity = str(uuid4())
    old_object(old, identity, colours)
    before = fingerprint(old)
    app = make_app()
    result = run_import(app, "--storage", str(old))
    assert result.stdout == summary(1, imported=1)
    assert result.stderr == "Without --database the types, colours and seeds of the avatars are not known.\n"
    app.start()
    for n in range(4, 10):
        expected = np.asarray(picture(1 << n, colours).convert("RGB"))
        answer = app.client.get(f"/api/{identity}?size={n}")
        assert np.array_equal(pixels(answer.content), expected)
        for name, recolour in FILTERS.items():
            filtered = app.client.get(f"/api/{identity}?size={n}&filter={name}").content
            assert np.array_equal(pixels(filtered).reshape(-1, 3), recolour(expected.reshape(-1, 3)))
    assert answer.headers["x-created-at"] == "2025-03-01T12:30:45.678Z"
    assert app.client.get(f"/api/{identity}?format=webp").status_code == 200
    assert fingerprint(old) == before


@pytest.mark.parametrize(
    ("names", "hint"),
    [
        ([], "Give the folder or the bucket with the old service's files ID.obj."),
        (
            ["notes.obj", f"{uuid4()}.zip"],
            "Give the folder or the bucket with the old service's files ID.obj.",
        ),
        (["checksums.sha256", "identities.jsonl"], "It is a backup: use `avatar-gen restore`."),
        (["manifest.jsonl"], "It is an export: use --exported."),
    ],
    ids=["empty", "other files", "backup", "export"],
)
@pytest.mark.parametrize("option", [None, "--database"])
def test_a_folder_without_objects_is_an_error(
    make_app: MakeApp, old: Path, names: list[str], hint: str, option: str | None
) -> None:
    for name in names:
        (old / name).write_text("")
    url = old_sqlite(old, PRISMA_INTEGER, rows([str(uuid4())], 0, None))
    options = (option, url) if option else ()
    result = run_import(make_app(), "--storage", str(old), *options, status=1)
    assert result.stdout == ""
    assert result.stderr.splitlines()[-1] == f"Error: {old}: there are no objects here. {hint}"


def test_an_export_without_objects_is_an_error(make_app: MakeApp, tmp_path: Path) -> None:
    (tmp_path / "manifest.jsonl").write_text("")
    result = run_import(make_app(), "--exported", str(tmp_path), status=1)
    assert result.stdout == ""
    assert result.stderr == f"Error: {tmp_path}: there are no objects here: manifest.jsonl is empty\n"


def test_an_import_of_what_is_there_already_is_no_error(make_app: MakeApp, old: Path, tmp_path: Path) -> None:
    old_object(old, str(uuid4()))
    app = make_app()
    run_import(app, "--storage", str(old))
    assert run_import(app, "--storage", str(old)).stdout == summary(1, existing=1)
    app.run("export", "-o", str(tmp_path / "exported"))
    again = run_import(app, "--exported", str(tmp_path / "exported"))
    assert again.stdout == "0 imported, 1 were there already, 0 could not be read.\n"


def insert(mark: str, count: int) -> str:
    return f"INSERT INTO avatars VALUES ({', '.join([mark] * count)})"  # noqa: S608 - marks alone


def rows(ids: list[str], moment: object, kinds: list[str] | None) -> list[tuple[object, ...]]:
    made: list[tuple[object, ...]] = []
    for number, identity in enumerate(ids):
        row = (
            identity,
            identity,
            moment,
            "0.0.1",
            f"/x/{identity}.obj",
            "#FF0000",
            "blue",
            None,
            f"seed {number}",
        )
        made.append((*row, kinds[number % len(kinds)]) if kinds else row)
    return made


@pytest.mark.parametrize(
    ("schema", "moment", "kinds"),
    [
        (PRISMA_INTEGER, int(CREATED.timestamp() * 1000), None),
        (PRISMA_INTEGER, "2025-03-01T12:30:45.678Z", None),
        (PRISMA_INTEGER, "2025-03-01T12:30:45.678+00:00", None),
        (TYPEORM, "2025-03-01 12:30:45", ["wave", "gradient"]),
        (POSTGRESQL, datetime(2025, 3, 1, 12, 30, 45), ["wave", "pixelize"]),  # noqa: DTZ001 - it had no zone
    ],
    ids=["prisma-integer", "prisma-text", "prisma-zone", "typeorm-sqlite", "typeorm-postgresql"],
)
def test_records_come_over_from_every_schema(  # noqa: PLR0913, PLR0917 - a table of old schemas
    make_app: MakeApp,
    old: Path,
    request: pytest.FixtureRequest,
    schema: str,
    moment: object,
    kinds: list[str] | None,
) -> None:
    ids = sorted(str(uuid4()) for _ in range(4))
    for identity in ids[:3]:
        # The oldest objects do not say when they were created; their records do.
        old_object(old, identity, meta_data_created_at=None)
    data = rows(ids, moment, kinds)
    if schema is POSTGRESQL:
        url = old_postgresql(request.getfixturevalue("postgres"), data)
    else:
        url = old_sqlite(old, schema, data)
    before = fingerprint(old.parent)
    app = make_app()
    result = run_import(app, "--storage", str(old), "--database", url, status=3)
    assert result.stdout == summary(3, imported=3, rows_alone=1)
    assert result.stderr == f"{ids[3]}: not imported: it has a record and no object\n"
    assert fingerprint(old.parent) == before
    app.start()
    avatars = listed(app)
    assert list(avatars) == ids[:3]
    for number, each in enumerate(avatars.values()):
        assert each["createdAt"].startswith("2025-03-01T12:30:45.")
        assert (each["primaryColor"], each["foreignColor"], each["colorScheme"]) == ("#FF0000", "blue", None)
        assert each["seed"] == f"seed {number}"
        assert each["generatorType"] == (kinds[number % 2] if kinds else "pixelize")
        assert app.client.get(f"/api/{each['id']}").status_code == 200


def old_sqlite(old: Path, schema: str, data: list[tuple[object, ...]]) -> str:
    """Make the old service's database; return its URL."""
    with closing(sqlite3.connect(old.parent / "database.sqlite")) as connection:
        connection.execute(schema)
        connection.execute("CREATE TABLE _prisma_migrations (id TEXT)")
        connection.executemany(insert("?", len(data[0])), data)
        connection.commit()
    return f"file:{old.parent}/database.sqlite"


def old_postgresql(postgres: Postgres, data: list[tuple[object, ...]]) -> str:
    """Make the old service's database; return its URL."""
    url = postgres.new_database()
    with postgres.connect(postgres.last_database) as connection:
        connection.execute(POSTGRESQL)
        connection.execute("CREATE TABLE migrations (id int)")
        for row in data:
            connection.execute(insert("%s", 10), row)
    return url


def test_it_can_be_run_again_and_beside_new_avatars(make_app: MakeApp, old: Path) -> None:
    first, second = str(uuid4()), str(uuid4()).upper()
    old_object(old, first)
    app = make_app().start()
    ours = app.generate()
    app.stop()
    assert run_import(app, "--storage", str(old)).stdout == summary(1, imported=1)
    old_object(old, second)
    assert run_import(app, "--storage", str(old)).stdout == summary(2, imported=1, existing=1)
    assert run_import(app, "--storage", str(old)).stdout == summary(2, existing=2)
    app.start()
    page = app.client.get("/api/list").json()["data"]
    assert {each["id"] for each in page["avatars"]} == {first, second.lower(), ours}
    assert page["pagination"]["total"] == 3


def test_it_can_share_the_old_services_folder_and_database(make_app: MakeApp) -> None:
    """The settings of the old service may stay as they were."""
    app = make_app()
    avatars, folder = (app.folder / "storage" / name for name in ("avatars", "database"))
    avatars.mkdir(parents=True)
    folder.mkdir()
    identity = str(uuid4())
    old_object(avatars, identity)
    with closing(sqlite3.connect(folder / "avatars.db")) as connection:
        connection.execute(TYPEORM)
        connection.executemany(insert("?", 10), rows([identity], "2025-03-01 12:30:45", ["wave"]))
        connection.commit()
    url = "file:./storage/database/avatars.db"
    result = run_import(app, "--storage", "storage/avatars", "--database", url)
    assert result.stdout == summary(1, imported=1)
    app.start()
    assert listed(app)[identity]["generatorType"] == "wave"
    assert app.client.get(f"/api/{identity}").status_code == 200
    with closing(sqlite3.connect(folder / "avatars.db")) as connection:
        assert connection.execute("SELECT count(*) FROM avatars").fetchone() == (1,)


BROKEN: dict[str, str | bytes] = {
    "its file is not JSON": "it is not JSON, but: [",
    "its file is not a JSON object": "[]",
    "the JSON in its file is nested too deeply": "[" * 100_000,
    "its file is not text in UTF-8": b"\xff\xfe",
}


def test_what_cannot_be_read_is_said_and_passed_over(make_app: MakeApp, old: Path) -> None:
    expected = {}
    for reason, content in BROKEN.items():
        identity = str(uuid4())
        (old / f"{identity}.obj").write_bytes(content if isinstance(content, bytes) else content.encode())
        expected[identity] = reason
    whole = str(uuid4())
    old_object(old, whole)
    transparent = png_of(Image.new("RGBA", (16, 16), (1, 2, 3, 4)))
    changes: list[tuple[dict[str, Any], str]] = [
        ({"image_4n": None}, "it has no image_4n"),
        ({"image_5n": ["a"]}, "image_5n is not a list of bytes"),
        ({"image_5n": [1, 2, 3]}, "image_5n: "),
        ({"image_5n": [300]}, "image_5n is not a list of bytes"),
        ({"image_9n": list(png_of(picture(16, 2)))}, "image_9n has 16 px"),
        ({"image_4n": list(transparent)}, "image_4n: "),
        ({"image_4n": list(png_of(Image.new("RGBA", (16, 8), "red")))}, "image_4n: "),
        ({"image_9n": list(png_of(picture(512, 2))[:-200])}, "image_9n: "),
    ]
    for change, reason in changes:
        identity = str(uuid4())
        old_object(old, identity, **change)
        expected[identity] = reason
    pipe, folder, sparse = (str(uuid4()) for _ in range(3))
    os.mkfifo(old / f"{pipe}.obj")
    (old / f"{folder}.obj").mkdir()
    (old / f"{sparse}.obj").touch()
    os.truncate(old / f"{sparse}.obj", 1 << 40)
    expected |= dict.fromkeys((pipe, folder), "its file cannot be read: it is not a regular file")
    expected[sparse] = f"its file cannot be read: it has {1 << 40} bytes, more than 64000000"
    (old / "notes.txt").write_text("passed over")
    app = make_app()
    result = run_import(app, "--storage", str(old), status=3)
    failed = len(expected)
    assert result.stdout == summary(failed + 1, imported=1, failed=failed)
    for identity, reason in expected.items():
        assert f"{identity}: not imported: {reason}" in result.stderr
    app.start()
    assert list(listed(app)) == [whole]


def test_a_file_in_upper_case_beside_its_twin_is_counted_as_another_one(make_app: MakeApp, old: Path) -> None:
    identity = "abcdef00-0000-4000-8000-00000000abcd"
    old_object(old, identity, colours=2)
    old_object(old, identity.upper(), colours=3)
    result = run_import(app := make_app(), "--storage", str(old), status=3)
    assert result.stdout == summary(2, imported=1, failed=1)
    assert f"{identity.upper()}: not imported: {identity}.obj has the same id\n" in result.stderr
    app.start()
    expected = np.asarray(picture(16, 2).convert("RGB"))
    assert np.array_equal(pixels(app.client.get(f"/api/{identity}?size=4").content), expected)


class TestRecords:
    """Rows of the old database that do not fit; the old service's pictures are intact."""

    @pytest.mark.parametrize(
        ("changes", "expected", "said"),
        [
            ({"primaryColor": "x" * 40}, {"primaryColor": "x" * 32}, "its primaryColor is longer than 32"),
            ({"colorScheme": "x" * 40}, {"colorScheme": "x" * 32}, "its colorScheme is longer than 32"),
            ({"seed": "☃" * 300}, {"seed": "☃" * 256}, "its seed is longer than 256 characters"),
            ({"seed": "a\0b"}, {"seed": "ab"}, "its seed has NUL characters, which are left out"),
            ({"seed": "\0"}, {"seed": None}, "its seed has NUL characters, which are left out"),
            ({"seed": b"a\xff"}, {"seed": "a\ufffd"}, "its seed is not UTF-8"),
            ({"seed": b"ada"}, {"seed": "ada"}, None),
            ({"seed": 7}, {"seed": "7"}, None),
            ({"seed": ""}, {"seed": None}, None),
            (
                {"version": "1.0\r\nX-Evil: 1"},
                {"version": "1.0X-Evil: 1"},
                "its version has other characters",
            ),
            ({"version": "1.0.0-beta.12+build"}, {"version": "1.0.0-beta.12+bu"}, "its version is longer"),
            ({"generatorType": "WAVE"}, {"generatorType": "wave"}, None),
            ({"generatorType": "Hexagon"}, {"generatorType": "Hexagon"}, None),
            ({"generatorType": None}, {"generatorType": "pixelize"}, None),
            ({"createdAt": b"\0"}, {"createdAt": "2025-03-01T12:30:45.678Z"}, None),
            ({"createdAt": "yesterday"}, {"createdAt": "2025-03-01T12:30:45.678Z"}, None),
            ({"createdAt": 1740832245001}, {"createdAt": "2025-03-01T12:30:45.001Z"}, None),
        ],
    )
    def test_one_that_does_not_fit_is_changed(
        self,
        make_app: MakeApp,
        old: Path,
        changes: dict[str, object],
        expected: dict[str, object],
        said: str | None,
    ) -> None:
        odd, usual = str(uuid4()), str(uuid4())
        data = rows([odd, usual], 1740832245678, ["wave"])
        data[0] = tuple(
            changes.get(name, value) for name, value in zip(TYPEORM_COLUMNS, data[0], strict=True)
        )
        for identity in (odd, usual):
            old_object(old, identity)
        app = make_app()
        result = run_import(app, "--storage", str(old), "--database", old_sqlite(old, TYPEORM, data))
        assert result.stdout == summary(2, imported=2, changed=int(said is not None))
        assert result.stderr.startswith(f"{odd}: imported: {said}" if said else "")
        assert result.stderr.count("\n") == int(said is not None)
        found = listed(app.start())
        answer = app.client.get(f"/api/{odd}")
        assert answer.status_code == 200
        shown = {**found[odd], "version": answer.headers["x-version"]}
        assert {name: shown[name] for name in expected} == expected
        assert found[usual]["seed"] == "seed 1"

    def test_text_that_is_not_utf8_stops_no_other_row(self, make_app: MakeApp, old: Path) -> None:
        ids = [str(uuid4()) for _ in range(2)]
        for identity in ids:
            old_object(old, identity)
        url = old_sqlite(old, TYPEORM, rows(ids, 1740832245678, ["wave"]))
        with closing(sqlite3.connect(old.parent / "database.sqlite")) as connection:
            connection.execute("UPDATE avatars SET seed = CAST(X'61FF' AS TEXT) WHERE id = ?", ids[:1])
            connection.execute("INSERT INTO avatars (id, name, filePath) VALUES (X'FF00', '', 'x')")
            connection.commit()
        app = make_app()
        result = run_import(app, "--storage", str(old), "--database", url, status=3)
        assert result.stdout == summary(2, imported=2, changed=1, rows_alone=1)
        assert f"{ids[0]}: imported: its seed is not UTF-8: bytes that cannot be read" in result.stderr
        assert "b'\\xff\\x00': not imported: it has a record and no object" in result.stderr
        assert {each["seed"] for each in listed(app.start()).values()} == {"a\ufffd", "seed 1"}

    def test_a_time_that_postgresql_alone_knows_stops_no_other_row(
        self, make_app: MakeApp, old: Path, postgres: Postgres
    ) -> None:
        ids = [str(uuid4()) for _ in range(2)]
        for identity in ids:
            old_object(old, identity)
        data = rows(ids, datetime(2025, 4, 1, 12), ["wave"])  # noqa: DTZ001 - it had no zone
        data[0] = (*data[0][:2], "infinity", *data[0][3:])
        url = old_postgresql(postgres, data)
        with postgres.connect(postgres.last_database) as connection:
            connection.execute(f"ALTER DATABASE {postgres.last_database} SET datestyle = 'German'")
        app = make_app()
        assert run_import(app, "--storage", str(old), "--database", url).stdout == summary(2, imported=2)
        found = listed(app.start())
        assert found[ids[0]]["createdAt"] == "2025-03-01T12:30:45.678Z"
        assert found[ids[1]]["createdAt"] == "2025-04-01T12:00:00.000Z"

    def test_an_object_without_one_is_left_out_unless_it_is_asked_for(
        self, make_app: MakeApp, old: Path
    ) -> None:
        recorded, orphan = str(uuid4()), str(uuid4())
        for identity in (recorded, orphan):
            old_object(old, identity)
        url = old_sqlite(old, TYPEORM, rows([recorded], 1740832245678, ["wave"]))
        app = make_app()
        arguments = ("--storage", str(old), "--database", url)
        assert run_import(app, *arguments).stdout == summary(2, imported=1, orphans=1)
        assert list(listed(app.start())) == [recorded]
        app.stop()
        assert run_import(app, *arguments, "--orphans").stdout == summary(2, imported=1, existing=1)
        assert set(listed(app.start())) == {recorded, orphan}


@pytest.mark.parametrize(
    "moment", ["yesterday", "99999999999999999", float("inf"), "0001-01-01T00:00:00+14:00", -1, None]
)
def test_an_object_that_does_not_say_when_it_was_created_has_the_time_of_its_file(
    make_app: MakeApp, old: Path, moment: object
) -> None:
    identity = str(uuid4())
    old_object(old, identity, meta_data_created_at=moment)
    os.utime(old / f"{identity}.obj", ns=(0, 1740832245678 * 1_000_000))
    app = make_app()
    result = run_import(app, "--storage", str(old))
    assert result.stdout == summary(1, imported=1, changed=1)
    assert f"{identity}: imported: nothing says when it was created" in result.stderr
    assert listed(app.start())[identity]["createdAt"] == "2025-03-01T12:30:45.678Z"


def test_orphans_are_those_of_a_database(make_app: MakeApp, old: Path) -> None:
    result = run_import(make_app(), "--storage", str(old), "--orphans", status=2)
    assert "--orphans is for --database" in result.stderr


@pytest.mark.parametrize(
    ("url", "line"),
    [
        ("file:./missing.sqlite", "Error: The old database cannot be read: unable to open database file"),
        ("nonsense", "Error: The database URL is not valid"),
        ("postgresql://127.0.0.1:1/d", "Error: The old database cannot be read: connection failed"),
        ("file:./empty.sqlite", "Error: The old database has no table avatars."),
    ],
)
def test_a_database_that_is_not_there_is_one_line(make_app: MakeApp, old: Path, url: str, line: str) -> None:
    app = make_app()
    with closing(sqlite3.connect(app.folder / "empty.sqlite")) as connection:
        connection.execute("CREATE TABLE other (id TEXT)")
    result = run_import(app, "--storage", str(old), "--database", url, status=1)
    assert result.stderr.startswith(line)
    assert not (app.folder / "missing.sqlite").exists()


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (1740832245678, 1740832245678),
        ("1740832245678", 1740832245678),
        ("2025-03-01T12:30:45.678Z", 1740832245678),
        ("2025-03-01T14:30:45.678+02:00", 1740832245678),
        ("2025-03-01 12:30:45.678", 1740832245678),
        ("2025-03-01 12:30:45", 1740832245000),
        (CREATED, 1740832245678),
        (CREATED.replace(tzinfo=None), 1740832245678),
        ("yesterday", None),
        (None, None),
    ],
)
def test_times_are_read_as_they_were_written(written: object, read: int | None) -> None:
    assert milliseconds(written) == read
