"""Say what the service is made of, as CycloneDX has it: `make sbom`.

In it are the packages of requirements.lock that are installed, with their licences and dependencies; below
each of them what its wheel says to have compiled in (PEP 770), and libvips and SQLite, whose wheels do not
say it. `make image-sbom` describes the image: CPython, the packages in it, and those of Debian.
"""

import contextlib
import importlib.metadata
import json
import shutil
import subprocess
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
    service = Component(name="avatar-gen-server", version=__version__, type=ComponentType.APPLICATION)
    made = Bom(components=parts.values())
    made.metadata.component = service
    made.register_dependency(service, [parts[name] for name in needs("avatar-gen-server") & set(parts)])
    for name, part in parts.items():
        made.register_dependency(part, [parts[each] for each in needs(name) & set(parts)])
    return made


PYTHON_PACKAGES = """
import importlib.metadata, platform
print(f"generic\tpython\t{platform.python_version()}")
for found in importlib.metadata.distributions():
    print(f"pypi\t{found.name}\t{found.version}")
"""
DEBIAN_PACKAGES = ("dpkg-query", "--show", "--showformat", "deb\t${Package}\t${Version}\n")


def image_bom(image: str) -> Bom:
    """All that is installed in an image, as the image itself lists it."""
    docker = shutil.which("docker") or sys.exit("docker is needed to look into the image")
    listed = ""
    for program, *arguments in (("python", "-c", PYTHON_PACKAGES), DEBIAN_PACKAGES):
        command = [docker, "run", "--rm", "--entrypoint", program, image, *arguments]
        listed += subprocess.run(command, capture_output=True, text=True, check=True).stdout  # noqa: S603 - ours
    made = Bom()
    for line in listed.splitlines():
        kind, name, version = line.split("\t")
        purl = PackageURL(kind, "debian" if kind == "deb" else None, name, version)
        component = _component(name, version, purl)
        if kind == "pypi":
            component.components.update(compiled_in_alike(name, version))
        made.components.add(component)
    made.metadata.component = Component(
        name="avatar-backend", version=__version__, type=ComponentType.CONTAINER
    )
    return made


def compiled_in_alike(name: str, version: str) -> Iterator[Component]:
    """What the same wheel has compiled in here, if it is installed here."""
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        if importlib.metadata.version(name) == version:
            yield from compiled_in(name)


if __name__ == "__main__":
    described = image_bom(sys.argv[2]) if sys.argv[1:2] == ["--image"] else bom()
    outputter = make_outputter(described, OutputFormat.JSON, SchemaVersion.V1_6)
    sys.stdout.write(outputter.output_as_string(indent=2) + "\n")
