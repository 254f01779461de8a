"""What the docs say is so."""

import asyncio
import io
import os
import re
import runpy
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from avatar_gen.drawing import dicebear
from tests.conftest import MakeService, Service
from tests.servers.postgres import Postgres
from tests.slow.test_durability import assert_whole, clients, listed, objects

ROOT = Path(__file__).parents[2]


def test_every_command_of_the_readme_works(service: Service, tmp_path: Path) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = [part.split("```sh\n")[1].split("```")[0] for part in (readme, readme.split("## Use it")[1])]
    script = (
        "".join(blocks).replace("localhost:3000", f"127.0.0.1:{service.port}").replace("curl ", "curl -fsS ")
    )
    environ = {**os.environ, "ID": service.generate(seed="ada")}
    subprocess.run(["bash", "-euc", script], cwd=tmp_path, env=environ, check=True)  # noqa: S607
    assert (tmp_path / "ada.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "ada.webp").read_bytes()[8:12] == b"WEBP"


def test_every_address_is_in_the_readme(service: Service) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for path, operations in service.client.get("/openapi.json").json()["paths"].items():
        for method in operations:
            assert f"{method.upper()} {path}" in readme


def test_every_link_and_picture_of_the_docs_is_there() -> None:
    pages = [*ROOT.glob("*.md")]
    for folder in ("docs", "deploy", "backend/docker"):
        pages += (ROOT / folder).rglob("*.md")
    for page in pages:
        text = page.read_text(encoding="utf-8")
        for target in re.findall(r"\]\(([^)#]+)\)", text) + re.findall(r' src(?:set)?="(docs/[^"]+)"', text):
            assert "://" in target or (page.parent / target).exists(), f"{page.name}: {target}"


def test_every_style_of_dicebears_is_in_the_docs_with_its_license_and_its_artist() -> None:
    page = (ROOT / "docs" / "dicebear.md").read_text(encoding="utf-8")
    assert f"All {len(dicebear.names())} styles of DiceBear" in page
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    for name in dicebear.names():
        work = dicebear.artwork(name)
        licence, creator = (
            f"[{work.licence}]({work.licence_url})",
            f"[{work.creator}]({work.creator_url})",
        )
        row = f"| `{name}` | {licence} | {creator} | [{work.source}]({work.source_url}) |"
        assert row in rows


def test_the_gallery_is_what_the_styles_draw() -> None:
    """Where it is not, `make gallery` redraws it."""
    gallery = runpy.run_path(str(ROOT / "docs" / "gallery.py"))["gallery"]()
    shown = np.asarray(Image.open(ROOT / "docs" / "gallery.png")).astype(int)
    # Another release of the renderer may smooth a border a little otherwise.
    assert np.abs(np.asarray(gallery).astype(int) - shown).mean() < 0.5


def test_the_pictures_of_the_addresses_are_what_they_show() -> None:
    """Where they are not, `make gallery` redraws them."""
    drawn = asyncio.run(runpy.run_path(str(ROOT / "docs" / "urls.py"))["pictures"]())
    assert set(drawn) == set((ROOT / "docs" / "urls").iterdir())
    for path, png in drawn.items():
        picture = Image.open(io.BytesIO(png)).convert("RGBA")
        assert np.array_equal(np.asarray(picture), np.asarray(Image.open(path).convert("RGBA"))), path


def commands(heading: str) -> str:
    """The indented lines of a section of docs/databases.md."""
    page = (ROOT / "docs" / "databases.md").read_text(encoding="utf-8")
    section = page.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return "\n".join(line[4:] for line in section.splitlines() if line.startswith("    "))


def test_a_backup_that_is_made_while_the_service_runs_can_be_restored(make_service: MakeService) -> None:
    service = make_service({"logging": {"level": "warn"}}).start()
    acknowledged: list[str] = []
    with clients(service, 4, acknowledged):
        while not acknowledged:
            time.sleep(0.1)
        before = list(acknowledged)
        (service.folder / "backup").mkdir()
        script = commands("Backup").split("pg_dump")[0]
        subprocess.run(["bash", "-euc", script], cwd=service.folder, check=True)  # noqa: S607
        service.stop()
    restored = make_service()
    storage = restored.folder / "storage"
    (storage / "database").mkdir(parents=True)
    shutil.copytree(service.folder / "backup" / "avatars", storage / "avatars")
    shutil.copy(service.folder / "backup" / "avatars.db", storage / "database")
    assert restored.run("reindex").stdout.endswith(" 0 removed, 0 objects damaged.\n")
    restored.start()
    assert before
    assert_whole(restored, before)
    assert set(listed(restored)) == objects(restored)


def test_one_database_is_left_for_the_other_by_a_reindex(
    make_service: MakeService, postgres: Postgres
) -> None:
    service = make_service().start()
    for number in range(20):
        service.generate(seed=f"☃ {number}", type="gradient", angle=number)
    before = service.client.get("/api/list?pick=100").json()["data"]
    service.stop()
    service.environ = {"DATABASE_URL": postgres.new_database()}
    assert service.run("reindex").stdout == "20 avatars: 20 rows added, 0 removed, 0 objects damaged.\n"
    service.start()
    assert service.client.get("/api/health").json()["data"]["checks"]["database"]["type"] == "postgresql"
    assert service.client.get("/api/list?pick=100").json()["data"] == before


@pytest.mark.skipif(sys.platform != "linux", reason="it asks Linux what the servers spend")
@pytest.mark.parametrize("what", ["requests", "scale"])
def test_the_benchmarks_run(what: str, tmp_path: Path) -> None:
    """Whether they do, not how fast."""
    command = [sys.executable, "-m", "benchmarks.run", what, "--effort", "smoke", "--output", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=240)
    report = (tmp_path / "RESULTS.md").read_text(encoding="utf-8")
    assert {"requests": "PostgreSQL: generate pixelize", "scale": "delete, 1,000 stored"}[what] in report
