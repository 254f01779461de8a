"""`avatar-gen export`, and the way back."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.conftest import MakeService, Service
from tests.servers.avatars import assert_whole, listed, objects
from tests.servers.postgres import Postgres


def entries(folder: Path) -> list[dict[str, Any]]:
    lines = (folder / "manifest.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


@pytest.fixture
def full(make_service: MakeService) -> Service:
    """A service with a few avatars, which runs."""
    service = make_service().start()
    for number, style in enumerate(("pixelize", "wave", "marble", "initials", "smile")):
        service.generate(seed=f"☃ {number}", type=style, colorScheme="ocean")
    service.generate(type="gradient", angle=22.5, primaryColor="gold", foreignColor="#123")
    service.generate()
    return service


def test_an_export_is_pictures_and_all_that_is_known_of_them(full: Service) -> None:
    assert full.run("export", "-o", "out").stdout == "7 exported, 0 were there already, 0 damaged.\n"
    out = full.folder / "out"
    listed_ = {each["id"]: each for each in full.client.get("/api/list?pick=100").json()["data"]["avatars"]}
    found = entries(out)
    assert {each["id"] for each in found} == set(listed_)
    for each in found:
        for name in (
            "seed",
            "colorScheme",
            "primaryColor",
            "foreignColor",
            "generatorType",
            "createdAt",
            "version",
        ):
            assert each[name] == listed_[each["id"]][name]
        for px, file in each["files"].items():
            picture = (out / file["file"]).read_bytes()
            exponent = int(px).bit_length() - 1
            assert picture == full.client.get(f"/api/{each['id']}?size={exponent}").content
    assert {path.name for path in out.iterdir()} == {"manifest.jsonl", "16", "32", "64", "128", "256", "512"}


def test_widths_and_a_format_can_be_chosen(full: Service) -> None:
    full.run("export", "-o", "out", "--width", "64", "--width", "128", "--format", "webp")
    out = full.folder / "out"
    assert {path.name for path in out.iterdir()} == {"manifest.jsonl", "64", "128"}
    for each in entries(out):
        with Image.open(out / "128" / f"{each['id']}.webp") as picture:
            assert (picture.format, picture.size) == ("WEBP", (128, 128))
    result = full.run("import", "--exported", "out", check=False)
    assert result.stdout == "0 imported, 7 were there already, 0 could not be read.\n"


def test_it_copies_what_is_new_and_names_what_is_damaged(full: Service) -> None:
    full.run("export", "-o", "out", "--width", "64")
    new, damaged = full.generate(), full.generate()
    full.object(damaged).write_bytes(b"not an object")
    gone = next((full.folder / "out" / "64").iterdir())
    gone.unlink()
    result = full.run("export", "-o", "out", "--width", "64", check=False)
    assert result.returncode == 3
    assert result.stdout == "2 exported, 6 were there already, 1 damaged.\n"
    assert result.stderr == f"{damaged}: not exported: 13 bytes do not match their SHA-256\n"
    assert gone.exists()
    assert new in {each["id"] for each in entries(full.folder / "out")}
    assert len(entries(full.folder / "out")) == 8


def test_what_a_crash_of_the_machine_took_is_written_again(full: Service) -> None:
    full.run("export", "-o", "out")
    out = full.folder / "out"
    before = entries(out)
    (out / before[0]["files"]["64"]["file"]).write_bytes(b"")
    (out / before[1]["files"]["512"]["file"]).unlink()
    assert full.run("export", "-o", "out").stdout == "2 exported, 5 were there already, 0 damaged.\n"
    assert sorted(entries(out), key=str) == sorted(before, key=str)
    picture = (out / before[0]["files"]["64"]["file"]).read_bytes()
    assert picture == full.client.get(f"/api/{before[0]['id']}").content


def test_a_folder_of_somebody_else_is_left_alone(full: Service) -> None:
    (full.folder / "out").mkdir()
    (full.folder / "out" / "mine.txt").touch()
    result = full.run("export", "-o", "out", check=False)
    assert (result.returncode, result.stderr.partition(":")[0]) == (1, "Error")
    assert "there are files in it" in result.stderr


def test_there_has_to_be_a_storage(make_service: MakeService) -> None:
    service = make_service()
    result = service.run("export", "-o", "out", check=False)
    assert result.returncode == 1
    assert "storage/avatars" in result.stderr
    assert not (service.folder / "out").exists()
    assert not (service.folder / "storage").exists()


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_an_export_can_be_taken_back_byte_for_byte(
    full: Service, kind: str, make_service: MakeService, postgres: Postgres
) -> None:
    full.run("export", "-o", "out")
    other = make_service(
        environ={"DATABASE_URL": postgres.new_database()} if kind == "postgresql" else {}
    ).start()
    shutil.copytree(full.folder / "out", other.folder / "moved")
    result = other.run("import", "--exported", "moved")
    assert result.stdout == "7 imported, 0 were there already, 0 could not be read.\n"
    ids = listed(full)
    assert listed(other) == ids
    assert objects(other) == set(ids)
    for avatar_id in ids:
        assert other.object(avatar_id).read_bytes() == full.object(avatar_id).read_bytes()
    assert_whole(other, ids)
    assert other.run("import", "--exported", "moved").stdout.startswith("0 imported, 7 were there")


Change = Callable[[dict[str, Any]], object]

CHANGES: list[tuple[Change, str]] = [
    (lambda entry: entry.pop("files"), "it has no files"),
    (lambda entry: entry["files"].pop("64"), "the manifest has no PNG picture of 64 px for it"),
    (
        lambda entry: entry["files"]["64"].update(file="../../secret.png"),
        "the manifest has no PNG picture of 64 px for it",
    ),
    (lambda entry: entry["files"]["64"].update(sha256="0" * 64), "is not the file that was exported"),
    (lambda entry: entry.pop("createdAt"), "it has no createdAt"),
    (lambda entry: entry.update(createdAt="yesterday"), "its createdAt is not an ISO 8601 time"),
    (lambda entry: entry.update(createdAt="1969-12-31T23:59:59.999Z"), "its createdAt is before 1970"),
    (lambda entry: entry.update(seed="x" * 257), "its seed has more than 256 characters"),
    (lambda entry: entry.update(seed="\0"), "its seed must not contain the NUL character"),
    (lambda entry: entry.update(seed="\ud800"), "its seed must be valid Unicode text"),
    (lambda entry: entry.update(seed=7), "its seed is not text"),
    (lambda entry: entry.update(generatorType=None), "its generatorType is not text"),
    (lambda entry: entry.update(angle=1e400), "its angle is not a finite number"),
    (lambda entry: entry.update(angle="45"), "its angle is not a number"),
    (lambda entry: entry.update(id="../../etc/passwd"), "its id is not a UUID in lower case"),
    (lambda entry: entry.update(id=None), "its id is not a UUID in lower case"),
    (lambda entry: entry.pop("id"), "its id is not a UUID in lower case"),
    (lambda entry: entry.update(id=entry["id"].upper()), "its id is not a UUID in lower case"),
    (lambda entry: entry.update(files=[]), "it has no files"),
    (lambda entry: entry["files"].update({"64": "64.png"}), "the manifest has no PNG picture of 64 px"),
    (lambda entry: entry["files"]["64"].update(sha256=7), "is not the file that was exported"),
    (
        lambda entry: entry.update(createdAt="0001-01-01T00:00:00+14:00"),
        "its createdAt is not an ISO 8601 time",
    ),
    (lambda entry: entry.update(createdAt=7), "its createdAt is not an ISO 8601 time"),
    (lambda entry: entry.update(version="1.0\r\nX-Evil: 1"), "its version must be printable ASCII"),
    (lambda entry: entry.update(version="☃"), "its version must be printable ASCII"),
]


def test_what_was_not_exported_so_is_refused(make_service: MakeService, tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text("seed\n" + "".join(f"{i}\n" for i in range(len(CHANGES) + 1)))
    service = make_service()
    service.run("bulk", str(tmp_path / "people.csv"), "--store")
    service.run("export", "-o", "out")
    first, *others = entries(service.folder / "out")
    for (change, _), entry in zip(CHANGES, others, strict=True):
        change(entry)
    lines = "".join(json.dumps(each) + "\n" for each in (first, *others))
    (service.folder / "out" / "manifest.jsonl").write_text(f"{lines}[no JSON\n")
    other = make_service()
    result = other.run("import", "--exported", str(service.folder / "out"), check=False)
    assert result.returncode == 3
    failed = len(CHANGES) + 1
    assert result.stdout == f"1 imported, 0 were there already, {failed} could not be read.\n"
    said = result.stderr.splitlines()
    assert len(said) == failed
    for (_, reason), line in zip(CHANGES, said, strict=False):
        assert reason in line
    assert said[-1] == f"manifest.jsonl, line {failed + 1}: not imported: the line is not JSON"
    assert objects(other) == {first["id"]}


def test_a_folder_without_a_manifest_is_no_export(make_service: MakeService, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    result = make_service().run("import", "--exported", str(tmp_path / "empty"), check=False)
    assert result.returncode == 1
    assert "manifest.jsonl: No such file or directory" in result.stderr


def test_stats_count_what_there_is(full: Service) -> None:
    found = json.loads(full.run("stats", "--json").stdout)
    page = full.client.get("/api/list?pick=100").json()["data"]["avatars"]
    assert found["avatars"] == found["objects"] == 7
    assert found["types"] == {
        "pixelize": 2,
        **dict.fromkeys(("wave", "marble", "initials", "smile", "gradient"), 1),
    }
    assert (found["schemes"], found["withoutScheme"]) == ({"ocean": 5}, 2)
    assert (found["oldest"], found["newest"]) == (page[0]["createdAt"], page[-1]["createdAt"])
    assert found["bytes"] == sum(full.object(each["id"]).stat().st_size for each in page)
    assert "damaged" not in found
    text = full.run("stats").stdout
    assert [line.split()[-1] for line in text.splitlines()[:1]] == ["7"]


def test_stats_name_what_is_damaged_or_not_recorded(full: Service) -> None:
    damaged, lost = listed(full)[:2]
    full.object(damaged).write_bytes(b"not an object")
    full.object(lost).unlink()
    result = full.run("stats", "--check", "--json", check=False)
    assert result.returncode == 3
    assert json.loads(result.stdout)["damaged"] == [damaged]
    assert f"{damaged}: ObjectDamaged: 13 bytes" in result.stderr
    result = full.run("stats")
    assert result.stderr.startswith("The numbers of objects and records differ")


def test_stats_of_nothing(make_service: MakeService, postgres: Postgres) -> None:
    service = make_service()
    result = service.run("stats", check=False)
    assert result.returncode == 1
    assert "there is no database here. Run this in the folder of the service" in result.stderr
    assert not (service.folder / "storage").exists()
    service = make_service(environ={"DATABASE_URL": postgres.new_database()})
    result = service.run("stats", check=False)
    assert "The database has no tables yet" in result.stderr
    service.start()
    found = json.loads(service.run("stats", "--json").stdout)
    assert (found["avatars"], found["oldest"], found["types"]) == (0, None, {})
