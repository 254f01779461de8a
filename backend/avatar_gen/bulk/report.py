"""What has become of a list so far."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

T = TypeVar("T")

OnRefusal = Callable[[int, str], None]
"""Is told the line of a row of which no avatar was made, and why."""


@dataclass(slots=True)
class Report:
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


def batches(items: Iterable[T], most: int) -> Iterator[list[T]]:
    """The items by so many at a time."""
    iterator = iter(items)
    while batch := list(islice(iterator, most)):
        yield batch
