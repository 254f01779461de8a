"""A real S3 server from a wheel: seaweedfs. It starts when the first test of a process needs it."""

import json
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from itertools import count
from pathlib import Path

import obstore
from obstore.exceptions import BaseError

from avatar_gen.objects.bucket import Bucket
from avatar_gen.objects.cloud_clients import open_bucket
from avatar_gen.settings.storage import Storage
from tests.servers.net import free_port

WEED = f"{Path(sys.executable).parent}/weed"
"""The program of the server."""

ACCESS_KEY, SECRET_KEY = "an-access-key", "s3cret/key+of=tests"


class S3Server:
    """A server that can be stopped, paused, killed and started again on its port."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="avatars-s3-"))
        credentials = [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}]
        identity = {"name": "tests", "credentials": credentials, "actions": ["Admin"]}
        (self._folder / "s3.json").write_text(json.dumps({"identities": [identity]}))
        (self._folder / "data").mkdir()
        parts = ("s3", "master", "volume", "filer")
        names = [name for part in parts for name in (f"{part}.port", f"{part}.port.grpc")]
        self._ports = {name: free_port() for name in names}
        self.port = self._ports["s3.port"]
        self._process: subprocess.Popen[bytes] | None = None
        self._numbers = count()

    @property
    def pid(self) -> int:
        """The id of the server's process."""
        assert self._process
        return self._process.pid

    def start(self) -> None:
        """Start the server; return when it stores objects."""
        command = [
            *(WEED, "server", f"-dir={self._folder}/data"),
            *("-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-filer", "-s3", f"-s3.config={self._folder}/s3.json"),
            *("-s3.port.iceberg=0", "-s3.port.lance=0", "-master.volumeSizeLimitMB=64", "-volume.max=20"),
            *("-master.telemetry=false", *(f"-{name}={port}" for name, port in self._ports.items())),
        ]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, cwd=self._folder, stdout=log, stderr=log)
        deadline = time.monotonic() + 60
        while not self._works():
            if time.monotonic() > deadline or self._process.poll() is not None:
                raise AssertionError((self._folder / "log").read_text()[-2000:])
            time.sleep(0.1)

    def kill(self) -> None:
        """Kill the server."""
        if self._process:
            self._process.kill()
            self._process.wait()

    def pause(self) -> None:
        """Pause the server. Its connections stay open, and it answers nothing."""
        assert self._process
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Continue the server after a pause."""
        assert self._process
        self._process.send_signal(signal.SIGCONT)

    def destroy(self) -> None:
        """Stop the server, and delete its files."""
        self.kill()
        shutil.rmtree(self._folder)

    def section(self, port: int | None = None, **others: object) -> dict[str, object]:
        """Return a section `s3` of the settings, with a prefix that is empty."""
        return {
            "endpoint": f"http://127.0.0.1:{port or self.port}",
            "bucket": "avatars",
            "prefix": f"tests/{next(self._numbers)}",
            "access_key": ACCESS_KEY,
            "secret_key": SECRET_KEY,
            "region": "us-east-1",
            "force_path_style": True,
            **others,
        }

    def bucket(self, section: dict[str, object] | None = None) -> Bucket:
        """Return a client of a part of the bucket, which is an empty one by default.

        It waits as long as a command does, because this server is slow on a busy machine.
        """
        settings = Storage.model_validate({"type": "s3", "s3": section or self.section()})
        return open_bucket(settings, bulk=True)

    def _works(self) -> bool:
        client = self.bucket(self.section()).client
        try:
            obstore.put(client, "here", b"yes")
        except BaseError:
            return False
        return True
