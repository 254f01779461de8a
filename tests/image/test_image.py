"""`docker run`, as the docs have it."""

import json
import os
import tarfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from avatar_gen import __version__
from tests.image.conftest import IMAGE, ROOT, RunImage, docker

ONE_MB = 1_000_000
READ_ONLY = ("--read-only", "--tmpfs", "/tmp")  # noqa: S108 - in the container

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to another user")


def volume(folder: Path) -> tuple[str, str]:
    return "--volume", f"{folder}:/app/storage"


def in_image(script: str) -> str:
    """What a shell says in a fresh container."""
    return docker("run", "--rm", "--entrypoint", "sh", IMAGE, "-c", script).stdout


class TestTheImage:
    def test_weighs_260_mb_at_most(self) -> None:
        size = int(docker("image", "inspect", "--format", "{{.Size}}", IMAGE).stdout)
        print(docker("history", "--human=true", IMAGE).stdout)
        assert size <= 260 * ONE_MB

    def test_holds_what_runs_and_nothing_else(self) -> None:
        assert in_image("find / -xdev -name 'pip*' -path '*bin*'; find /app -name tests -type d") == ""
        assert in_image("find /app -name '*.env' -o -name '.git' -o -name '*.lock'") == ""
        assert in_image("find / -xdev -perm /6000 -type f") == ""
        assert in_image("ls /root/.cache /tmp /var/cache /var/lib/apt 2>/dev/null | grep -v :").split() == []
        assert set(in_image("ls -A /app").split()) == {".venv", "avatar_gen", "docker", "logs", "storage"}

    def test_is_compiled(self) -> None:
        """All that is imported at the start was compiled before."""
        seen = in_image("python -v -c 'import avatar_gen.cli.serve, avatar_gen.app' 2>&1")
        assert "serve.cpython" in seen
        assert "# wrote" not in seen

    def test_says_what_it_is(self) -> None:
        labels = json.loads(docker("image", "inspect", "--format", "{{json .Config.Labels}}", IMAGE).stdout)
        assert labels["org.opencontainers.image.version"] == __version__
        assert docker("run", "--rm", IMAGE, "avatar-gen", "--version").stdout == f"{__version__}\n"

    def test_its_history_names_no_secret_and_no_registry(self) -> None:
        history = docker("history", "--no-trunc", "--format", "{{.CreatedBy}}", IMAGE).stdout
        assert "password" not in history.lower()
        assert "://" not in history.replace("http://127.0.0.1", "")


class TestAVolume:
    def test_outlives_the_container_and_need_not_exist_before(
        self, run_image: RunImage, tmp_path: Path
    ) -> None:
        folder = tmp_path / "backend" / "storage"
        first = run_image(*volume(folder))
        seconds = first.wait_until_ready()
        print(f"healthy {seconds:.2f} s after docker run had returned")
        avatar_id = first.generate(seed="ada")
        picture = first.picture(avatar_id)
        assert first.users() == {"1000"}
        assert first.stop() == 0

        second = run_image(*volume(folder))
        second.wait_until_ready()
        assert second.picture(avatar_id) == picture
        health = second.client.get("/api/health").json()["data"]
        assert health["database"] == 1
        assert health["checks"]["database"]["type"] == "sqlite"

    @as_root
    def test_of_root_is_handed_over_with_all_that_is_in_it(self, run_image: RunImage, tmp_path: Path) -> None:
        first = run_image(*volume(tmp_path))
        first.wait_until_ready()
        avatar_id = first.generate()
        first.stop()
        # As a backup that root has put back.
        for path in (tmp_path, *tmp_path.rglob("*")):
            os.chown(path, 0, 0)
        second = run_image(*volume(tmp_path))
        second.wait_until_ready()
        assert second.picture(avatar_id)
        second.client.delete(f"/api/{avatar_id}").raise_for_status()
        assert {path.stat().st_uid for path in (tmp_path, *tmp_path.rglob("*"))} == {1000}

    @as_root
    def test_of_another_user_gets_what_is_root_s_in_it_and_nothing_else(
        self, run_image: RunImage, tmp_path: Path
    ) -> None:
        for name, user in (("", 4321), ("from-root", 0), ("from-another", 777)):
            (tmp_path / name).touch()
            os.chown(tmp_path / name, user, user)
        container = run_image(*volume(tmp_path))
        container.wait_until_ready()
        assert (tmp_path / "from-root").stat().st_uid == 4321
        assert (tmp_path / "from-another").stat().st_uid == 777

    @as_root
    def test_of_another_user_stays_theirs(self, run_image: RunImage, tmp_path: Path) -> None:
        os.chown(tmp_path, 4321, 4322)
        tmp_path.chmod(0o700)
        container = run_image(*volume(tmp_path))
        container.wait_until_ready()
        container.generate()
        assert container.users() == {"4321"}
        made = [path.stat() for path in (tmp_path, *tmp_path.rglob("*"))]
        assert {(each.st_uid, each.st_gid) for each in made} == {(4321, 4322)}

    @as_root
    def test_works_as_any_user_who_can_write_it(self, run_image: RunImage, tmp_path: Path) -> None:
        os.chown(tmp_path, 4321, 4322)
        hardened = (
            *READ_ONLY,
            *("--cap-drop", "ALL"),
            *("--security-opt", "no-new-privileges"),
        )
        container = run_image(*volume(tmp_path), "--user", "4321:4322", *hardened)
        container.wait_until_ready()
        assert container.picture(container.generate(type="wave"))
        assert container.client.get(f"/api/{container.generate()}?format=avif").status_code == 200
        assert container.users() == {"4321"}
        assert container.stop() == 0

    @as_root
    def test_that_cannot_be_written_is_one_line_that_says_what_to_do(self, tmp_path: Path) -> None:
        os.chown(tmp_path, 0, 0)
        tmp_path.chmod(0o755)
        result = docker("run", "--rm", *volume(tmp_path), "--user", "4321:4322", IMAGE, check=False)
        assert result.returncode == 1
        assert result.stderr == (
            "Error: storage/avatars: objects cannot be kept here: [Errno 13] Permission denied:"
            " '/app/storage/avatars'; user 4321 must be able to write there: chown -R 4321:4322 FOLDER,"
            " or run it as the folder's owner\n"
        )

    def test_that_is_read_only_is_one_line_likewise(self, tmp_path: Path) -> None:
        tmp_path.chmod(0o777)
        result = docker("run", "--rm", "--volume", f"{tmp_path}:/app/storage:ro", IMAGE, check=False)
        assert result.returncode == 1
        assert "Read-only file system" in result.stderr
        assert result.stderr.endswith("; mount a folder there that can be written\n")
        assert result.stderr.count("\n") == 1

    def test_may_be_left_out(self, run_image: RunImage) -> None:
        container = run_image("--read-only")
        container.wait_until_ready()
        assert container.picture(container.generate())


def test_it_is_healthy_within_two_seconds(run_image: RunImage, tmp_path: Path) -> None:
    """Two of three: what else the machine does at the moment is not ours."""
    quick = 0
    for _ in range(3):
        started = time.monotonic()
        run_image(*volume(tmp_path)).wait_until_ready()
        print(f"healthy {time.monotonic() - started:.2f} s after docker run began")
        quick += time.monotonic() - started < 2
    assert quick >= 2


def test_the_health_check_follows_the_port(run_image: RunImage) -> None:
    container = run_image("--env", "PORT=8123", "--health-interval", "1s", port=8123)
    container.wait_until_ready()
    assert "8123" in container.logs()
    deadline = time.monotonic() + 15
    while container.inspect(".State.Health.Status") == "starting" and time.monotonic() < deadline:
        time.sleep(0.2)
    assert container.inspect(".State.Health.Status") == "healthy"
    config = container.inspect(".Config.Healthcheck")
    assert (config["Timeout"], config["StartPeriod"], config["Retries"]) == (3 * 10**9, 5 * 10**9, 3)


def test_the_health_check_and_its_home_are_not_root_s(run_image: RunImage) -> None:
    """libpq takes a home that is closed to it for a certificate that is there and cannot be read."""
    container = run_image("--health-cmd", "/app/docker/as-owner id -u", "--health-interval", "1s")
    container.wait_until_ready()
    wait_for(lambda: container.inspect(".State.Health.Log") not in (None, []))
    assert container.inspect(".State.Health.Log")[0]["Output"] == "1000\n"
    script = "id -u; cat $HOME/.postgresql/postgresql.crt"
    result = docker("run", "--rm", IMAGE, "sh", "-c", script, check=False)
    assert result.stdout == "1000\n"
    assert "No such file" in result.stderr


def test_it_listens_on_ipv6_and_ipv4(run_image: RunImage) -> None:
    run_image("--env", "HOST=::").wait_until_ready()


def test_options_are_those_of_the_service() -> None:
    assert docker("run", "--rm", IMAGE, "--version").stdout == f"{__version__}\n"


def test_without_the_right_to_become_another_user_it_says_what_to_do() -> None:
    result = docker("run", "--rm", "--cap-drop", "ALL", IMAGE, check=False)
    assert result.returncode == 1
    assert result.stderr == (
        "Error: root may not become user 1000 here: start with --user 1000:1000, or with --cap-add SETUID"
        " --cap-add SETGID --cap-add CHOWN\n"
    )


@pytest.mark.parametrize("seconds", [0.05, 0.15, 0.3, 0.5, 0.8])
def test_it_can_be_stopped_as_soon_as_it_was_started(run_image: RunImage, seconds: float) -> None:
    container = run_image()
    time.sleep(seconds)
    started = time.monotonic()
    assert container.stop() == 0
    assert time.monotonic() - started < 5


def test_a_command_by_docker_exec_is_not_root_either(run_image: RunImage, tmp_path: Path) -> None:
    container = run_image(*volume(tmp_path))
    container.wait_until_ready()
    container.generate()
    assert "1 avatars: 0 rows added" in container.run("avatar-gen", "reindex")
    assert {path.stat().st_uid for path in tmp_path.rglob("*")} == {1000}


def test_told_to_stop_under_load_it_answers_what_is_in_flight_and_exits_0(
    run_image: RunImage, tmp_path: Path
) -> None:
    container = run_image(*volume(tmp_path))
    container.wait_until_ready()
    kept: list[str] = []
    broken: list[str] = []
    stopping = threading.Event()

    def draw() -> None:
        with httpx.Client(base_url=container.client.base_url, timeout=30) as client:
            while True:
                try:
                    answer = client.post("/api/generate", json={"type": "wave"})
                except httpx.ConnectError:
                    return
                except httpx.TransportError as error:
                    # A connection that lay idle may be closed; one that waits for its answer may not.
                    if not stopping.is_set() or isinstance(error, httpx.ReadTimeout):
                        broken.append(repr(error))
                    return
                if answer.status_code == 201:
                    kept.append(answer.json()["data"]["id"])
                elif answer.status_code != 503:
                    broken.append(answer.text)

    threads = [threading.Thread(target=draw) for _ in range(8)]
    for thread in threads:
        thread.start()
    time.sleep(1)
    stopping.set()
    started = time.monotonic()
    assert container.stop() == 0
    print(f"stopped in {time.monotonic() - started:.1f} s with {len(kept)} avatars kept")
    for thread in threads:
        thread.join()
    assert not broken
    assert kept

    again = run_image(*volume(tmp_path))
    again.wait_until_ready()
    assert again.client.get("/api/health").json()["data"]["database"] >= len(kept)
    assert all(again.picture(avatar_id) for avatar_id in kept)


def test_without_its_database_it_waits_within_bounds(run_image: RunImage, tmp_path: Path) -> None:
    settings = tmp_path / "settings.yaml"
    settings.write_text("app: {database: {connection: {maxRetries: 3, retryDelay: 500}}}\n")
    address = "DATABASE_URL=postgresql://user:secret@postgres.invalid:5432/avatar_gen"
    mount = f"{settings}:/app/settings.yaml:ro"
    started = time.monotonic()
    result = docker("run", "--rm", "--env", address, "--volume", mount, IMAGE, check=False)
    assert result.returncode == 1
    assert time.monotonic() - started < 30
    assert "Error: The database did not answer in 3 attempts" in result.stderr
    assert "secret" not in result.stdout + result.stderr

    waiting = run_image("--env", address)
    wait_for(lambda: "does not answer yet (attempt 1)" in waiting.logs())
    started = time.monotonic()
    assert waiting.stop() == 0
    assert time.monotonic() - started < 5


def wait_for(condition: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_change_of_code_is_built_in_seconds(tmp_path: Path) -> None:
    """From the layers that `make image` left: nothing is installed anew."""
    context = copy_of_context(tmp_path)
    with (context / "avatar_gen" / "errors.py").open("a") as file:
        file.write("\n# A line more.\n")
    started = time.monotonic()
    result = docker(
        "build", "--progress", "plain", "-f", "docker/Dockerfile", "-t", "avatar-test", ".", cwd=context
    )
    print(f"built in {time.monotonic() - started:.1f} s after a change of one line")
    version = docker("run", "--rm", "--user", "4321", "avatar-test", "avatar-gen", "--version").stdout
    assert version == f"{__version__}\n"
    docker("image", "rm", "avatar-test")
    assert "pip wheel" in result.stderr
    assert "Collecting" not in result.stderr


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
    docker("build", "-f", "docker/Dockerfile", "-t", "avatar-test-secrets", ".", cwd=context, env=environ)
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
    return [str(name) for name in names] + ["pyproject.toml", ".dockerignore"]
