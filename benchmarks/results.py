"""What was measured, and how it is kept until the report is written."""

import json
import statistics
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import NamedTuple

NOT_MEASURED = "Not measured, since the machine had other work"


class Figures(NamedTuple):
    """What one round of one case gave."""

    per_second: float
    p50_ms: float
    p99_ms: float
    max_ms: float
    cpu_ms: float
    """What the server's processes, and its database's, spent on a request."""
    rss_mb: float


@dataclass
class Results:
    """All that is known of a run."""

    how: dict[str, str] = field(default_factory=dict)
    """What it ran on, and in which way."""
    rounds: dict[str, list[Figures]] = field(default_factory=dict)
    """By case."""
    single: dict[str, float] = field(default_factory=dict)
    """What is but one figure."""
    memory: list[tuple[int, float]] = field(default_factory=list)
    """Pictures rendered, and MB then."""

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
        """Each figure's median over all rounds. Raises `KeyError` where the case was not measured."""
        return Figures(*(statistics.median(column) for column in zip(*self.rounds[case], strict=True)))

    def spread(self, case: str) -> float:
        """How far apart the rounds' CPU times are, as a part of their median: noise."""
        cpu = [figures.cpu_ms for figures in self.rounds[case]]
        return (max(cpu) - min(cpu)) / (statistics.median(cpu) or 1)

    def save(self, path: Path) -> None:
        """Keep it."""
        kept = asdict(self)
        kept["rounds"] = {
            name: [[float(f"{figure:.4g}") for figure in row] for row in rows]
            for name, rows in self.rounds.items()
        }
        path.write_text(json.dumps(kept), encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> "Results":
        """What was kept; nothing, if nothing was."""
        if not path.exists():
            return cls()
        kept = json.loads(path.read_text(encoding="utf-8"))
        rounds = {name: [Figures(*row) for row in rows] for name, rows in kept.pop("rounds").items()}
        return cls(rounds=rounds, **kept)
