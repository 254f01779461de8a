"""The processes of a server: their CPU time and their memory, from Linux."""

import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


def cpu_of(process: int) -> float:
    """Return the seconds of CPU time of a process and all its descendants so far."""
    return sum(map(_cpu, processes_of(process)))


def processes_of(process: int) -> Iterator[int]:
    """Yield a process and all its descendants."""
    yield process
    for thread in Path(f"/proc/{process}/task").glob("*"):
        for child in _read(thread / "children"):
            yield from processes_of(int(child))


def _cpu(process: int) -> float:
    """Return the CPU time of a process and of its children that have ended."""
    children = sum(map(int, _read(Path(f"/proc/{process}/stat"))[15:17])) / _TICKS
    try:
        # Its clock of CPU time, numbered as clock_getcpuclockid() does: /proc counts hundredths of a second.
        return time.clock_gettime(~process << 3 | 2) + children
    except OSError:
        return children


def resident(process: int) -> int:
    """Return the bytes of memory of a process, those that it shares included; 0 if it has ended."""
    return sum(map(int, _read(Path(f"/proc/{process}/statm"))[1:2])) * _PAGE


def _read(path: Path) -> list[str]:
    """Return the words of a file in /proc, or none if the process has ended."""
    try:
        # A name, in brackets, can hold a space.
        return re.sub(r"\(.*\)", "name", path.read_text(encoding="ascii")).split()
    except (FileNotFoundError, ProcessLookupError):
        return []
