"""Write THIRD_PARTY_NOTICES.md, the licences of all that comes with the service: `make notices`.

Names, versions and licence texts come from the packages that are installed. `INSIDE` and `OURS` add what the
packages' metadata do not tell.
"""

import re
import sys
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import NamedTuple

from packaging.requirements import Requirement

from tools.audit import BACKEND

NOTICES = BACKEND.parent / "THIRD_PARTY_NOTICES.md"

PACKAGE = BACKEND / "avatar_gen"

LICENCE_FILE = re.compile(r"(?:licen[cs]e|copying|notice|authors)[^/]*", re.IGNORECASE)

LICENCES = {
    "async-timeout": "Apache-2.0",
    "dicebear-styles": "code: MIT; artwork: the licence of each style, below",
    "pysqlite3": "Zlib",
    "python-dateutil": "Apache-2.0 OR BSD-3-Clause",
    "thorvg-python": "LGPL-2.1",
    "tzdata": "Apache-2.0",
}
"""Licences of packages that this platform does not need, or whose metadata are not clear."""

INSIDE = {
    "fastapi-offline": "Swagger UI (Apache-2.0), ReDoc (MIT)",
    "obstore": "object_store and other Rust crates (MIT or Apache-2.0)",
    "psycopg-binary": "libpq (PostgreSQL), OpenSSL (Apache-2.0), MIT Kerberos (MIT), OpenLDAP (OLDAP-2.8),"
    " Cyrus SASL (BSD-3-Clause-Attribution), keyutils (LGPL-2.0-or-later), libxcrypt (LGPL-2.1-or-later)",
    "pysqlite3": "SQLite (public domain)",
    "pyvips-binary": "libvips, librsvg, libheif, glib, pango, gdk-pixbuf, fribidi, libexif, libgsf,"
    " proxy-libintl (LGPL-3.0 by the clause of later versions), cairo (MPL-2.0), aom, libimagequant, libspng"
    " (BSD-2-Clause), libwebp (BSD-3-Clause), mozjpeg (IJG AND BSD-3-Clause AND Zlib), zlib-ng"
    " (Zlib), libpng (libpng-2.0), libtiff (libtiff), fontconfig (HPND), freetype (FTL), cgif, expat,"
    " harfbuzz, lcms, libffi, libnsgif, libxml2, pixman (MIT)",
    "thorvg-python": "ThorVG (MIT)",
    "zlib-ng": "zlib-ng (Zlib)",
}
"""What wheels have compiled in, or bring with them, beside the package itself."""


class Part(NamedTuple):
    """A part of the package that other authors made."""

    name: str
    licence: str
    files: str
    text: Path


OURS = (
    Part(
        "Inter and Noto Sans",
        "OFL-1.1",
        "outlines of letters in `drawing/fonts/*.glyphs`",
        PACKAGE / "drawing/fonts/OFL.txt",
    ),
    Part(
        "Noto Sans",
        "OFL-1.1",
        "letters in `imaging/fonts/letters-*.ttf`",
        PACKAGE / "imaging/fonts/LICENSE.txt",
    ),
    Part("Manrope", "OFL-1.1", "letters in `page/*.woff2`", PACKAGE / "page/OFL.txt"),
    Part(
        "Cropper.js", "MIT", "`page/cropper.min.js` and `page/cropper.min.css`", PACKAGE / "page/CROPPER.txt"
    ),
)

HEAD = """# Third-party notices

`make notices` writes this file. It lists the packages, fonts and artwork that come with the service, and
their licences. The service itself is under the licence in [LICENSE](LICENSE).

Python packages are those of `backend/requirements.lock`. The service loads libvips, ThorVG and libpq at run
time as shared libraries, which you may replace. The container image also has Python and Debian's packages.
Their licences are in the image, under `/usr/share/doc`. The LGPL 3.0 refers to the text of the GPL 3.0. That
text is at https://www.gnu.org/licenses/gpl-3.0.txt, and in the image at `/usr/share/common-licenses/GPL-3`.
"""


def locked() -> Iterator[tuple[str, str]]:
    """Return the names and versions in the lock file, of all platforms and all releases of Python."""
    for line in (BACKEND / "requirements.lock").read_text(encoding="utf-8").splitlines():
        if line and line[0] not in " #-":
            requirement = Requirement(line.removesuffix("\\"))
            yield requirement.name, str(requirement.specifier).removeprefix("==")


def noticed() -> Iterator[tuple[str, str]]:
    """Return the names and versions of packages in the file as it is."""
    yield from re.findall(r"^\| ([\w.-]+) (\d[\w.]*) \| ", NOTICES.read_text(encoding="utf-8"), re.MULTILINE)


def write() -> str:
    """Return the text of the file. Exits if a package cannot be described here."""
    packages = list(locked())
    rows = "\n".join(
        f"| {name} {version} | {licence_of(name)} | {INSIDE.get(name, '')} |" for name, version in packages
    )
    parts = "\n".join(f"| {part.name} | {part.licence} | {part.files} |" for part in OURS)
    return (
        f"{HEAD}\n## Python packages\n\n| package | licence | brings with it |\n| --- | --- | --- |\n{rows}\n"
        "\n## Fonts and scripts in the package\n\nPaths are below `backend/avatar_gen`.\n"
        f"\n| name | licence | files |\n| --- | --- | --- |\n{parts}\n\n## Texts\n{''.join(_texts(packages))}"
    )


def licence_of(name: str) -> str:
    """Return the licence that a package's metadata name. Exits if they name none."""
    if name in LICENCES:
        return LICENCES[name]
    found = _installed(name)
    if found is None:
        sys.exit(f"{name} is not installed here. Add its licence to LICENCES in tools/notices.py.")
    classifiers = [
        each.rpartition(" :: ")[2]
        for each in found.metadata.get_all("Classifier") or ()
        if each.startswith("License ::")
    ]
    named = found.metadata["License-Expression"] or found.metadata["License"] or " OR ".join(classifiers)
    if not named or "\n" in named:
        sys.exit(f"The metadata of {name} name no licence. Add it to LICENCES in tools/notices.py.")
    return str(named)


def _installed(name: str) -> Distribution | None:
    try:
        return distribution(name)
    except PackageNotFoundError:
        return None


def _texts(packages: list[tuple[str, str]]) -> Iterator[str]:
    """Return each different text, under the names of all packages that have it."""
    owners: dict[str, list[str]] = {}
    for name in dict.fromkeys(name for name, _ in packages):
        for text in _texts_of(name):
            owners.setdefault(text, []).append(name)
    for part in OURS:
        owners.setdefault(tidy(part.text), []).append(part.name)
    for text, names in owners.items():
        yield f"\n### {', '.join(dict.fromkeys(names))}\n\n~~~~text\n{text}\n~~~~\n"


def _texts_of(name: str) -> Iterator[str]:
    found = _installed(name)
    for file in (found and found.files) or ():
        if LICENCE_FILE.fullmatch(file.name) and file.suffix in {"", ".txt", ".md"}:
            yield tidy(Path(str(file.locate())))


def tidy(path: Path) -> str:
    """Return a text without spaces at the ends of lines, and without empty lines at its ends."""
    lines = path.read_text(encoding="utf-8").replace("\f", "\n").splitlines()
    return "\n".join(line.rstrip() for line in lines).strip("\n")


if __name__ == "__main__":
    NOTICES.write_text(write(), encoding="utf-8")
