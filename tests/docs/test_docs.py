"""The docs are true: commands, links, pictures and tables."""

import asyncio
import io
import os
import re
import runpy
import subprocess
from pathlib import Path

import httpx
import numpy as np
from PIL import Image

from avatar_gen.drawing import dicebear
from tests.conftest import MakeApp, Service
from tests.servers.postgres import Postgres

ROOT = Path(__file__).parents[2]


def test_every_command_of_the_readme_works(service: Service, tmp_path: Path) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = [part.split("```sh\n")[1].split("```")[0] for part in (readme, readme.split("## Usage")[1])]
    script = (
        "".join(blocks).replace("localhost:3000", f"127.0.0.1:{service.port}").replace("curl ", "curl -fsS ")
    )
    environ = {**os.environ, "ID": service.generate(seed="ada")}
    subprocess.run(["bash", "-euc", script], cwd=tmp_path, env=environ, check=True)  # noqa: S607
    assert (tmp_path / "ada.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "ada.webp").read_bytes()[8:12] == b"WEBP"


def test_the_request_for_a_picker_link_works(service: Service) -> None:
    page = (ROOT / "docs" / "picker.md").read_text(encoding="utf-8")
    (command,) = [part.split("```")[0] for part in page.split("```sh\n")[1:] if part.startswith("curl")]
    command = command.replace("localhost:3000", f"127.0.0.1:{service.port}").replace("curl ", "curl -fsS ")
    answer = subprocess.run(["bash", "-euc", command], check=True, capture_output=True, text=True)  # noqa: S607
    assert f"http://127.0.0.1:{service.port}/pick#" in answer.stdout


def test_the_urls_of_ui_avatars_work_as_they_stand(service: Service, tmp_path: Path) -> None:
    page = (ROOT / "docs" / "moving.md").read_text(encoding="utf-8")
    (script,) = [part.split("```")[0] for part in page.split("```sh\n")[1:]]
    script = script.replace("localhost:3000", f"127.0.0.1:{service.port}").replace("curl ", "curl -fsS ")
    subprocess.run(["bash", "-euc", script], cwd=tmp_path, check=True)  # noqa: S607
    assert Image.open(io.BytesIO((tmp_path / "ada.png").read_bytes())).size == (128, 128)
    assert (tmp_path / "ada.svg").read_bytes().startswith(b"<svg")


def test_every_route_is_in_the_readme(client: httpx.Client) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for path, operations in client.get("/openapi.json").json()["paths"].items():
        for method in operations:
            assert f"{method.upper()} {path}" in readme


def test_every_link_and_picture_of_the_docs_exists() -> None:
    pages = [*ROOT.glob("*.md"), *(ROOT / "backend").glob("*.md")]
    for folder in ("docs", "deploy", "backend/docker"):
        pages += (ROOT / folder).rglob("*.md")
    for page in pages:
        text = page.read_text(encoding="utf-8")
        for target in re.findall(r"\]\(([^)#]+)\)", text) + re.findall(r' src(?:set)?="(docs/[^"]+)"', text):
            assert "://" in target or (page.parent / target).exists(), f"{page.name}: {target}"


def test_every_dicebear_style_is_in_the_docs_with_its_licence_and_artist() -> None:
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
    """`make gallery` draws it again."""
    gallery = runpy.run_path(str(ROOT / "docs" / "gallery.py"))["gallery"]()
    shown = np.asarray(Image.open(ROOT / "docs" / "gallery.png")).astype(int)
    # Another release of the renderer may smooth edges a little differently.
    assert np.abs(np.asarray(gallery).astype(int) - shown).mean() < 0.5


def test_the_pictures_of_the_urls_are_what_these_urls_draw() -> None:
    """`make gallery` draws them again."""
    drawn = asyncio.run(runpy.run_path(str(ROOT / "docs" / "urls.py"))["pictures"]())
    assert set(drawn) == set((ROOT / "docs" / "urls").iterdir())
    for path, png in drawn.items():
        picture = Image.open(io.BytesIO(png)).convert("RGBA")
        assert np.array_equal(np.asarray(picture), np.asarray(Image.open(path).convert("RGBA"))), path


def test_a_reindex_moves_the_records_from_one_database_to_the_other(
    make_app: MakeApp, postgres: Postgres
) -> None:
    service = make_app().start()
    for number in range(20):
        service.generate(seed=f"☃ {number}", type="gradient", angle=number)
    before = service.client.get("/api/list?pick=100").json()["data"]
    service.stop()
    service.environ = {"DATABASE_URL": postgres.new_database()}
    assert service.run("reindex").stdout == "20 avatars: 20 rows added, 0 removed, 0 objects damaged.\n"
    service.start()
    assert service.client.get("/api/health").json()["data"]["checks"]["database"]["type"] == "postgresql"
    assert service.client.get("/api/list?pick=100").json()["data"] == before
