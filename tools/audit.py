"""Ask a database of advisories about everything that is locked: `make audit`.

It ends with 0 and "Clean" only where the database was reached, knew of a hole that is there for certain, and
had an answer for each package. Holes end it with 1, and whatever else happens with 2 and "Not audited".
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import click
from packaging.requirements import Requirement

BACKEND = Path(__file__).parents[1] / "backend"
LOCKS = ("requirements.lock", "requirements-dev.lock", "requirements-build.lock")

CANARY = "pillow==8.0.0"
"""Has more than a dozen advisories. A database that knows none of them knows nothing."""

ADVISORIES = "https://api.osv.dev/v1/query"


class NotAudited(Exception):
    """Nobody has looked."""


def locked(name: str) -> Iterator[str]:
    """What a lock file has this platform install, as `name==version`."""
    for line in (BACKEND / name).read_text(encoding="utf-8").splitlines():
        if line and line[0] not in " #-":
            requirement = Requirement(line.removesuffix("\\"))
            if requirement.marker is None or requirement.marker.evaluate():
                yield f"{requirement.name}{requirement.specifier}"


def audit(packages: list[str], database: str) -> dict[str, list[str]]:
    """The packages that have holes, and the advisories on each. Raises `NotAudited`."""
    if not holes([CANARY], database)[CANARY]:
        raise NotAudited(f"the database knows of no hole in {CANARY}, which has many")
    return {package: advisories for package, advisories in holes(packages, database).items() if advisories}


def holes(requirements: Iterable[str], database: str) -> dict[str, list[str]]:
    """The advisories on each of these. Raises `NotAudited` unless all of them have been looked up."""
    wanted = set(requirements)
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write("\n".join(sorted(wanted)))
        file.flush()
        options = ["--strict", "--no-deps", "--disable-pip", "--format=json", "--progress-spinner=off"]
        source = ["--vulnerability-service=osv", f"--osv-url={database}"]
        command = [sys.executable, "-m", "pip_audit", *options, *source, f"--requirement={file.name}"]
        result = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - ours
    try:
        found = json.loads(result.stdout)["dependencies"]
        said = {f"{each['name']}=={each['version']}": [one["id"] for one in each["vulns"]] for each in found}
    except (KeyError, ValueError):
        words = result.stderr.strip().splitlines() or ["pip-audit said nothing"]
        raise NotAudited(words[-1]) from None
    if missing := wanted - set(said):
        raise NotAudited(f"nothing was said about {', '.join(sorted(missing))}")
    return said


@click.command()
@click.option("--database", default=ADVISORIES, show_default=True, help="An address that speaks OSV's API.")
def main(database: str) -> None:
    """Look for known holes in what is locked."""
    packages = sorted({package for name in LOCKS for package in locked(name)})
    try:
        found = audit(packages, database)
    except NotAudited as error:
        click.echo(f"Not audited: {error}", err=True)
        sys.exit(2)
    for package, advisories in found.items():
        click.echo(f"{package}: {', '.join(advisories)}")
    if found:
        click.echo(f"{len(found)} of {len(packages)} packages have known holes.", err=True)
        sys.exit(1)
    click.echo(f"Clean: {len(packages)} packages, none with a known hole.")


if __name__ == "__main__":
    main()
