"""What is known of an avatar beside its pictures: the same in its object, its row and over HTTP."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

VERSION = "0.0.1"
"""The version of the record, as the old service gave it and its clients expect it."""

CANONICAL_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
"""An id as it is kept: in small letters, with dashes."""


@dataclass(frozen=True, slots=True)
class Avatar:
    """One avatar. What was not asked for is None."""

    id: str
    """A UUID 4 in its canonical, lower-case form."""
    created_ms: int
    """Milliseconds since 1970, UTC."""
    generator_type: str
    version: str = VERSION
    primary_color: str | None = None
    foreign_color: str | None = None
    color_scheme: str | None = None
    seed: str | None = None
    angle: float | None = None

    @property
    def place(self) -> "Cursor":
        """Where it stands in the list: by age, of one age by id."""
        return Cursor(self.created_ms, self.id)


class Cursor(NamedTuple):
    """Where an avatar stands in the list, whether it is still there or not."""

    created_ms: int
    id: str

    def __str__(self) -> str:
        """As clients get it to go on from there."""
        return f"{self.created_ms}-{self.id}"

    @classmethod
    def parse(cls, text: str) -> "Cursor":
        """The inverse of `str`. Raises `ValueError`."""
        if not _CURSOR.fullmatch(text):
            raise ValueError("no place in the list")
        created_ms, _, avatar_id = text.partition("-")
        return cls(int(created_ms), avatar_id)


_CURSOR = re.compile(rf"[0-9]{{1,15}}-{CANONICAL_ID.pattern}")


def format_time(ms: int) -> str:
    """ISO 8601 in UTC with milliseconds and `Z`."""
    moment = datetime.fromtimestamp(ms // 1000, UTC).replace(microsecond=ms % 1000 * 1000)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_time(text: str) -> int:
    """The inverse of `format_time`. Raises `ValueError`."""
    moment = datetime.fromisoformat(text).astimezone(UTC)
    return int(moment.replace(microsecond=0).timestamp()) * 1000 + moment.microsecond // 1000
