"""nginx from the system's packages, with the gateway's own configuration."""

import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Self

import httpx

from tests.servers.net import free_port

ROOT = Path(__file__).parents[2]

NGINX = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin:/opt/homebrew/bin")


class Nginx:
    """A running nginx, and a client of it."""

    def __init__(self, configuration: str, folder: Path, port: int) -> None:
        assert NGINX
        self.port = port
        self._folder = folder
        (folder / "nginx.conf").write_text(configuration, encoding="utf-8")
        self.log = folder / "error.log"
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [NGINX, "-p", str(folder), "-c", str(folder / "nginx.conf"), "-g", "daemon off;"], stderr=log
            )
        self.pid = self._process.pid
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=30)

    def start(self, path: str = "/api/health/live") -> Self:
        """Return when the service answers behind it."""
        deadline = time.monotonic() + 20
        while True:
            try:
                self.client.get(path).raise_for_status()
            except httpx.HTTPError:
                if time.monotonic() > deadline or self._process.poll() is not None:
                    raise AssertionError(f"nginx does not answer: {self.log.read_text()}") from None
                time.sleep(0.05)
            else:
                return self

    def stop(self) -> None:
        self.client.close()
        self._process.terminate()
        self._process.wait(timeout=20)
        shutil.rmtree(self._folder)


def _new_folder() -> Path:
    # The workers of nginx are not root, and nobody else may look into pytest's folders.
    folder = Path(tempfile.mkdtemp(prefix="avatars-nginx-"))
    folder.chmod(0o755)
    return folder


class Gateway(Nginx):
    """The gateway in front of services. Only addresses and folders differ from its configuration.

    Without `limited`, it allows each client as many requests as it sends.
    """

    def __init__(self, *backends: int, limited: bool = True) -> None:
        folder, listening = _new_folder(), free_port()
        text = (ROOT / "backend/docker/gateway/nginx.conf").read_text(encoding="utf-8")
        server = "server avatar-backend:3000 resolve max_fails=0;"
        # nginx before 1.27.3 cannot resolve names again, and these servers have none.
        servers = (server.replace("avatar-backend:3000 resolve", f"127.0.0.1:{port}") for port in backends)
        for ours, here in (
            ("listen 8080;", f"listen 127.0.0.1:{listening};"),
            (server, " ".join(servers)),
            ("/tmp/", f"{folder}/"),  # noqa: S108 - in the image
            ("/dev/stdout", f"{folder}/access.log"),
        ):
            assert ours in text, ours
            text = text.replace(ours, here)
        if not limited:
            text = re.sub(r"limit_(req zone=|conn connections).*", "", text)
        self.access_log = folder / "access.log"
        super().__init__(text, folder, listening)


class PathProxy(Nginx):
    """nginx that serves a service below `/avatars/`, with the lines of docs/access.md."""

    def __init__(self, backend: str) -> None:
        """`backend` is what stands for `http://127.0.0.1:3000`."""
        folder, listening = _new_folder(), free_port()
        docs = (ROOT / "docs/access.md").read_text(encoding="utf-8")
        location = docs.split("```nginx\n")[1].split("```")[0]
        assert "http://127.0.0.1:3000/;" in location
        kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        temporary = "".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
        super().__init__(
            f"""user root; worker_processes 1; pid {folder}/nginx.pid; error_log /dev/stderr crit;
            events {{}}
            http {{
                access_log off; {temporary}
                server {{
                    listen 127.0.0.1:{listening};
                    {location.replace("http://127.0.0.1:3000/", f"{backend}/")}
                }}
            }}""",
            folder,
            listening,
        )
