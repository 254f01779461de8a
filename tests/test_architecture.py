"""The house stands as it was drawn: `docs/decisions/` says why."""

import os
import subprocess
import sys
from pathlib import Path

import avatar_gen
from avatar_gen.drawing.styles import STYLES

ROOT = Path(__file__).parent.parent


def test_imports_run_one_way() -> None:
    """The contracts are in pyproject.toml."""
    command = [f"{Path(sys.executable).parent}/lint-imports", "--config", "pyproject.toml", "--no-cache"]
    result = subprocess.run(command, cwd=ROOT / "backend", capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout
    assert "2 kept, 0 broken" in result.stdout


def test_only_the_configuration_reads_the_environment() -> None:
    readers = [
        path.name
        for path in Path(avatar_gen.__file__).parent.rglob("*.py")
        if "os.environ" in path.read_text(encoding="utf-8")
    ]
    assert readers == ["loader.py"]


def test_image_libraries_live_in_imaging_alone() -> None:
    """But for Pillow's table of colour names, which is no image library."""
    for path in Path(avatar_gen.__file__).parent.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        if path.parent.name != "imaging":
            assert "pyvips" not in text.replace('"pyvips"', ""), path
            assert "PIL" not in text.replace("PIL.ImageColor", ""), path


def test_a_style_is_one_file_and_one_line() -> None:
    styles = Path(avatar_gen.__file__).parent / "drawing" / "styles"
    assert {path.stem for path in styles.glob("*.py")} - {"__init__"} == set(STYLES)
    registry = (styles / "__init__.py").read_text(encoding="utf-8").partition("_ALL = ")[2]
    for name in STYLES:
        assert registry.count(f" {name.upper()},") == 1


def test_the_lock_files_name_no_host() -> None:
    locks = sorted((ROOT / "backend").glob("requirements*.lock"))
    assert len(locks) == 3
    for path in locks:
        text = path.read_text(encoding="utf-8")
        assert "://" not in text
        assert "--hash=sha256:" in text


def test_the_package_is_imported_quickly_enough() -> None:
    """Not a timing: that nothing heavy is imported which a server does not need."""
    code = "import sys, avatar_gen.cli.serve; print(*sys.modules)"
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, capture_output=True, text=True, check=True, env=dict(os.environ))
    modules = set(result.stdout.split())
    assert not modules & {"alembic", "PIL.PngImagePlugin", "numpy.testing", "matplotlib", "email_validator"}
