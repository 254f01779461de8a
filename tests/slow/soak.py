"""Mixed traffic for half an hour, and the memory of each process: `make soak` draws docs/soak.svg.

The service has two workers, PostgreSQL, a folder, and all of its parts on.
"""

import contextlib
import re
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from benchmarks import plots
from benchmarks.processes import processes_of, resident
from tests.conftest import Service
from tests.servers.avatars import listed, objects
from tests.servers.postgres import Postgres
from tests.servers.waiting import wait_until
from tests.slow.everything import everything
from tests.slow.soak_traffic import Client, Traffic

PLOT = Path(__file__).parents[2] / "docs" / "soak.svg"

_CLIENTS = 4
_POINTS = 60
"""Points of each line of the plot. Each is the highest of the samples that it stands for."""

_ROLES = {"photo_decoder": "decoders", "spawn_main": "drawing lists", "serve": "worker"}
"""The names of the processes that the first one starts, by a part of their command."""


@dataclass
class Memory:
    """The resident memory of the processes of a service."""

    service: Service
    samples: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    """Minutes and MB, by process. Those that decode or draw lists come and go: they are added."""
    _names: dict[int, str] = field(default_factory=dict)

    def watch(self, ended: threading.Event, seconds: float) -> None:
        """Take a sample at this interval until an event."""
        began = time.monotonic()
        while not ended.wait(seconds):
            for name, megabytes in self._sample().items():
                self.samples.setdefault(name, []).append(((time.monotonic() - began) / 60, megabytes))

    def _sample(self) -> dict[str, float]:
        assert self.service.process
        found: dict[str, float] = {}
        for process in processes_of(self.service.process.pid):
            if name := self._name(process):
                found[name] = found.get(name, 0) + resident(process) / 1e6
        return found

    def _name(self, process: int) -> str:
        """Return the name of a process. A worker's child has none until it has a command of its own."""
        if process not in self._names:
            command = _command(process)
            role = next((_ROLES[part] for part in _ROLES if part in command), "")
            assert self.service.process
            if process == self.service.process.pid:
                role = "supervisor"
            elif role == "worker":
                if _parent(process) != self.service.process.pid:
                    return ""
                role += f" {1 + sum(name.startswith(role) for name in self._names.values())}"
            self._names[process] = role
        return self._names[process]


def _command(process: int) -> str:
    """Return the command of a process; nothing if it has ended."""
    return _read(process, "cmdline")


def _parent(process: int) -> int:
    """Return the id of a process's parent; 0 if it has ended."""
    found = re.search(r"^PPid:\s*([0-9]+)$", _read(process, "status"), re.MULTILINE)
    return int(found[1]) if found else 0


def _read(process: int, name: str) -> str:
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{process}/{name}").read_text(encoding="utf-8", errors="replace")
    return ""


def soak(service: Service, minutes: float) -> tuple[Traffic, Memory]:
    """Send mixed traffic to a service. Raises `AssertionError` if rows, objects and pictures differ after it.

    `Traffic.unexpected` has the answers that no client should get.
    """
    known = service.client.get("/api/styles").json()["data"]
    styles = {each["name"]: each["formats"] for each in known}
    traffic, memory, ended = Traffic(service, styles), Memory(service), threading.Event()
    end = time.monotonic() + minutes * 60
    with ThreadPoolExecutor(_CLIENTS + 1) as threads:
        watching = threads.submit(memory.watch, ended, min(5.0, minutes * 60 / 10))
        try:
            for client in [threads.submit(Client(traffic, each).run, end) for each in range(_CLIENTS)]:
                client.result()
        finally:
            ended.set()
        watching.result()
    for job in traffic.jobs:
        wait_until(partial(_has_ended, service, job), seconds=300)
    assert set(listed(service)) == objects(service)
    shown = {each: service.client.get(f"/api/{each}").status_code for each in traffic.stored}
    assert set(shown.values()) <= {200}, [each for each in shown if shown[each] != 200]
    return traffic, memory


def _has_ended(service: Service, job: str) -> bool:
    return service.client.get(job).json()["data"]["endedAt"] is not None


def plot(memory: Memory, minutes: float) -> str:
    """Return the plot of the memory."""
    lines = {}
    for name, samples in memory.samples.items():
        highest: dict[int, float] = {}
        for moment, megabytes in samples:
            part = int(moment / minutes * _POINTS)
            highest[part] = max(megabytes, highest.get(part, 0))
        lines[name] = [(part * minutes / _POINTS, megabytes) for part, megabytes in highest.items()]
    return plots.lines("Resident memory of each process, MB", lines, "minutes of mixed traffic")


def table(memory: Memory, minutes: float) -> Iterator[str]:
    """Yield the rows of the table in docs/hardening.md: MB in the middle, at the end, and the highest."""
    for name, samples in memory.samples.items():
        parts = [
            [megabytes for moment, megabytes in samples if low <= moment / minutes <= low + 0.1]
            for low in (0.1, 0.5, 0.9)
        ]
        means = (f"{sum(part) / len(part):.0f}" if part else "-" for part in parts)
        yield f"| {name} | {' | '.join(means)} | {max(each for _, each in samples):.0f} |"


def main(minutes: float) -> None:
    """Soak a service, print what was sent, and draw the plot."""
    postgres = Postgres()
    postgres.start()
    try:
        with tempfile.TemporaryDirectory() as folder:
            environ = {"DATABASE_URL": postgres.new_database()}
            with everything(Path(folder) / "service", {"server": {"workers": 2}}, environ) as service:
                traffic, memory = soak(service, minutes)
            print(f"{traffic.requests():,} requests: {dict(sorted(traffic.statuses.items()))}")
            print("| process | after a tenth | half | the end | highest |", *table(memory, minutes), sep="\n")
            PLOT.write_text(plot(memory, minutes), encoding="utf-8")
            print(f"The service's log: {service.log.read_text()[-5000:] or 'empty'}")
            assert not traffic.unexpected(), traffic.unexpected()
    finally:
        postgres.destroy()


if __name__ == "__main__":
    main(float(sys.argv[1]))
