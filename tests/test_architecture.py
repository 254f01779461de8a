"""The package keeps its structure: rooms, directions of imports, registries and sizes."""

import os
import statistics
import subprocess
import sys
from pathlib import Path

import avatar_gen
from avatar_gen.drawing.styles import STYLES
from tools.sizes import functions, working_tree

ROOT = Path(__file__).parent.parent
PACKAGE = Path(avatar_gen.__file__).parent

ROOMS = {
    *("api", "cli", "database", "drawing", "imaging", "objects"),
    *("runtime", "security", "services", "settings", "telemetry"),
}
MODULES = {"__init__.py", "__main__.py", "app.py", "avatar.py", "errors.py"}

OTHER_TESTS = {"clients", "deploy", "docs", "golden", "image", "page", "servers", "slow", "tools"}
"""Folders of tests that are not about one room."""


def entries(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if path.name != "__pycache__"}


def test_the_package_has_these_rooms_and_no_loose_modules() -> None:
    assert entries(PACKAGE) == ROOMS | MODULES | {"page", "py.typed"}


def test_the_tests_mirror_the_package() -> None:
    folders = {path.name for path in (ROOT / "tests").iterdir() if path.is_dir() and path.name[0] != "_"}
    assert folders == ROOMS | OTHER_TESTS


def test_functions_and_modules_are_short() -> None:
    modules = dict(working_tree())
    sizes = [lines for name, text in modules.items() for lines, _ in functions(name, text)]
    assert statistics.quantiles(sizes, n=10)[8] <= 25
    assert max(sizes) <= 55
    assert max(text.count("\n") for text in modules.values()) <= 350


def test_imports_run_one_way() -> None:
    """The contracts are in pyproject.toml."""
    command = [f"{Path(sys.executable).parent}/lint-imports", "--config", "pyproject.toml", "--no-cache"]
    result = subprocess.run(command, cwd=ROOT / "backend", capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout
    assert "2 kept, 0 broken" in result.stdout


def test_only_the_settings_loader_reads_the_environment() -> None:
    readers = [
        path.name for path in PACKAGE.rglob("*.py") if "os.environ" in path.read_text(encoding="utf-8")
    ]
    assert readers == ["loader.py"]


def test_only_imaging_uses_the_image_libraries() -> None:
    """Pillow's table of colour names is not an image library."""
    for path in PACKAGE.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        if "imaging" not in path.parts:
            assert "pyvips" not in text.replace('"pyvips"', ""), path
            assert "PIL" not in text.replace("PIL.ImageColor", ""), path


def test_a_style_is_one_file_and_one_line_of_the_registry() -> None:
    styles = PACKAGE / "drawing" / "styles"
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


def test_a_server_imports_no_heavy_module_that_it_does_not_need() -> None:
    code = "import sys, avatar_gen.cli.serve; print(*sys.modules)"
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, capture_output=True, text=True, check=True, env=dict(os.environ))
    modules = set(result.stdout.split())
    heavy = {
        "alembic",
        "PIL.PngImagePlugin",
        "numpy.testing",
        "matplotlib",
        "email_validator",
        "celery",
        "redis",
        "opentelemetry.sdk",
        "requests",
    }
    assert not modules & heavy
