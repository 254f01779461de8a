"""What is known of an avatar beside its pictures: the same in its object, its row and over HTTP."""

from dataclasses import dataclass
from datetime import UTC, datetime

VERSION = "0.0.1"
"""The version of the record, as the old service gave it and its clients expect it."""


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


def format_time(ms: int) -> str:
    """ISO 8601 in UTC with milliseconds and `Z`."""
    moment = datetime.fromtimestamp(ms // 1000, UTC).replace(microsecond=ms % 1000 * 1000)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_time(text: str) -> int:
    """The inverse of `format_time`. Raises `ValueError`."""
    moment = datetime.fromisoformat(text).astimezone(UTC)
    return int(moment.replace(microsecond=0).timestamp()) * 1000 + moment.microsecond // 1000
