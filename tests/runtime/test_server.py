"""How the server ends, in processes of its own: whatever hangs, it ends in time."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

STOPPING = "The service is stopping. It finishes the requests in flight"

PROGRAM = """
import asyncio, logging, signal, socket, sys, threading, time
import uvicorn
from avatar_gen.runtime.protocol import TimeoutProtocol
from avatar_gen.runtime.server import Server

logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(message)s")
what = sys.argv[1]

def hang():
    while True:
        time.sleep(1000)

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        if what == "shutdown":
            await asyncio.Event().wait()
        if what == "thread":
            threading.Thread(target=hang).start()
        if what == "closing":
            hang()
        await send({"type": "lifespan.shutdown.complete"})
        return
    if what == "request":
        print("hanging", flush=True)
        while True:
            try:
                await asyncio.sleep(1000)
            except asyncio.CancelledError:
                pass
    if what == "loop":
        print("hanging", flush=True)
        hang()
    if what == "native":
        print("hanging", flush=True)
        # As in a file system that hangs: no signal ends the call, and Python's own handlers do not run.
        import ctypes
        while True:
            ctypes.CDLL(None).sleep(1000)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body"})

listener = socket.create_server(("127.0.0.1", 0))
config = uvicorn.Config(
    app, http=TimeoutProtocol, loop="uvloop", log_config=None, timeout_graceful_shutdown=1
)
timeouts = {"receive_timeout": 10, "idle_timeout": 75, "drain_time": 0, "shutdown_timeout": 1}
server = Server(config, **timeouts, on_drain=lambda: None)
server.run(sockets=[listener])
print("ended", flush=True)
"""


@contextmanager
def running(what: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    command = [sys.executable, "-c", PROGRAM, what]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            url = next(line for line in process.stdout if "Serving on" in line).split()[2]
            yield process, int(url.rpartition(":")[2])
        finally:
            process.kill()


def ask(port: int) -> subprocess.Popen[bytes]:
    command = ["import sys, urllib.request as r; r.urlopen(sys.argv[1])", f"http://127.0.0.1:{port}/"]
    return subprocess.Popen([sys.executable, "-c", *command], stderr=subprocess.DEVNULL)


@pytest.mark.parametrize(
    ("what", "number"),
    [
        ("shutdown", signal.SIGTERM),
        ("thread", signal.SIGTERM),
        ("closing", signal.SIGTERM),
        ("request", signal.SIGTERM),
        ("loop", signal.SIGTERM),
        ("native", signal.SIGTERM),
        ("native", signal.SIGINT),
        ("native", signal.SIGHUP),
    ],
)
def test_it_ends_whatever_hangs(what: str, number: int) -> None:
    with running(what) as (process, port):
        client = ask(port) if what in {"request", "loop", "native"} else None
        if client:
            assert process.stdout
            assert any("hanging" in line for line in process.stdout)
        try:
            process.send_signal(number)
            assert process.wait(60) == 1
            assert process.stdout
            assert "Shutdown took longer than server.shutdown_timeout" in process.stdout.read()
        finally:
            if client:
                client.kill()
                client.wait()


def test_it_ends_with_status_0_if_nothing_hangs() -> None:
    with running("nothing") as (process, _):
        started = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
        assert process.stdout
        lines = process.stdout.read().splitlines()
        assert (lines.count(STOPPING), lines[-1]) == (1, "ended")
        assert time.monotonic() - started < 60


SUPERVISOR = """
import errno, logging, os, socket, sys
from avatar_gen.runtime.workers import Supervisor

logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(message)s")
channels = 0

def channel_of(number):
    global channels
    channels += 1
    if channels == 2:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
    return socket.socketpair()[1]

listener = socket.create_server(("127.0.0.1", 0))
Supervisor(listener, ["version"], channel_of, 5).run(1)
print("ended")
"""


def test_a_worker_that_cannot_be_replaced_yet_is_tried_again() -> None:
    command = [sys.executable, "-c", SUPERVISOR]
    environ = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environ
    ) as process:
        assert process.stdout
        seen: list[str] = []
        for line in process.stdout:
            if "Worker" in line:
                seen.append(line.split(":")[0].partition("Worker ")[2].partition(" ")[2].strip())
            if len(seen) == 3:
                break
        ended = "has ended with status 2 and is replaced"
        assert seen == [ended, "cannot be started yet", ended]
        process.terminate()
        assert process.wait(60) == 0
        assert process.stdout.read().splitlines()[-2:] == [STOPPING, "ended"]
