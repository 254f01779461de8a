"""Build the wheel and the sdist into dist/: `make dist`. docs/releasing.md describes it.

Two builds of one commit have the same bytes. The environment variable `SOURCE` is the URL of the repository,
to which the metadata and the links of the readme then lead.
"""

import hashlib
import os
import posixpath
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import chdir, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from flit_core import buildapi

ROOT = Path(__file__).parents[1]

OLDEST = 315_532_800
"""1980-01-01, the earliest time that a zip file can have."""

_VERSION = re.compile(r'^__version__ = "([^"]+)"$', re.MULTILINE)
_LINK = re.compile(r"\[([^\]]+)\]\((?!https?://|#)([^)]+)\)")


class Release(NamedTuple):
    """The version of a build, its time in seconds since 1970, and the git reference of its sources."""

    version: str
    seconds: int
    reference: str


def release_of(root: Path) -> Release:
    """Return the release of a tree. Exits if a tag of the commit is not the version of the code.

    A commit without a tag, or a tree with changes, has the version of a development release, which PyPI does
    not take. A tree without git has the version of the code.
    """
    match = _VERSION.search((root / "backend/avatar_gen/__init__.py").read_text(encoding="utf-8"))
    assert match  # noqa: S101 - tests import it
    version = match[1]
    if not (root / ".git").exists():
        return Release(version, OLDEST, f"v{version}")
    tags = _git(root, "tag", "--points-at", "HEAD", "--list", "v[0-9]*").split()
    if set(tags) - {f"v{version}"}:
        sys.exit(f"The tag is {tags[0]}, and backend/avatar_gen/__init__.py has {version}. Make them agree.")
    seconds, commit = _git(root, "log", "-1", "--format=%ct %h").split()
    dirty = bool(_git(root, "status", "--porcelain", "--", "backend"))
    if tags and not dirty:
        return Release(version, int(seconds), tags[0])
    count = _git(root, "rev-list", "--count", "HEAD").strip()
    return Release(f"{version}.dev{count}+g{commit}{'.dirty' * dirty}", int(seconds), commit)


def _git(root: Path, *arguments: str) -> str:
    command = ["git", "-C", str(root), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout  # noqa: S603 - ours


def build(release: Release, source: str, dist: Path) -> tuple[Path, Path]:
    """Write the sdist and the wheel into a folder, and return their paths."""
    with TemporaryDirectory() as folder, _time(release.seconds):
        tree = Path(folder) / "tree"
        shutil.copytree(ROOT / "backend/avatar_gen", tree / "avatar_gen", ignore=_not_ours)
        for name in ("LICENSE", "README.md", "pyproject.toml"):
            shutil.copyfile(ROOT / "backend" / name, tree / name)
        _state(tree, release, source)
        with chdir(tree):
            return dist / buildapi.build_sdist(str(dist)), dist / buildapi.build_wheel(str(dist))


@contextmanager
def _time(seconds: int) -> Iterator[None]:
    """Let files in archives have this time, unless the environment has another one."""
    given = os.environ.get("SOURCE_DATE_EPOCH")
    os.environ["SOURCE_DATE_EPOCH"] = given or str(seconds)
    try:
        yield
    finally:
        if given is None:
            del os.environ["SOURCE_DATE_EPOCH"]


_not_ours = shutil.ignore_patterns("__pycache__", ".*")


def _state(tree: Path, release: Release, source: str) -> None:
    """Write the version, the links and the URLs into a copy of the package."""
    _rewrite(
        tree / "avatar_gen/__init__.py", lambda text: _VERSION.sub(f'__version__ = "{release.version}"', text)
    )
    files = f"{source}/blob/{release.reference}/" if source else ""
    _rewrite(tree / "README.md", lambda text: _LINK.sub(lambda link: _absolute(link, files), text))
    if source:
        _rewrite(tree / "pyproject.toml", lambda text: text + _urls(source, files))


def _rewrite(path: Path, change: Callable[[str], str]) -> None:
    path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")


def _absolute(link: re.Match[str], files: str) -> str:
    """Return a link to the repository, or only its text if the repository has no URL."""
    return f"[{link[1]}]({files}{posixpath.normpath(f'backend/{link[2]}')})" if files else link[1]


def _urls(source: str, files: str) -> str:
    urls = {
        "Source": source,
        "Documentation": f"{files}README.md",
        "Changelog": f"{files}CHANGELOG.md",
        "Issues": f"{source}/issues",
    }
    return "\n[project.urls]\n" + "".join(f'{name} = "{url}"\n' for name, url in urls.items())


def main() -> None:
    """Build into dist/, and print the checksums as `sha256sum` does."""
    dist = ROOT / "dist"
    shutil.rmtree(dist, ignore_errors=True)
    dist.mkdir()
    for path in build(release_of(ROOT), os.environ.get("SOURCE", "").rstrip("/"), dist):
        print(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  dist/{path.name}")


if __name__ == "__main__":
    main()
