"""What the service answers. Fields that a newer service adds are ignored."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Self

from avatar_gen_client.urls import camel


class _Read:
    """A dataclass that is read from JSON."""

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Self:
        """Return the object that a JSON object describes."""
        found = {each.name: data.get(camel(each.name)) for each in fields(cls)}  # type: ignore[arg-type]
        return cls(**{name: _parsed(name, value) for name, value in found.items()})


def _parsed(name: str, value: object) -> object:
    if name.endswith("_at") and isinstance(value, str):
        return datetime.fromisoformat(value)
    return value


@dataclass(frozen=True)
class Avatar(_Read):
    """A stored avatar. Options that were not given are None."""

    id: str
    created_at: datetime
    generator_type: str | None
    """Its style."""
    seed: str | None
    primary_color: str | None
    foreign_color: str | None
    color_scheme: str | None
    palette: str | None
    options: Mapping[str, Any] | None


@dataclass(frozen=True)
class AvatarPage:
    """A part of the list of stored avatars."""

    avatars: list[Avatar]
    total: int
    next: str | None
    """The value of `after` for the next page. None on the last one."""


@dataclass(frozen=True)
class StyleInfo(_Read):
    """A style that the service draws."""

    name: str
    title: str
    license: str | None
    creator: str | None
    options: list[str]
    formats: list[str]


@dataclass(frozen=True)
class Job(_Read):
    """A list of which each row becomes an avatar."""

    id: str
    state: str
    """`waiting`, `running`, `done` or `cancelled`."""
    total: int
    done: int
    failed: int
    rate: float | None
    time_left: int | None
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None


@dataclass(frozen=True)
class PickerLink(_Read):
    """A link to the page on which a user chooses a picture. It is secret."""

    url: str
    expires_at: datetime


@dataclass(frozen=True)
class Health(_Read):
    """The state of the service."""

    status: str
    version: str
    uptime: float
    checks: Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class Problem(_Read):
    """What is wrong with one field of an invalid request."""

    field: str
    message: str
