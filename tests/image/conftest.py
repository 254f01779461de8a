"""The image as `make image` built it, run by a real engine."""

import contextlib
import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.servers.net import free_port

IMAGE = "avatar-backend:latest"
ROOT = Path(__file__).parents[2]


def docker(*arguments: str, check: bool = True, **options: Any) -> subprocess.CompletedProcess[str]:  # noqa: ANN401
    """Run a command of the engine's."""
    program = shutil.which("docker")
    assert program
    result = subprocess.run(
        [program, *arguments], capture_output=True, text=True, timeout=900, check=False, **options
    )
    assert result.returncode == 0 or not check, f"docker {' '.join(arguments)}: {result.stderr[-2000:]}"
    return result


def build(
    tag: str, *options: str, context: Path = ROOT / "backend", env: dict[str, str] | None = None
) -> str:
    """Build the image as `make image` does, and return what the engine said of it."""
    dockerfile = str(context / "docker/Dockerfile")
    command = ("build", "--progress", "plain", "-f", dockerfile, "-t", tag, *options, str(context))
    return docker(*command, env=env).stderr


@pytest.fixture(scope="session", autouse=True)
def _engine() -> None:
    if not shutil.which("docker"):
        pytest.skip("there is no docker command here, so the image is not tested")
    if docker("version", check=False).returncode:
        pytest.skip("no Docker engine answers here, so the image is not tested")
    if docker("image", "inspect", IMAGE, check=False).returncode:
        pytest.skip(f"there is no image {IMAGE} yet: make image")


@dataclass
class Container:
    """A container that runs, and a client of it."""

    name: str
    client: httpx.Client

    def wait_until_ready(self, seconds: float = 60) -> float:
        """Until it is healthy; how many seconds that took."""
        started = time.monotonic()
        while time.monotonic() < started + seconds:
            with contextlib.suppress(httpx.TransportError):
                if self.client.get("/api/health").status_code == 200:
                    return time.monotonic() - started
            time.sleep(0.02)
        raise AssertionError(f"{self.name} is not healthy: {self.logs()}")

    def generate(self, **body: object) -> str:
        """Make an avatar; its id."""
        answer = self.client.post("/api/generate", json=body)
        assert answer.status_code == 201, answer.text
        identity: str = answer.json()["data"]["id"]
        return identity

    def picture(self, avatar_id: str) -> bytes:
        answer = self.client.get(f"/api/{avatar_id}")
        assert answer.status_code == 200, answer.text
        return answer.content

    def inspect(self, part: str) -> Any:  # noqa: ANN401 - JSON
        return json.loads(docker("inspect", "--format", f"{{{{json {part}}}}}", self.name).stdout)

    def health(self) -> list[dict[str, Any]]:
        """Return what `docker inspect` shows of the last health checks."""
        return self.inspect(".State.Health.Log") or []

    def listens(self) -> bool:
        """Whether the service in it answers its own health check."""
        return docker("exec", self.name, "/app/docker/healthcheck", check=False).returncode == 0

    def logs(self) -> str:
        result = docker("logs", self.name)
        return result.stdout + result.stderr

    def errors(self) -> str:
        """Return the lines of the log that are not about requests served well."""
        return "\n".join(line for line in self.logs().splitlines() if '"level": "info"' not in line)[-4000:]

    def run(self, *command: str, check: bool = True) -> str:
        """Run a command in it, as `docker exec` does: as root."""
        return docker("exec", self.name, *command, check=check).stdout

    def users(self) -> set[str]:
        """The numeric user ids of all its processes that stay; a health check comes and goes."""
        before = self._processes()
        time.sleep(0.5)
        return {user for process, user in self._processes() & before}

    def _processes(self) -> set[tuple[str, str]]:
        lines = docker("top", self.name, "-eo", "pid,uid").stdout.splitlines()
        return {(line.split()[0], line.split()[1]) for line in lines[1:]}

    def stop(self) -> int:
        """Stop it as `docker stop` does, and return its exit status: 137 if it had to be killed."""
        docker("stop", "--time", "60", self.name)
        status: int = self.inspect(".State.ExitCode")
        return status


RunImage = Callable[..., Container]


@pytest.fixture
def run_image() -> Iterator[RunImage]:
    """Start containers for one test. They and their volumes are removed when the test ends."""
    with containers() as run:
        yield run


@contextlib.contextmanager
def containers() -> Iterator[RunImage]:
    """Yield a function that starts containers, and remove those containers and their volumes at the end."""
    running: list[Container] = []

    def run(*options: str, port: int = 3000, command: tuple[str, ...] = (), image: str = IMAGE) -> Container:
        outside = free_port()
        name = f"avatar-test-{os.getpid()}-{outside}"
        client = httpx.Client(base_url=f"http://127.0.0.1:{outside}", timeout=30)
        running.append(Container(name, client))
        publish = f"127.0.0.1:{outside}:{port}"
        docker("run", "--detach", "--name", name, "--publish", publish, *options, image, *command)
        return running[-1]

    yield run
    for container in running:
        container.client.close()
        docker("rm", "--force", "--volumes", container.name, check=False)


BACKEND = "avatar-gen-backend"
CLONED = ("backend/", "deploy/monitoring/", "docker-compose", "settings.yaml")


@dataclass
class Project:
    """A clone, and what compose makes of it."""

    folder: Path
    port: int
    backend: Container

    def compose(self, *arguments: str, **environ: str) -> str:
        ours = {"COMPOSE_PROJECT_NAME": "avatar-test", "AVATAR_PORT": str(self.port)}
        env = {**os.environ, **ours, **environ}
        return docker("compose", *arguments, cwd=self.folder, env=env).stdout

    def container(self, service: str, number: int = 1) -> str:
        """The name of a service's container."""
        found = self.compose("--profile", "*", "ps", "--all", "--format", "{{.Name}}", service).split()
        return sorted(found)[number - 1]

    def published(self) -> set[str]:
        """The containers with a port that is open to others than each other."""
        lines = docker("ps", "--format", "{{.Names}} {{.Ports}}").stdout.splitlines()
        return {line.split()[0] for line in lines if "->" in line and line.startswith("avatar-gen-")}


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    taken = docker("ps", "--all", "--quiet", "--filter", f"name=^{BACKEND}$").stdout
    if taken:
        pytest.skip(f"a container {BACKEND} is there already, and compose's has that name")
    folder = tmp_path / "clone"
    names = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],  # noqa: S607 - whichever git there is
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()
    for name in names:
        if name.startswith(CLONED) and (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    port = free_port()
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
        clone = Project(folder, port, Container(BACKEND, client))
        yield clone
    clone.compose("--profile", "*", "down", "--volumes", "--remove-orphans", "--timeout", "5")


def assert_confined(container: Container) -> None:
    host = container.inspect(".HostConfig")
    assert host["ReadonlyRootfs"]
    assert host["CapDrop"] == ["ALL"]
    assert host["SecurityOpt"] == ["no-new-privileges:true"]
    assert host["Memory"] == 512 * 2**20
    assert host["MemoryReservation"] == 256 * 2**20
    assert host["NanoCpus"] > 0
    assert host["RestartPolicy"]["Name"] == "unless-stopped"
    assert "0" not in container.users()


def wait_for(condition: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            if condition():
                return
        except httpx.TransportError:
            pass
        assert time.monotonic() < deadline
        time.sleep(0.1)
