"""Data of the old service, in every form that it wrote."""

import hashlib
import io
import json
import sqlite3
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
from tests.conftest import MakeService, Service
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


@pytest.mark.parametrize("colours", [2, 256, 257, 700])
def test_pictures_come_over_pixel_for_pixel(make_service: MakeService, old: Path, colours: int) -> None:
    identity = str(uuid4())
    old_object(old, identity, colours)
    before = fingerprint(old)
    service = make_service()
    result = service.run("import", "--storage", str(old))
    assert result.stdout == (
        "1 objects: 1 taken over, 0 were there already, 0 could not be read; 0 records have no object.\n"
    )
    service.start()
    for n in range(4, 10):
        expected = np.asarray(picture(1 << n, colours).convert("RGB"))
        answer = service.client.get(f"/api/{identity}?size={n}")
        assert np.array_equal(pixels(answer.content), expected)
        for name, recolour in FILTERS.items():
            filtered = service.client.get(f"/api/{identity}?size={n}&filter={name}").content
            assert np.array_equal(pixels(filtered).reshape(-1, 3), recolour(expected.reshape(-1, 3)))
    assert answer.headers["x-created-at"] == "2025-03-01T12:30:45.678Z"
    assert service.client.get(f"/api/{identity}?format=webp").status_code == 200
    assert fingerprint(old) == before


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
    make_service: MakeService,
    old: Path,
    postgres: Postgres,
    schema: str,
    moment: object,
    kinds: list[str] | None,
) -> None:
    ids = sorted(str(uuid4()) for _ in range(4))
    for identity in ids[:3]:
        # The oldest objects do not say when they were made; their records do.
        old_object(old, identity, meta_data_created_at=None)
    data = rows(ids, moment, kinds)
    if schema is POSTGRESQL:
        url = postgres.new_database()
        with postgres.connect(postgres.last_database) as connection:
            connection.execute(schema)
            connection.execute("CREATE TABLE migrations (id int)")
            for row in data:
                connection.execute(insert("%s", 10), row)
    else:
        url = f"file:{old.parent}/database.sqlite"
        with closing(sqlite3.connect(old.parent / "database.sqlite")) as connection:
            connection.execute(schema)
            connection.execute("CREATE TABLE _prisma_migrations (id TEXT)")
            connection.executemany(insert("?", len(data[0])), data)
            connection.commit()
    before = fingerprint(old.parent)
    service = make_service()
    result = service.run("import", "--storage", str(old), "--database", url, check=False)
    assert result.stdout == (
        "3 objects: 3 taken over, 0 were there already, 0 could not be read; 1 records have no object.\n"
    )
    assert result.returncode == 3
    assert f"{ids[3]}: not taken over: it has a record and no object" in result.stderr
    assert fingerprint(old.parent) == before
    service.start()
    avatars = service.client.get("/api/list").json()["data"]["avatars"]
    assert [each["id"] for each in avatars] == ids[:3]
    for number, each in enumerate(avatars):
        assert each["createdAt"].startswith("2025-03-01T12:30:45.")
        assert (each["primaryColor"], each["foreignColor"], each["colorScheme"]) == ("#FF0000", "blue", None)
        assert each["seed"] == f"seed {number}"
        assert each["generatorType"] == (kinds[number % 2] if kinds else "pixelize")
        assert service.client.get(f"/api/{each['id']}").status_code == 200


def test_it_can_be_run_again_and_beside_new_avatars(make_service: MakeService, old: Path) -> None:
    first, second = str(uuid4()), str(uuid4()).upper()
    old_object(old, first)
    service = make_service().start()
    ours = service.generate()
    service.stop()
    assert "1 taken over, 0 were there already" in service.run("import", "--storage", str(old)).stdout
    old_object(old, second)
    assert "1 taken over, 1 were there already" in service.run("import", "--storage", str(old)).stdout
    assert "0 taken over, 2 were there already" in service.run("import", "--storage", str(old)).stdout
    service.start()
    listed = service.client.get("/api/list").json()["data"]
    assert {each["id"] for each in listed["avatars"]} == {first, second.lower(), ours}
    assert listed["pagination"]["total"] == 3


def test_it_can_share_the_old_services_folder_and_database(make_service: MakeService) -> None:
    """The settings of the old service may stay as they were."""
    service = make_service(
        {"database": {"sqlite_params": {"url": "file:./storage/database/database.sqlite"}}}
    )
    avatars, database = (service.folder / "storage" / name for name in ("avatars", "database"))
    avatars.mkdir(parents=True)
    database.mkdir()
    identity = str(uuid4())
    old_object(avatars, identity)
    with closing(sqlite3.connect(database / "database.sqlite")) as connection:
        connection.execute(TYPEORM)
        connection.executemany(insert("?", 10), rows([identity], "2025-03-01 12:30:45", ["wave"]))
        connection.commit()
    url = "file:./storage/database/database.sqlite"
    result = service.run("import", "--storage", "storage/avatars", "--database", url)
    assert result.stdout.startswith("1 objects: 1 taken over")
    service.start()
    assert service.client.get("/api/list").json()["data"]["avatars"][0]["generatorType"] == "wave"
    assert service.client.get(f"/api/{identity}").status_code == 200
    with closing(sqlite3.connect(database / "database.sqlite")) as connection:
        assert connection.execute("SELECT count(*) FROM avatars").fetchone() == (1,)


BROKEN: dict[str, str | bytes] = {
    "not JSON": "it is not JSON, but: [",
    "a list": "[]",
    "nested": "[" * 100_000,
    "bytes": b"\xff\xfe",
    "empty": "",
}


def test_what_cannot_be_read_is_said_and_passed_over(make_service: MakeService, old: Path) -> None:
    broken = {reason: str(uuid4()) for reason in BROKEN}
    for reason, identity in broken.items():
        content = BROKEN[reason]
        (old / f"{identity}.obj").write_bytes(content if isinstance(content, bytes) else content.encode())
    whole = str(uuid4())
    old_object(old, whole)
    transparent = png_of(Image.new("RGBA", (16, 16), (1, 2, 3, 4)))
    changes: list[tuple[dict[str, Any], str]] = [
        ({"image_4n": None}, "it has no image_4n"),
        ({"image_5n": ["a"]}, "image_5n is no list of bytes"),
        ({"image_5n": [1, 2, 3]}, "a picture is no PNG"),
        ({"image_5n": [300]}, "bytes must be in range"),
        ({"image_9n": list(png_of(picture(16, 2)))}, "image_9n has 16 px"),
        ({"image_4n": list(transparent)}, "a picture is transparent"),
        ({"image_4n": list(png_of(Image.new("RGBA", (16, 8), "red")))}, "a picture has 16 x 8 px"),
        ({"image_9n": list(png_of(picture(512, 2))[:-200])}, "a picture is no PNG"),
        ({"meta_data_created_at": "yesterday"}, "nothing says when it was made"),
        ({"meta_data_created_at": "99999999999999999"}, "nothing says when it was made"),
        ({"meta_data_created_at": float("inf")}, "nothing says when it was made"),
        ({"meta_data_created_at": "0001-01-01T00:00:00+14:00"}, "nothing says when it was made"),
    ]
    expected = {}
    for change, reason in changes:
        identity = str(uuid4())
        old_object(old, identity, **change)
        expected[identity] = reason
    (old / "notes.txt").write_text("passed over")
    service = make_service()
    result = service.run("import", "--storage", str(old), check=False)
    assert result.returncode == 3
    failed = len(BROKEN) + len(changes)
    assert result.stdout.startswith(
        f"{failed + 1} objects: 1 taken over, 0 were there already, {failed} could not"
    )
    for identity, reason in expected.items():
        assert f"{identity}: not taken over: {reason}" in result.stderr
    for identity in broken.values():
        assert f"{identity}: not taken over: " in result.stderr
    service.start()
    assert [each["id"] for each in service.client.get("/api/list").json()["data"]["avatars"]] == [whole]


@pytest.mark.parametrize(
    ("url", "line"),
    [
        ("file:./missing.sqlite", "Error: The old database cannot be read: unable to open database file"),
        ("nonsense", "Error: The address of the database is not understood"),
        ("postgresql://127.0.0.1:1/d", "Error: The old database cannot be read: connection failed"),
        ("file:./empty.sqlite", "Error: The old database has no table avatars."),
    ],
)
def test_a_database_that_is_not_there_is_one_line(
    make_service: MakeService, old: Path, url: str, line: str
) -> None:
    service: Service = make_service()
    with closing(sqlite3.connect(service.folder / "empty.sqlite")) as connection:
        connection.execute("CREATE TABLE other (id TEXT)")
    result = service.run("import", "--storage", str(old), "--database", url, check=False)
    assert result.returncode == 1
    assert result.stderr.startswith(line)
    assert not (service.folder / "missing.sqlite").exists()


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
