"""Build the documentation as a site into site/html: `make docs`.

The pages are those of the repository, in its folders, so their links are the same on a forge and on the site.
The environment variable `SOURCE` is the URL of the repository, to which links to other files then lead.
"""

import os
import posixpath
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from tools.dist import release_of

ROOT = Path(__file__).parents[1]
SITE = ROOT / "site"

PAGES = ("*.md", "docs/*.md", "docs/decisions/*.md", "backend/docker/*.md", "clients/*/*.md", "deploy/*/*.md")
ALSO = ("benchmarks/RESULTS.md",)
NO_PAGES = {"THIRD_PARTY_NOTICES.md"}
"""Pages that would fill the search."""

FILES = (
    "docs/**/*.png",
    "docs/**/*.webp",
    "docs/**/*.svg",
    "docs/**/*.json",
    "docs/*.prisma",
    "benchmarks/plots/*.svg",
)
DECISIONS = "docs/decisions/index.md"

_LINK = re.compile(r"(!?)\[([^\]]*)\]\((?![a-z]+:|#)([^)#\s]+)(#[^)\s]*)?\)")


def pages(root: Path) -> list[str]:
    """Return the paths of all pages of the site, the index of decisions included."""
    found = [
        str(path.relative_to(root)) for pattern in (*PAGES, *ALSO) for path in sorted(root.glob(pattern))
    ]
    return [*(path for path in found if path not in NO_PAGES), DECISIONS]


def prepare(root: Path, site: Path, source: str) -> None:
    """Write the pages, the files that they show, and the settings of the site into a folder."""
    known = set(pages(root))
    files = f"{source}/blob/{release_of(root).reference}/" if source else ""
    for path in known - {DECISIONS}:
        text = (root / path).read_text(encoding="utf-8")
        _write(site / "source" / path, _LINK.sub(partial(_link, page=path, known=known, files=files), text))
    _write(site / "source" / DECISIONS, _index(root))
    for pattern in FILES:
        for file in root.glob(pattern):
            _copy(file, site / "source" / file.relative_to(root))
    for file in (root / "docs/site").glob("iframe-worker.*"):
        _copy(file, site / "source/assets" / file.name)
    settings = (root / "docs/site/zensical.toml").read_text(encoding="utf-8")
    _write(site / "zensical.toml", with_all(settings, known))


def with_all(settings: str, known: set[str]) -> str:
    """Add the pages that the navigation does not name to its end. The index lists the decisions."""
    more = sorted(path for path in known - set(named(settings)) if not path.startswith("docs/decisions/"))
    return settings.replace("\n]\n", f'\n    {{ "More" = {more} }},\n]\n', 1) if more else settings


def named(settings: str) -> Iterator[str]:
    """Return the pages in the navigation of the settings."""
    entries: list[Any] = list(tomllib.loads(settings)["project"]["nav"])
    while entries:
        entry = entries.pop(0)
        if isinstance(entry, str):
            yield entry
        else:
            entries += entry if isinstance(entry, list) else entry.values()


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _copy(path: Path, to: Path) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path, to)


def _link(link: re.Match[str], *, page: str, known: set[str], files: str) -> str:
    """Return a link as it is if it leads to a part of the site. Else let it lead to the repository."""
    picture, text, target, anchor = link.groups()
    path = posixpath.normpath(posixpath.join(posixpath.dirname(page), target))
    if picture or path in known or any(Path(path).match(pattern.replace("**/", "")) for pattern in FILES):
        return link[0]
    if f"{path}/index.md" in known:
        return f"[{text}]({target.rstrip('/')}/index.md)"
    return f"[{text}]({files}{path}{anchor or ''})" if files else text


def _index(root: Path) -> str:
    """Return a page with links to all decisions."""
    lines = ["# Decisions", "", "One page for each decision that is hard to undo.", ""]
    for path in sorted((root / "docs/decisions").glob("[0-9]*.md")):
        title = path.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ")
        number, _, name = title.partition(". ")
        lines.append(f"- [{number}. {name}]({path.name})")
    return "\n".join(lines) + "\n"


def build(site: Path) -> None:
    """Build the site, and exit at the first link that leads nowhere."""
    program = Path(sys.executable).with_name("zensical")
    command = [str(program), "build", "--strict", "--clean", "--config-file", str(site / "zensical.toml")]
    if status := subprocess.run(command, check=False).returncode:  # noqa: S603 - ours
        sys.exit(status)


def main() -> None:
    """Build into site/html."""
    shutil.rmtree(SITE, ignore_errors=True)
    prepare(ROOT, SITE, os.environ.get("SOURCE", "").rstrip("/"))
    build(SITE)
    print(f"The site is {SITE / 'html' / 'index.html'}")


if __name__ == "__main__":
    main()
