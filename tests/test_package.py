"""The wheel and the sdist: what they say of themselves, that they are reproducible, and that they run."""

import hashlib
import os
import re
import subprocess
import tarfile
from email.message import Message
from email.parser import BytesParser
from pathlib import Path
from zipfile import ZipFile

import pytest

from avatar_gen import __version__
from tools import dist

SOURCE = "https://forge.example.org/owner/avatars"
RELEASE = dist.Release("7.8.9", 1_750_000_000, "v7.8.9")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """An sdist and a wheel."""
    return dist.build(RELEASE, SOURCE, tmp_path_factory.mktemp("dist"))


def checksums(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


def metadata_of(wheel: Path) -> Message:
    with ZipFile(wheel) as archive:
        (name,) = [each for each in archive.namelist() if each.endswith(".dist-info/METADATA")]
        return BytesParser().parsebytes(archive.read(name))


def test_make_starts_again_after_a_python_without_venv(tmp_path: Path) -> None:
    """Such a Python leaves an environment without pip, in which nothing can be installed."""
    (tmp_path / "Makefile").write_bytes((Path(__file__).parents[1] / "Makefile").read_bytes())
    python = tmp_path / "python"
    left = "mkdir -p .venv/bin; touch .venv/bin/python; echo no venv; exit 1"
    python.write_text(f'#!/bin/sh\ncase "$*" in *venv*) {left};; esac\n')
    python.chmod(0o755)
    for _ in range(2):
        command = ["make", "-C", str(tmp_path), f"PYTHON={python}", ".venv/bin/python"]
        made = subprocess.run(command, capture_output=True, text=True, check=False)
        assert made.returncode == 2
        assert "no venv" in made.stdout
        assert not (tmp_path / ".venv").exists()


def test_two_builds_have_the_same_bytes(built: tuple[Path, Path], tmp_path: Path) -> None:
    mask = os.umask(0o077)
    try:
        dist.build(RELEASE, SOURCE, tmp_path)
    finally:
        os.umask(mask)
    assert checksums(tmp_path) == checksums(built[0].parent)


def test_the_metadata_are_complete(built: tuple[Path, Path]) -> None:
    metadata = metadata_of(built[1])
    assert (metadata["Name"], metadata["Version"]) == ("avatar-gen-server", "7.8.9")
    assert (metadata["License-Expression"], metadata["Requires-Python"]) == ("MIT", ">=3.11")
    licences = metadata.get_all("License-File") or []
    assert {"LICENSE", "avatar_gen/page/OFL.txt", "avatar_gen/page/CROPPER.txt"} <= set(licences)
    classifiers = metadata.get_all("Classifier") or []
    assert {f"Programming Language :: Python :: 3.{minor}" for minor in range(11, 15)} <= set(classifiers)
    urls = dict(each.split(", ") for each in metadata.get_all("Project-URL") or [])
    assert urls["Source"] == SOURCE
    assert urls["Changelog"] == f"{SOURCE}/blob/v7.8.9/CHANGELOG.md"


def test_the_readme_leads_into_the_repository(built: tuple[Path, Path], tmp_path: Path) -> None:
    text = metadata_of(built[1]).get_payload()
    assert isinstance(text, str)
    targets = re.findall(r"\]\(([^)]+)\)", text)
    assert f"{SOURCE}/blob/v7.8.9/docs/cli.md" in targets
    assert all(target.startswith(f"{SOURCE}/blob/v7.8.9/") for target in targets)
    for target in targets:
        assert (dist.ROOT / target.split("/v7.8.9/")[1].partition("#")[0]).exists()
    alone = metadata_of(dist.build(RELEASE, "", tmp_path)[1])
    assert "](" not in str(alone.get_payload())
    assert alone["Project-URL"] is None


def test_both_have_the_code_the_page_and_the_mark_of_types(built: tuple[Path, Path]) -> None:
    sdist, wheel = built
    with tarfile.open(sdist) as archive:
        in_sdist = {name.partition("/")[2] for name in archive.getnames()}
    with ZipFile(wheel) as archive:
        in_wheel = set(archive.namelist())
    package = dist.ROOT / "backend"
    ours = {
        str(path.relative_to(package))
        for path in (package / "avatar_gen").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert "avatar_gen/py.typed" in ours
    assert ours <= in_wheel
    assert ours <= in_sdist


def test_the_workflows_and_the_page_on_releases_use_targets_that_exist() -> None:
    pages = [dist.ROOT / "docs/releasing.md", *(dist.ROOT / ".github/workflows").iterdir()]
    used = {
        name
        for page in pages
        for name in re.findall(r"\bmake ([a-z][a-z-]+)", page.read_text(encoding="utf-8"))
    }
    assert {"dist", "dist-test", "publish", "image-push"} <= used
    targets = re.findall(r"^([a-z-]+):", (dist.ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert used <= set(targets)


class TestVersion:
    """Of a build, in a repository of its own."""

    @pytest.fixture
    def tree(self, tmp_path: Path) -> Path:
        package = tmp_path / "backend" / "avatar_gen"
        package.mkdir(parents=True)
        (package / "__init__.py").write_text(f'"""Doc."""\n\n__version__ = "{__version__}"\n')
        return tmp_path

    @pytest.fixture
    def commit(self, tree: Path) -> str:
        git(tree, "init", "--quiet")
        git(tree, "add", ".")
        git(tree, "commit", "--quiet", "--message", "First")
        return git(tree, "rev-parse", "--short", "HEAD").strip()

    def test_without_git_is_that_of_the_code(self, tree: Path) -> None:
        assert dist.release_of(tree) == (__version__, dist.OLDEST, f"v{__version__}")

    def test_of_a_tag_is_the_tag(self, tree: Path, commit: str) -> None:
        git(tree, "tag", f"v{__version__}")
        assert dist.release_of(tree) == (__version__, 1_700_000_000, f"v{__version__}")
        assert commit

    def test_without_a_tag_cannot_be_taken_for_a_release(self, tree: Path, commit: str) -> None:
        assert dist.release_of(tree) == (f"{__version__}.dev1+g{commit}", 1_700_000_000, commit)

    def test_of_a_changed_tree_is_no_release_despite_a_tag(self, tree: Path, commit: str) -> None:
        git(tree, "tag", f"v{__version__}")
        with (tree / "backend/avatar_gen/__init__.py").open("a") as code:
            code.write("CHANGED = True\n")
        assert dist.release_of(tree).version == f"{__version__}.dev1+g{commit}.dirty"

    @pytest.mark.usefixtures("commit")
    def test_of_another_tag_stops_the_build(self, tree: Path) -> None:
        git(tree, "tag", "v99.0.0")
        with pytest.raises(SystemExit, match=r"The tag is v99\.0\.0, and .*/__init__\.py has "):
            dist.release_of(tree)


def git(tree: Path, *arguments: str) -> str:
    who = {f"GIT_{role}_{part}": "a" for role in ("AUTHOR", "COMMITTER") for part in ("NAME", "EMAIL")}
    when = dict.fromkeys(("GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE"), "1700000000 +0000")
    command = ["git", "-c", "init.defaultBranch=main", "-c", "commit.gpgSign=false", *arguments]
    environ = {**os.environ, **who, **when}
    return subprocess.run(command, cwd=tree, env=environ, capture_output=True, text=True, check=True).stdout
