"""Counts of a bulk run."""

from collections.abc import Callable
from dataclasses import dataclass

OnRefusal = Callable[[int, str], None]
"""Receives the line of a row of which no avatar is made, and the reason."""


@dataclass(slots=True)
class BulkReport:
    """Rows by their outcome so far."""

    made: int = 0
    existing: int = 0
    """Rows whose avatar an earlier run made."""
    repeated: int = 0
    """Rows that equal an earlier row."""
    refused: int = 0

    @property
    def processed(self) -> int:
        """Return the number of all rows that were read."""
        return self.made + self.existing + self.repeated + self.refused
