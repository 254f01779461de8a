"""What `make bench-shared` measured."""

import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
MEASURED: dict[str, Any] = json.loads((ROOT / "benchmarks/shared.json").read_text(encoding="utf-8"))

BUSY = ", 16 at once"
"""The end of the names of costs under a high load."""

_RARE = 0.15
"""A call that fewer requests cause belongs to something else: it opens a connection, for example."""


def calls_of(kind: str, part: str) -> dict[str, float]:
    """Return the calls of one part for a request of this kind, by name, such as "store GET"."""
    return {
        name: number
        for name, number in MEASURED["costs"][kind]["calls"].items()
        if name.startswith(part) and number >= _RARE
    }


def cpu_of(kind: str, part: str, *, busy: bool = False) -> float:
    """Return the CPU time of one part for a request of this kind, in microseconds.

    A replica that is `busy` handles several requests each time it wakes up, and needs less.
    """
    return float(MEASURED["costs"][kind + BUSY * busy]["cpu_us"].get(part, 0))
