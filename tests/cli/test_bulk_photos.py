"""`avatar-gen bulk --photos`: a folder of photographs becomes stored avatars."""

import io
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.cli.conftest import COMMAND, Run
from tests.cli.test_bulk import entries
from tests.conftest import MakeApp, MakeService
from tests.servers.avatars import assert_whole, listed, objects
from tests.servers.commands import environment
from tests.servers.service import Installation
from tests.servers.waiting import wait_until

PHOTOGRAPHS = Path(__file__).parents[1] / "golden" / "photographs"


def portraits(folder: Path, count: int) -> Path:
    """A folder of so many photographs of different colours."""
    folder.mkdir(exist_ok=True)
    for number in range(count):
        colour = (number % 256, number // 256 * 80 % 256, 120)
        Image.new("RGB", (40, 40), colour).save(folder / f"person {number:03}.jpg")
    return folder


def rows(service: Installation) -> dict[str, dict[str, Any]]:
    found = service.client.get("/api/list?pick=100").json()["data"]["avatars"]
    return {each["id"]: each for each in found}


def test_each_photograph_is_stored_once_under_the_name_of_its_file(make_app: MakeApp) -> None:
    app = make_app()
    folder = portraits(app.folder / "portraits", 60)
    shutil.copy(PHOTOGRAPHS / "turned-6.jpg", folder / "ada@example.org.jpeg")
    (folder / ".hidden.jpg").write_bytes(b"x")
    (folder / "folder.jpg").mkdir()
    run = ("bulk", "--photos", "portraits", "--store", "--jobs", "2")
    assert app.run(*run).stdout == "61 made, 0 were there already, 0 repeated, 0 refused.\n"
    assert app.run(*run).stdout == "0 made, 61 were there already, 0 repeated, 0 refused.\n"
    portraits(folder, 62)
    assert app.run(*run).stdout == "2 made, 61 were there already, 0 repeated, 0 refused.\n"
    found = {each["file"]: each for each in entries(app.folder / "portraits.stored.jsonl")}
    assert len(found) == 63
    app.start()
    assert_whole(app, [each["id"] for each in found.values()])
    stored = rows(app)
    ada = stored[found["ada@example.org.jpeg"]["id"]]
    assert (ada["seed"], ada["generatorType"]) == ("ada@example.org", "photo")
    assert ada["createdAt"] == found["ada@example.org.jpeg"]["createdAt"]
    # The same as an upload.
    answer = app.client.put("/api/upload", content=(folder / "ada@example.org.jpeg").read_bytes())
    pictures = [
        app.client.get(f"/api/{id_}?size=7").content for id_ in (ada["id"], answer.json()["data"]["id"])
    ]
    assert pictures[0] == pictures[1]


def test_a_photograph_that_has_changed_is_stored_again(make_app: MakeApp) -> None:
    app = make_app()
    folder = portraits(app.folder / "portraits", 2)
    run = ("bulk", "--photos", "portraits", "--store", "--manifest", "ids.jsonl")
    app.run(*run)
    before = {each["file"]: each["id"] for each in entries(app.folder / "ids.jsonl")}
    Image.new("RGB", (40, 40), "gold").save(folder / "person 001.jpg")
    assert app.run(*run).stdout == "1 made, 1 were there already, 0 repeated, 0 refused.\n"
    after = {each["file"]: each["id"] for each in entries(app.folder / "ids.jsonl")}
    assert after["person 000.jpg"] == before["person 000.jpg"]
    assert after["person 001.jpg"] != before["person 001.jpg"]
    app.start()
    shown = Image.open(io.BytesIO(app.client.get(f"/api/{after['person 001.jpg']}").content))
    assert np.abs(np.asarray(shown).astype(int) - (255, 215, 0)).max() < 4


def test_a_file_that_is_not_a_photograph_is_named_and_skipped(make_service: MakeService) -> None:
    service = make_service({"uploads": {"max_bytes": 20_000}})
    folder = portraits(service.folder / "portraits", 3)
    (folder / "README.txt").write_text("hello")
    (folder / "damaged.jpg").write_bytes((PHOTOGRAPHS / "turned-1.jpg").read_bytes()[:900])
    (folder / "large.png").write_bytes(bytes(20_001))
    os.mkfifo(folder / "pipe.jpg")
    result = service.run("bulk", "--photos", "portraits/", "--store", check=False)
    assert result.returncode == 3
    assert result.stdout == "3 made, 0 were there already, 0 repeated, 4 refused.\n"
    lines = sorted(result.stderr.splitlines())
    assert [line.partition(":")[0] for line in lines] == [
        "README.txt",
        "damaged.jpg",
        "large.png",
        "pipe.jpg",
    ]
    assert "Send JPEG, PNG, WebP, AVIF or GIF." in lines[0]
    assert "it has 20001 bytes, more than 20000" in lines[2]
    report = json.loads(service.run("bulk", "--photos", "portraits", "--store", "--json", check=False).stdout)
    assert report == {"made": 0, "existing": 3, "repeated": 0, "refused": 4}


@pytest.mark.parametrize(
    ("arguments", "mentions"),
    [
        (("--photos", "portraits"), "Give a target"),
        (
            ("--photos", "portraits", "-o", "out"),
            "--photos DIR takes only --store, --manifest, --jobs and --json.",
        ),
        (("--photos", "portraits", "--store", "--style", "wave", "--hue", "9"), "--photos DIR takes only"),
        *(
            (("--photos", "portraits", "--store", *given), "--photos DIR takes only")
            for given in (["--style", "pixelize"], ["--no-header"], ["--encoding", "utf-8"], ["--size", "64"])
        ),
        (
            ("--photos", "portraits", "--store", "people.csv"),
            "Give a source: either NAMES.csv or --photos DIR.",
        ),
        (("--store",), "Give a source: either NAMES.csv or --photos DIR."),
    ],
)
def test_invalid_use_is_reported(run: Run, tmp_path: Path, arguments: tuple[str, ...], mentions: str) -> None:
    portraits(tmp_path / "portraits", 1)
    (tmp_path / "people.csv").write_text("name\nada\n")
    assert mentions in run("bulk", *arguments, status=2).stderr.decode()
    missing = run("bulk", "--photos", "nowhere", "--store", status=1)
    assert missing.stderr == b"Error: nowhere: No such file or directory\n"


def test_no_photograph_is_stored_twice_when_a_run_is_killed(make_service: MakeService) -> None:
    service = make_service()
    portraits(service.folder / "portraits", 160)
    run = ["bulk", "--photos", "portraits", "--store", "--jobs", "1"]
    manifest = service.folder / "portraits.stored.jsonl"
    process = subprocess.Popen([*COMMAND, *run], cwd=service.folder, env=environment())
    wait_until(lambda: manifest.exists() and manifest.stat().st_size > 0)
    process.kill()
    process.wait()
    assert (service.folder / "portraits.stored.jsonl.unfinished").exists()
    service.run(*run)
    assert not (service.folder / "portraits.stored.jsonl.unfinished").exists()
    found = entries(manifest)
    assert len({each["file"] for each in found}) == len(found) == 160
    service.start()
    assert set(listed(service)) == objects(service) == {each["id"] for each in found}
