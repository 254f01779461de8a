"""The benchmarks run, and write their report. How fast they are is not a matter of tests."""

import asyncio
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from benchmarks.cases import Case, get
from benchmarks.load import WRK
from benchmarks.results import Figures, Results
from benchmarks.run import measure_patiently
from benchmarks.servers import Server
from tests.servers.gateway import NGINX
from tests.servers.redis import needs_redis
from tests.slow.size import sized

ROOT = Path(__file__).parents[2]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the processor time of other processes")
@pytest.mark.parametrize(
    ("what", "row"),
    sized(
        full=[("requests", "PostgreSQL: generate pixelize"), ("scale", "delete, 1,000 stored")],
        small=[("scale", "delete, 1,000 stored")],
    ),
)
def test_the_benchmarks_write_a_report(what: str, row: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "benchmarks.run", what, "--effort", "smoke", "--output", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=600)
    assert row in (tmp_path / "RESULTS.md").read_text(encoding="utf-8")


@needs_redis
@pytest.mark.skipif(not NGINX, reason="there is no nginx here: apt-get install nginx-light")
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the processor time of other processes")
def test_the_cost_for_shared_servers_is_counted(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "benchmarks.run",
        "shared",
        "--effort",
        "smoke",
        "--output",
        str(tmp_path),
    ]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=600)
    measured = json.loads((tmp_path / "shared.json").read_text(encoding="utf-8"))
    costs = {kind: each["calls"] for kind, each in measured["costs"].items()}
    assert costs["stored picture, cold"]["store GET"] == 1
    assert costs["stored picture, cached"]["store GET if"] == 1
    assert costs["generate"]["store PUT"] == 1
    assert costs["list"]["database query"] == 3
    assert not any(name.startswith(("store", "database")) for name in costs["picture by URL, cold"])
    assert measured["replicas"]["generate"].keys() == {"1", "2"}
    assert 0 < measured["sizes"]["drawing"] < measured["sizes"]["photograph"]


@contextmanager
def refusing() -> Iterator[int]:
    """Run a server that is too busy for any request. Yield its port."""

    class Busy(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_error(503)

        def log_message(self, *_arguments: object) -> None:
            """Write nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Busy) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


@pytest.mark.skipif(not WRK, reason="this needs wrk: apt-get install wrk")
def test_a_case_without_answers_is_measured_three_times_and_then_reported_as_not_measured(
    tmp_path: Path,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        server = Server(port, tmp_path, process=os.getpid(), database=None, avatars=("",), ready=0)
        assert asyncio.run(measure_patiently(Case("silent", "ours", get("/")), server, 1)) is None
    with refusing() as port:
        server = server._replace(port=port)
        assert asyncio.run(measure_patiently(Case("busy", "ours", get("/")), server, 1)) is None
    results = Results()
    results.add({"silent": [], "other": [Figures(1, 1, 1, 1, 1, 1)]})
    assert set(results.rounds) == {"other"}
    assert "silent" in results.how.values()
