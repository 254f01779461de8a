"""What is in the image, and how it is built."""

import json
import os
import re
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from avatar_gen import __version__
from tests.image.conftest import IMAGE, ROOT, build, containers, docker
from tools.audit import locked

ONE_MB = 1_000_000


def in_image(script: str) -> str:
    """What a shell says in a fresh container."""
    return docker("run", "--rm", "--entrypoint", "sh", IMAGE, "-c", script).stdout


def layers_above(base: str) -> list[float]:
    """The sizes, in MB, of the layers that the image adds to another one, without those below 0.1 MB."""

    def sizes(image: str) -> list[int]:
        shown = docker("history", "--human=false", "--format", "{{.Size}}", image).stdout
        return [int(size) for size in reversed(shown.split())]

    return [size / ONE_MB for size in sizes(IMAGE)[len(sizes(base)) :] if size > ONE_MB / 10]


class TestTheImage:
    def test_weighs_305_mb_at_most(self) -> None:
        size = int(docker("image", "inspect", "--format", "{{.Size}}", IMAGE).stdout)
        print(docker("history", "--human=true", IMAGE).stdout)
        assert size <= 305 * ONE_MB

    @pytest.mark.parametrize("page", ["backend/docker/README.md", "docs/decisions/0011-*.md"])
    def test_has_the_layers_that_its_page_lists(self, page: str) -> None:
        (file,) = ROOT.glob(page)
        table = re.split(r"^\| layer.*\n", file.read_text(encoding="utf-8"), flags=re.MULTILINE)[1]
        listed = [int(size) for size in re.findall(r"^\|[^|]+\| (\d+) \|", table, re.MULTILINE)[:5]]
        total = re.search(r"^(?:\| together \| )?(\d+) (?:MB in all|\|)", table, re.MULTILINE)
        assert total
        base, size = (
            int(docker("image", "inspect", "--format", "{{.Size}}", image).stdout) / ONE_MB
            for image in ("python:3.13-slim", IMAGE)
        )
        assert [*listed, int(total[1])] == pytest.approx(
            [base, *layers_above("python:3.13-slim"), size], abs=1
        )

    def test_shares_the_layers_of_its_base(self) -> None:
        def layers(image: str) -> list[str]:
            shown = docker("image", "inspect", "--format", "{{json .RootFS.Layers}}", image).stdout
            found: list[str] = json.loads(shown)
            return found

        base = layers("python:3.13-slim")
        assert layers(IMAGE)[: len(base)] == base

    def test_holds_what_runs_and_nothing_else(self) -> None:
        assert (
            in_image("find /app -name tests -type d -o -path '*/bin/*pip*' -o -path '*/bin/*pytest*'") == ""
        )
        assert in_image("find /app -name '*.env' -o -name '.git' -o -name '*.lock'") == ""
        assert in_image("find / -xdev -perm /6000 -type f") == ""
        assert in_image("find /root/.cache /tmp /var/cache/apt /var/lib/apt/lists -type f || true") == ""
        assert set(in_image("ls -A /app").split()) == {".venv", "avatar_gen", "docker", "logs", "storage"}

    def test_holds_what_is_locked_and_all_of_it(self) -> None:
        """Each wheel lists its files. `tests` folders, stubs and C sources alone are missing."""
        missing = in_image(f"/app/.venv/bin/python -c '{MISSING}'").splitlines()
        assert missing[0] == "packages: " + str(len([*locked("requirements.lock")]))
        assert missing[1:] == []

    def test_is_compiled(self) -> None:
        """A start compiles nothing: neither the program, nor a library, nor Python's own modules."""
        script = (
            "import avatar_gen.cli.serve, avatar_gen.app;"
            " from avatar_gen.services.installation import require_pictures; require_pictures()"
        )
        seen = in_image(f"/app/docker/as-owner python -v -c '{script}' 2>&1").splitlines()
        assert [line for line in seen if "serve.cpython" in line]
        assert [line for line in seen if re.search(r"code object from .*\.py'?$", line)] == []

    def test_says_what_it_is(self) -> None:
        labels = json.loads(docker("image", "inspect", "--format", "{{json .Config.Labels}}", IMAGE).stdout)
        assert labels["org.opencontainers.image.version"] == __version__
        assert {"title", "description", "revision", "source", "base.name"} <= {
            name.removeprefix("org.opencontainers.image.") for name in labels
        }
        assert docker("run", "--rm", IMAGE, "avatar-gen", "--version").stdout == f"{__version__}\n"

    def test_its_history_names_no_secret_and_no_registry(self) -> None:
        history = docker("history", "--no-trunc", "--format", "{{.CreatedBy}}", IMAGE).stdout
        assert "password" not in history.lower()
        assert "://" not in history


MISSING = """
UNUSED = {".pyc", ".pyi", ".pyx", ".pxd", ".a", ".c", ".h"}
import importlib.metadata
found = list(importlib.metadata.distributions(path=["/app/.venv/lib/python3.13/site-packages"]))
print("packages:", len(found))
for each in found:
    for file in each.files:
        if "tests" not in file.parts and file.suffix not in UNUSED and not file.locate().exists():
            print(each.name, file)
"""


def test_a_change_of_code_installs_nothing(tmp_path: Path) -> None:
    """The layers that `make image` left are used again."""
    context = copy_of_context(tmp_path)
    with (context / "avatar_gen" / "errors.py").open("a") as file:
        file.write("\n# A line more.\n")
    started = time.monotonic()
    said = build("avatar-test", context=context)
    print(f"built in {time.monotonic() - started:.1f} s after a change of one line")
    version = docker("run", "--rm", "--user", "4321", "avatar-test", "avatar-gen", "--version").stdout
    docker("image", "rm", "avatar-test")
    assert version == f"{__version__}\n"
    assert "pip wheel" in said
    assert "Collecting" not in said


def test_its_bill_of_materials_has_debians_packages_and_pythons() -> None:
    command = [sys.executable, "-m", "tools.sbom", "--image", IMAGE]
    text = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    found = {part["purl"].partition("@")[0] for part in json.loads(text)["components"]}
    assert {"pkg:deb/debian/libc6", "pkg:pypi/numpy", "pkg:pypi/pillow", "pkg:generic/python"} <= found


@pytest.fixture(scope="module")
def nonroot() -> Iterator[str]:
    build("avatar-test-nonroot", "--target", "nonroot")
    yield "avatar-test-nonroot"
    docker("image", "rm", "--force", "avatar-test-nonroot")


class TestTheTargetNonroot:
    def test_names_its_user_by_number(self, nonroot: str) -> None:
        """Kubernetes checks `runAsNonRoot` before it starts anything, so it takes no name."""
        assert docker("image", "inspect", "--format", "{{.Config.User}}", nonroot).stdout == "1000:1000\n"

    def test_serves_from_a_volume_of_its_own(self, nonroot: str) -> None:
        with containers() as run:
            container = run("--read-only", "--cap-drop", "ALL", image=nonroot)
            container.wait_until_ready()
            assert container.picture(container.generate())
            assert container.users() == {"1000"}
            assert container.run("id", "-u") == "1000\n"

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to another user")
    def test_takes_nothing_over(self, nonroot: str, tmp_path: Path) -> None:
        tmp_path.chmod(0o755)
        mount = f"{tmp_path}:/app/storage"
        result = docker("run", "--rm", "--volume", mount, nonroot, check=False)
        assert result.returncode == 1
        assert "user 1000 must be able to write there" in result.stderr
        assert tmp_path.stat().st_uid == 0


SECRETS = (
    ".env",
    "api_keys",
    "settings.local.yaml",
    "storage/database/avatars.db",
    "logs/avatar-gen.log",
    "avatar_gen/__pycache__/settings.cpython-311.pyc",
    "docker/password",
)
"""Where those who run the service from its own clone have what is theirs alone."""


def test_no_secret_of_a_clone_is_in_any_layer(tmp_path: Path) -> None:
    canary = b"canary-7f3a9c"
    context = copy_of_context(tmp_path)
    for name in SECRETS:
        (context / name).parent.mkdir(parents=True, exist_ok=True)
        (context / name).write_bytes(canary)
    environ = {**os.environ, "DATABASE_URL": f"postgresql://u:{canary.decode()}@h/d"}
    build("avatar-test-secrets", context=context, env=environ)
    saved = tmp_path / "image.tar"
    docker("save", "--output", str(saved), "avatar-test-secrets")
    docker("image", "rm", "avatar-test-secrets")
    assert [name for name, content in contents(saved) if canary in content] == []
    assert any(b"def create_app" in content for _, content in contents(saved)), "it was looked into"


def contents(saved: Path) -> Iterator[tuple[str, bytes]]:
    """What is in an image: its description, and each file of each layer."""
    with tarfile.open(saved) as image:
        for blob in filter(tarfile.TarInfo.isfile, image):
            data = image.extractfile(blob)
            assert data
            try:
                with tarfile.open(fileobj=data) as layer:
                    for file in filter(tarfile.TarInfo.isfile, layer):
                        content = layer.extractfile(file)
                        assert content
                        yield f"{blob.name}: {file.name}", content.read()
            except tarfile.ReadError:
                data.seek(0)
                yield blob.name, data.read()


def copy_of_context(tmp_path: Path) -> Path:
    """What the image is built from, in a folder of its own."""
    context = tmp_path / "backend"
    for name in docker_context():
        target = context / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((ROOT / "backend" / name).read_bytes())
        # As by a clone under umask 077, but for what the layers before are made of.
        private = 0o700 if name.startswith("avatar_gen/") else 0o777
        target.chmod((ROOT / "backend" / name).stat().st_mode & private)
    return context


def docker_context() -> list[str]:
    backend = ROOT / "backend"
    paths = [
        *backend.glob("requirements*.lock"),
        *backend.glob("docker/*"),
        *backend.rglob("avatar_gen/**/*"),
    ]
    names = [path.relative_to(backend) for path in paths if path.is_file() and path.suffix != ".pyc"]
    return [str(name) for name in names] + [".dockerignore"]
