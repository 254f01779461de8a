"""The service in a folder of its own: as a process, or inside the test process."""

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, chdir
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from unittest.mock import patch

import httpx
import yaml
from anyio.from_thread import BlockingPortal, start_blocking_portal

from avatar_gen.app import Application, create_app
from avatar_gen.settings.loader import load_settings
from tests.servers.commands import COMMAND, environment, run_command
from tests.servers.net import free_port
from tests.servers.waiting import wait_until

START_SECONDS = 60
"""Timeout for a start or an end, which take a second on a machine that does nothing else."""


@dataclass
class Installation:
    """A folder with settings and a storage, and the commands of the service in it."""

    folder: Path
    settings: Mapping[str, object] = field(default_factory=dict)
    environ: Mapping[str, str] = field(default_factory=dict)

    client: httpx.Client = field(init=False)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "settings.yaml").write_text(yaml.safe_dump({"app": self._settings_file()}))

    def run(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command of the service in the folder; `serve` as a process, any other one in this process."""
        if arguments[0] == "serve":
            return self.run_process(*arguments, check=check)
        result = run_command(*arguments, folder=self.folder, environ=self._environment())
        output, errors = result.stdout.decode(), result.stderr.decode()
        if check and result.returncode:
            raise AssertionError(f"{arguments}: status {result.returncode}: {errors}")
        return subprocess.CompletedProcess(arguments, result.returncode, output, errors)

    def run_process(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command as a process."""
        return subprocess.run(
            [*COMMAND, *arguments],
            cwd=self.folder,
            env=self._environment(),
            check=check,
            capture_output=True,
            text=True,
            timeout=START_SECONDS,
        )

    def generate(self, **body: object) -> str:
        """Generate an avatar; return its id."""
        answer = self.client.post("/api/generate", json=body)
        assert answer.status_code == 201, answer.text
        identity: str = answer.json()["data"]["id"]
        return identity

    def object(self, avatar_id: str) -> Path:
        """Return the path of an avatar's object."""
        return self.folder / "storage" / "avatars" / avatar_id[:2] / f"{avatar_id}.zip"

    def _settings_file(self) -> dict[str, Any]:
        return dict(self.settings)

    def _environment(self) -> dict[str, str]:
        return environment(**self.environ)


@dataclass
class Service(Installation):
    """A server process, and a client that reaches it through a socket."""

    through: Sequence[str] = ()
    """A command that starts the server by `exec`."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.port = free_port()
        self._uds: str | None = self._settings_file()["server"].get("uds")
        transport = httpx.HTTPTransport(uds=self._uds) if self._uds else None
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=30, transport=transport)
        self.log = self.folder / "log.jsonl"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        """Start the server; return when it is ready."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*self.through, *COMMAND, "serve"],
                cwd=self.folder,
                env=self._environment(),
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            with contextlib.suppress(httpx.TransportError):
                if self._listens() and self.client.get("/api/health/ready").status_code == 200:
                    return self
            time.sleep(0.02)
        self.kill()
        raise AssertionError(f"the service did not start: {self.log.read_text()}")

    def wait_for_log(self, text: str) -> str:
        """Return the log once it contains a text: lines are written by a thread, after the answers."""
        wait_until(lambda: text in self.log.read_text(), seconds=START_SECONDS, explain=self.log.read_text)
        return self.log.read_text()

    def wait_for(self, path: str) -> None:
        """Return once GET of this path is answered 200."""
        wait_until(lambda: self.client.get(path).status_code == 200, explain=self.log.read_text)

    def _listens(self) -> bool:
        """Return False if nothing listens on the Unix socket: httpx then leaves a socket of its own open."""
        if self._uds is None:
            return True
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(self._uds) == 0

    def stop(self) -> int:
        """Send SIGTERM; return the exit status."""
        assert self.process
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=START_SECONDS)

    def kill(self) -> None:
        """Send SIGKILL, and wait for the end."""
        if self.process:
            self.process.kill()
            self.process.wait()

    def close(self) -> None:
        """Stop the server if it runs, and close the client."""
        if self.process and self.process.poll() is None:
            self.stop()
        self.client.close()

    def _settings_file(self) -> dict[str, Any]:
        server = self.settings.get("server", {})
        assert isinstance(server, Mapping)
        return {**self.settings, "server": {"drain_time": 0, **server}}

    def _environment(self) -> dict[str, str]:
        return {**super()._environment(), "HOST": "127.0.0.1", "PORT": str(self.port), **self.environ}


@dataclass
class App(Installation):
    """The application on an event loop in a thread of this process, and a client that calls it directly.

    For tests in which the socket, the HTTP protocol, the log and the process have no part.
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        self._running = ExitStack()

    def start(self) -> Self:
        """Start the application; return when it is ready."""
        with chdir(self.folder), patch.dict(os.environ, self._environment(), clear=True):
            application = create_app(load_settings())
        lifespan = application.api.router.lifespan_context(application.api)
        portal = self._running.enter_context(start_blocking_portal())
        self._running.enter_context(portal.wrap_async_context_manager(lifespan))
        self.client = httpx.Client(transport=_Calls(application, portal), base_url="http://test")
        self._running.enter_context(self.client)
        return self

    def stop(self) -> int:
        """Stop the application; return 0, the exit status that a process has then."""
        self._running.close()
        return 0

    close = stop

    def _settings_file(self) -> dict[str, Any]:
        """Name the folders in full: the working directory of this process is not the application's."""
        storage = {"local": {"save_path": str(self.folder / "storage" / "avatars")}}
        sqlite = {"sqlite_params": {"url": f"file:{self.folder}/storage/database/avatars.db"}}
        database = self.settings.get("database", {})
        assert isinstance(database, Mapping)
        return {"storage": storage, **self.settings, "database": {**sqlite, **database}}


class _Calls(httpx.BaseTransport):
    """Requests that are calls of an ASGI application, on its own event loop."""

    def __init__(self, application: Application, portal: BlockingPortal) -> None:
        self._transport = httpx.ASGITransport(application, raise_app_exceptions=False)
        self._portal = portal

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return self._portal.call(self._answer, request)

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        answer = await self._transport.handle_async_request(request)
        content = b"".join([part async for part in answer.aiter_raw()])
        return httpx.Response(answer.status_code, headers=answer.headers, stream=httpx.ByteStream(content))
