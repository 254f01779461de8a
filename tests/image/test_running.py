"""`docker run`, as the docs have it."""

import json
import os
import signal
import threading
import time
from pathlib import Path

import httpx
import pytest

from avatar_gen import __version__
from tests.image.conftest import IMAGE, RunImage, docker, wait_for

READ_ONLY = ("--read-only", "--tmpfs", "/tmp")  # noqa: S108 - in the container

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to another user")


def volume(folder: Path) -> tuple[str, str]:
    return "--volume", f"{folder}:/app/storage"


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
    def test_works_as_any_user_with_write_permission(self, run_image: RunImage, tmp_path: Path) -> None:
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
            "Error: storage/avatars: objects cannot be stored here: [Errno 13] Permission denied:"
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


def test_the_health_check_follows_the_port_and_keeps_the_answer(run_image: RunImage) -> None:
    container = run_image("--env", "PORT=8123", "--health-interval", "1s", port=8123)
    container.wait_until_ready()
    wait_for(lambda: container.inspect(".State.Health.Status") == "healthy")
    assert json.loads(container.health()[-1]["Output"])["data"]["status"] == "healthy"
    config = container.inspect(".Config.Healthcheck")
    assert (config["Timeout"], config["StartPeriod"], config["Retries"]) == (3 * 10**9, 5 * 10**9, 3)


def test_docker_inspect_shows_why_a_health_check_failed(run_image: RunImage, tmp_path: Path) -> None:
    container = run_image(*volume(tmp_path), "--health-interval", "1s", "--health-retries", "1")
    container.wait_until_ready()
    (tmp_path / "avatars").rename(tmp_path / "elsewhere")
    # A check during a slow start fails, too, and gets no answer.
    wait_for(lambda: any('"statusCode":503' in each["Output"] for each in container.health()[-1:]))
    checks = json.loads(container.health()[-1]["Output"])["data"]["checks"]
    assert (checks["database"]["status"], checks["storage"]["status"]) == ("up", "down")
    # Failures do not count in the start period, before the first check that succeeds.
    wait_for(lambda: container.inspect(".State.Health.Status") == "unhealthy")


def test_a_health_check_of_nothing_names_what_it_asked(run_image: RunImage) -> None:
    container = run_image("--health-interval", "1s", "--entrypoint", "sleep", command=("60",))
    wait_for(lambda: bool(container.health()))
    assert container.health()[0]["ExitCode"] == 1
    assert container.health()[0]["Output"] == (
        "http://127.0.0.1:3000/api/health: ConnectionRefusedError: [Errno 111] Connection refused\n"
    )


def test_the_health_check_and_its_home_are_not_root_s(run_image: RunImage) -> None:
    """libpq takes a home that is closed to it for a certificate that is there and cannot be read."""
    container = run_image("--health-cmd", "/app/docker/as-owner id -u", "--health-interval", "1s")
    container.wait_until_ready()
    wait_for(lambda: bool(container.health()))
    assert container.health()[0]["Output"] == "1000\n"
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
    # The kernel drops a signal for process 1 that comes before its first line, of any program.
    status = Path(f"/proc/{container.inspect('.State.Pid')}/status")
    if status.exists():
        wait_for(lambda: takes_sigterm(status.read_text()))
    time.sleep(seconds)
    assert container.stop() == 0


def takes_sigterm(status: str) -> bool:
    """Whether a process handles SIGTERM, or blocks it until it does."""
    masks = [
        int(line.split()[1], 16) for line in status.splitlines() if line.startswith(("SigCgt", "SigBlk"))
    ]
    return any(mask >> (signal.SIGTERM - 1) & 1 for mask in masks)


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
    result = docker("run", "--rm", "--env", address, "--volume", mount, IMAGE, check=False)
    assert result.returncode == 1
    assert "Error: The database did not answer in 3 attempts" in result.stderr
    assert "secret" not in result.stdout + result.stderr

    waiting = run_image("--env", address)
    wait_for(lambda: "does not answer yet (attempt 1)" in waiting.logs())
    assert waiting.stop() == 0
