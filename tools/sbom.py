"""Say what the service is made of, as CycloneDX has it: `make sbom`.

In it are the packages of requirements.lock that are installed, with their licences and dependencies; below
each of them what its wheel says to have compiled in (PEP 770), and libvips and SQLite, whose wheels do not
say it. Debian's packages of the image are not: they are in its own list, which scanners read.
"""

import importlib.metadata
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import DisjunctiveLicense
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from packageurl import PackageURL
from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name

from avatar_gen import __version__
from avatar_gen.database import sqlite
from avatar_gen.imaging import vips
from tools.audit import locked

COMPILED_IN = {
    "pyvips-binary": ("libvips", vips.VERSION),
    "pysqlite3": ("sqlite", sqlite.sqlite.sqlite_version),  # type: ignore[attr-defined]
}


def compiled_in(name: str) -> Iterator[Component]:
    """What a wheel has in it that is no Python."""
    if name in COMPILED_IN:
        library, version = COMPILED_IN[name]
        yield _component(library, version, PackageURL("generic", None, library, version))
    seen = {canonicalize_name(name)}
    for file in importlib.metadata.files(name) or ():
        if "sboms" in file.parts and file.suffix == ".json":
            for part in json.loads(Path(str(file.locate())).read_text(encoding="utf-8")).get(
                "components", []
            ):
                if (key := canonicalize_name(part["name"])) not in seen:
                    seen.add(key)
                    yield _component(part["name"], part.get("version"), _purl(part))


def _purl(part: dict[str, Any]) -> PackageURL | None:
    return PackageURL.from_string(part["purl"]) if "purl" in part else None


def _component(name: str, version: str | None, purl: PackageURL | None) -> Component:
    return Component(name=name, version=version, purl=purl, type=ComponentType.LIBRARY)


def describe(requirement: str) -> Component:
    """A package that is installed."""
    name, _, version = requirement.partition("==")
    found = importlib.metadata.metadata(name)
    if found["Version"] != version:
        sys.exit(f"{name} {found['Version']} is installed, and {version} is locked: make install")
    component = _component(name, version, PackageURL("pypi", None, canonicalize_name(name), version))
    licence = found["License-Expression"] or found["License"] or ""
    if licence:
        component.licenses.add(DisjunctiveLicense(name=licence.splitlines()[0]))
    component.components.update(compiled_in(name))
    return component


def needs(name: str) -> set[NormalizedName]:
    """The names of the packages that a package asks for here."""
    asked = map(Requirement, importlib.metadata.requires(name) or ())
    return {
        canonicalize_name(each.name)
        for each in asked
        if each.marker is None or each.marker.evaluate({"extra": ""})
    }


def bom() -> Bom:
    """All of it."""
    parts = {canonicalize_name(part.name): part for part in map(describe, locked("requirements.lock"))}
    service = Component(name="avatar-gen", version=__version__, type=ComponentType.APPLICATION)
    made = Bom(components=parts.values())
    made.metadata.component = service
    made.register_dependency(service, [parts[name] for name in needs("avatar-gen") & set(parts)])
    for name, part in parts.items():
        made.register_dependency(part, [parts[each] for each in needs(name) & set(parts)])
    return made


if __name__ == "__main__":
    outputter = make_outputter(bom(), OutputFormat.JSON, SchemaVersion.V1_6)
    sys.stdout.write(outputter.output_as_string(indent=2) + "\n")
