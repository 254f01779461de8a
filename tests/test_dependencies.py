"""What the service stands on: no older than it may be, looked up where that can be, and told in full."""

import json
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packaging.utils import canonicalize_name
from packaging.version import Version

from avatar_gen.database import sqlite
from avatar_gen.imaging import vips
from tools.audit import BACKEND, CANARY, LOCKS, locked

FLOORS = {
    "starlette": "1.3.1",
    "python-multipart": "0.0.31",
    "h11": "0.16",
    "httptools": "0.8",
    "pillow": "13.0.0",
    "pyvips-binary": "8.18.3",
}
"""What is older has holes that are known; python-multipart is not needed now, and may not come back older."""


def pinned(lock: str) -> dict[str, Version]:
    text = (BACKEND / lock).read_text(encoding="utf-8")
    found = re.findall(r"^([\w.-]+)==([^\s;]+)", text, re.MULTILINE)
    return {canonicalize_name(name): Version(number) for name, number in found}


@pytest.mark.parametrize("dockerfile", ["Dockerfile", "gateway/Dockerfile"])
def test_an_image_is_built_of_its_base_images_alone(dockerfile: str) -> None:
    """A line `# syntax=` would make each build fetch another image, which reads the Dockerfile."""
    text = (BACKEND / "docker" / dockerfile).read_text(encoding="utf-8")
    assert "FROM " in text
    assert not re.search(r"^#\s*syntax\s*=", text, re.MULTILINE | re.IGNORECASE)


@pytest.mark.parametrize("lock", LOCKS)
def test_no_lock_has_what_is_known_to_have_holes(lock: str) -> None:
    pins = pinned(lock)
    assert pins
    below = {
        name: pins[name] for name, least in FLOORS.items() if name in pins and pins[name] < Version(least)
    }
    assert below == {}


def test_what_is_installed_is_what_is_locked_and_has_none_of_these_holes() -> None:
    present = set(pinned("requirements.lock")) & set(FLOORS)
    assert present >= {"starlette", "httptools", "pillow", "pyvips-binary"}
    for name in present:
        assert Version(version(name)) == pinned("requirements.lock")[name]
    assert Version(vips.VERSION) >= Version(FLOORS["pyvips-binary"])


def test_the_project_itself_asks_for_no_less() -> None:
    text = (BACKEND / "pyproject.toml").read_text(encoding="utf-8")
    asked = dict(re.findall(r'"([\w-]+) >=([\d.]+)', text))
    for name in ("starlette", "httptools", "pillow", "pyvips-binary"):
        assert Version(asked[name]) >= Version(FLOORS[name])


def test_the_sqlite_that_is_locked_can_be_shared() -> None:
    """Where there is a wheel of it; without one, several workers do not start."""
    if any(requirement.startswith("pysqlite3==") for requirement in locked("requirements.lock")):
        assert not sqlite.corrupts_shared_wal(sqlite.sqlite.sqlite_version_info)  # type: ignore[attr-defined]


Answer = Callable[[str, str], list[str]]


@contextmanager
def advisories(answer: Answer) -> Iterator[str]:
    """A database that speaks OSV's API; its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            found = answer(asked["package"]["name"], asked["version"])
            vulns = [{"id": each, "affected": [], "details": "", "aliases": []} for each in found]
            body = json.dumps({"vulns": vulns} if vulns else {}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1/query"
    finally:
        server.shutdown()
        server.server_close()


def audit(database: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tools.audit", f"--database={database}"]
    return subprocess.run(command, cwd=BACKEND.parent, capture_output=True, text=True, check=False)


def known(name: str, number: str) -> list[str]:
    return ["PYSEC-2021-0"] if f"{name}=={number}" == CANARY else []


def test_an_audit_says_clean_when_all_was_looked_up() -> None:
    with advisories(known) as database:
        result = audit(database)
    assert (result.returncode, result.stderr) == (0, "")
    packages = {package for lock in LOCKS for package in locked(lock)}
    assert result.stdout == f"Clean: {len(packages)} packages, none with a known hole.\n"


def test_an_audit_names_what_has_holes() -> None:
    with advisories(lambda name, number: known(name, number) or ["GHSA-x"] * (name == "uvloop")) as database:
        result = audit(database)
    assert result.returncode == 1
    assert result.stdout == f"uvloop=={version('uvloop')}: GHSA-x\n"
    assert "clean" not in result.stdout.lower()


def test_an_audit_that_could_not_look_says_so() -> None:
    """Nobody listens on port 1."""
    result = audit("http://127.0.0.1:1/v1/query")
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("Not audited: ")


def test_an_audit_by_a_database_that_knows_nothing_is_none() -> None:
    with advisories(lambda _name, _number: []) as database:
        result = audit(database)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == f"Not audited: the database knows of no hole in {CANARY}, which has many\n"


def test_the_bill_of_materials_is_valid_and_holds_all_that_is_locked() -> None:
    command = [sys.executable, "-m", "tools.sbom"]
    text = subprocess.run(command, cwd=BACKEND.parent, capture_output=True, text=True, check=True).stdout
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    document = json.loads(text)
    components = {component["name"]: component for component in document["components"]}
    assert {f"{name}=={each['version']}" for name, each in components.items()} == set(
        locked("requirements.lock")
    )
    assert all(each["purl"].startswith("pkg:pypi/") for each in components.values())
    unlicensed = [name for name, each in components.items() if "licenses" not in each]
    assert len(unlicensed) <= len(components) // 3
    inside = {part["name"]: part["version"] for part in components["pyvips-binary"]["components"]}
    assert inside == {"libvips": vips.VERSION}
    assert "libwebp" in {part["name"] for part in components["pillow"]["components"]}
    edges = {each["ref"]: each.get("dependsOn", []) for each in document["dependencies"]}
    assert components["starlette"]["bom-ref"] in edges[components["fastapi"]["bom-ref"]]
