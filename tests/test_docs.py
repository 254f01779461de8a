"""What the docs say is so."""

import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.conftest import Service

ROOT = Path(__file__).parent.parent


def test_every_command_of_the_readme_works(service: Service, tmp_path: Path) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    block = readme.split("## Use it")[1].split("```sh\n")[1].split("```")[0]
    script = block.replace("localhost:3000", f"127.0.0.1:{service.port}").replace("curl ", "curl -fsS ")
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
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
            assert "://" in target or (page.parent / target).exists(), f"{page.name}: {target}"


def test_the_gallery_is_what_the_styles_draw() -> None:
    """Where it is not, `make gallery` redraws it."""
    gallery = runpy.run_path(str(ROOT / "docs" / "gallery.py"))["gallery"]()
    assert np.array_equal(np.asarray(gallery), np.asarray(Image.open(ROOT / "docs" / "gallery.png")))


@pytest.mark.skipif(sys.platform != "linux", reason="it asks Linux what the servers spend")
def test_the_benchmark_runs() -> None:
    """Whether it does, not how fast."""
    command = [sys.executable, str(ROOT / "benchmarks" / "run.py"), "--quick"]
    result = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120)
    assert "generate gradient" in result.stdout
