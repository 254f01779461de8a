"""The results of a run, and the file that stores them until the report is written."""

import json
import statistics
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import NamedTuple

NOT_MEASURED = "Not measured, since the machine had other work"


class Figures(NamedTuple):
    """The figures of one round of one case."""

    per_second: float
    p50_ms: float
    p99_ms: float
    max_ms: float
    cpu_ms: float
    """CPU time of all processes of the server and its database, for each request."""
    rss_mb: float


@dataclass
class Results:
    """The results of a run."""

    how: dict[str, str] = field(default_factory=dict)
    """The machine, the versions, and how the run was made."""
    rounds: dict[str, list[Figures]] = field(default_factory=dict)
    """The rounds of each case, by its name."""
    single: dict[str, float] = field(default_factory=dict)
    """Results that are a single figure."""
    memory: list[tuple[int, float]] = field(default_factory=list)
    """Numbers of rendered pictures, with the memory in MB at that point."""

    def add(self, rounds: dict[str, list[Figures]]) -> None:
        """Take in the rounds of each case, and name the cases that have none."""
        self.rounds |= {name: rows for name, rows in rounds.items() if rows}
        missing = [name for name, rows in rounds.items() if not rows]
        for name in missing:
            self.rounds.pop(name, None)
        self.how.pop(NOT_MEASURED, None)
        if missing:
            self.how[NOT_MEASURED] = "; ".join(missing)

    def median(self, case: str) -> Figures:
        """Return the median of each figure over all rounds. Raises `KeyError` if there are no rounds."""
        return Figures(*(statistics.median(column) for column in zip(*self.rounds[case], strict=True)))

    def spread(self, case: str) -> float:
        """Return how far apart the CPU times of the rounds are, as a fraction of their median: the noise."""
        cpu = [figures.cpu_ms for figures in self.rounds[case]]
        return (max(cpu) - min(cpu)) / (statistics.median(cpu) or 1)

    def save(self, path: Path) -> None:
        """Write the results to a file."""
        kept = asdict(self)
        kept["rounds"] = {
            name: [[float(f"{figure:.4g}") for figure in row] for row in rows]
            for name, rows in self.rounds.items()
        }
        path.write_text(json.dumps(kept), encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> "Results":
        """Read the results from a file; return empty ones if it does not exist."""
        if not path.exists():
            return cls()
        kept = json.loads(path.read_text(encoding="utf-8"))
        rounds = {name: [Figures(*row) for row in rows] for name, rows in kept.pop("rounds").items()}
        return cls(rounds=rounds, **kept)
