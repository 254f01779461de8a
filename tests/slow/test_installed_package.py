"""The wheel, installed into an environment of its own."""

import contextlib
import os
import site
import subprocess
import sys
import time
from pathlib import Path

import httpx

from tests.servers.commands import environment
from tests.servers.net import free_port
from tests.servers.service import START_SECONDS
from tools import dist

RELEASE = dist.Release("7.8.9", 1_750_000_000, "v7.8.9")


def test_the_installed_wheel_serves_from_an_empty_folder(tmp_path: Path) -> None:
    """`make dist-test` installs the wheel with the dependencies that an installer chooses."""
    venv, folder, port = tmp_path / "venv", tmp_path / "empty", free_port()
    folder.mkdir()
    _, wheel = dist.build(RELEASE, "", tmp_path)
    install(wheel, venv)
    program = venv / "bin" / "avatar-gen-server"
    environ = environment(HOST="127.0.0.1", PORT=str(port))
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen([program, "serve"], cwd=folder, env=environ, stdout=log, stderr=log)
    try:
        health = wait_for_answer(f"http://127.0.0.1:{port}/api/health", process)
        assert health["data"]["version"] == "7.8.9"
        page = httpx.get(f"http://127.0.0.1:{port}/", timeout=30)
        picture = httpx.get(f"http://127.0.0.1:{port}/api/render/initials/ada.png", timeout=30)
        stored = httpx.post(f"http://127.0.0.1:{port}/api/generate", timeout=30)
    finally:
        process.terminate()
        process.wait(timeout=START_SECONDS)
    assert "<html" in page.text
    assert picture.content.startswith(b"\x89PNG")
    assert stored.status_code == 201
    assert list((folder / "storage" / "avatars").rglob("*.zip"))
    assert f"Avatars are stored in {folder / 'storage' / 'avatars'}" in (tmp_path / "log").read_text()


def install(wheel: Path, venv: Path) -> None:
    """Install a wheel. Its dependencies are those of the tests, unless `PACKAGE_PYTHON` names a Python."""
    python = os.environ.get("PACKAGE_PYTHON")
    offline = [] if python else ["--offline", "--no-deps"]
    uv = Path(sys.executable).with_name("uv")
    subprocess.run([uv, "venv", "--quiet", "--python", python or sys.executable, venv], check=True)
    environ = {**os.environ, "VIRTUAL_ENV": str(venv)}
    subprocess.run([uv, "pip", "install", "--quiet", *offline, wheel], env=environ, check=True)
    if not python:
        (packages,) = (venv / "lib").glob("python3*/site-packages")
        (packages / "dependencies.pth").write_text(site.getsitepackages()[0])


def wait_for_answer(url: str, process: subprocess.Popen[bytes]) -> dict[str, dict[str, str]]:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(httpx.TransportError):
            answer: dict[str, dict[str, str]] = httpx.get(url, timeout=30).json()
            return answer
        time.sleep(0.05)
    raise AssertionError("the service did not start")
