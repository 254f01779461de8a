"""What has become of a list so far."""

from collections.abc import Callable
from dataclasses import dataclass

OnRefusal = Callable[[int, str], None]
"""Is told the line of a row of which no avatar was made, and why."""


@dataclass(slots=True)
class BulkReport:
    """How many rows met which end."""

    made: int = 0
    there: int = 0
    """Made by an earlier run."""
    repeated: int = 0
    """The same as a row before."""
    refused: int = 0

    @property
    def seen(self) -> int:
        """All of them."""
        return self.made + self.there + self.repeated + self.refused
