"""The clients know the names and the version of the service."""

import json
import re

import avatar_gen_client
from avatar_gen import __version__
from tools import client_names

TYPESCRIPT = client_names.CLIENTS / "typescript"


def test_the_types_have_all_names_of_the_service() -> None:
    """`make clients-names` writes them again."""
    assert client_names.PYTHON.read_text(encoding="utf-8") == client_names.python()
    assert client_names.TYPESCRIPT.read_text(encoding="utf-8") == client_names.typescript()


def test_the_clients_have_the_version_of_the_service() -> None:
    package = json.loads((TYPESCRIPT / "package.json").read_text(encoding="utf-8"))
    lock = json.loads((TYPESCRIPT / "package-lock.json").read_text(encoding="utf-8"))
    assert avatar_gen_client.__version__ == __version__
    assert package["version"] == lock["version"] == lock["packages"][""]["version"] == __version__


def test_the_typescript_client_has_no_dependencies_and_its_lock_no_url() -> None:
    package = json.loads((TYPESCRIPT / "package.json").read_text(encoding="utf-8"))
    assert "dependencies" not in package
    assert package["peerDependenciesMeta"]["react"]["optional"]
    lock = (TYPESCRIPT / "package-lock.json").read_text(encoding="utf-8")
    assert "://" not in lock
    assert len(re.findall('"integrity"', lock)) > 10
