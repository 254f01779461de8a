"""The state of the dependencies, as health routes and metrics report it."""

import asyncio
import logging
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from avatar_gen.errors import AvatarError
from avatar_gen.services.avatars import Avatars

log = logging.getLogger(__name__)

_TIMEOUT_SECONDS = 2.0
"""A dependency that takes longer to answer counts as down."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class DependencyState:
    """The answer of one dependency."""

    up: bool
    kind: str
    """For example `sqlite` or `local`."""


@dataclass(frozen=True, slots=True)
class HealthReport:
    """The answers of all dependencies."""

    dependencies: Mapping[str, DependencyState]
    """By name: `database`, `storage`."""
    stored_avatars: int | None
    """None while the database is down."""

    @property
    def down(self) -> list[str]:
        """The names of the dependencies that do not answer."""
        return [name for name, state in self.dependencies.items() if not state.up]


async def check_dependencies(avatars: Avatars) -> HealthReport:
    """Ask each dependency. The report is there within two seconds."""
    (database_up, total), (storage_up, _) = await asyncio.gather(
        _ask("database", avatars.total()), _ask("storage", avatars.check_storage())
    )
    kinds = avatars.kinds
    states = {
        "database": DependencyState(database_up, kinds["database"]),
        "storage": DependencyState(storage_up, kinds["storage"]),
    }
    return HealthReport(states, total)


async def _ask(name: str, question: Awaitable[T]) -> tuple[bool, T | None]:
    """Return whether a dependency answers, and its answer. The cause of a failure goes to the log."""
    try:
        async with asyncio.timeout(_TIMEOUT_SECONDS):
            return True, await question
    except (AvatarError, TimeoutError) as error:
        log.error("The %s is down: %r", name, error.__cause__ or error)  # noqa: TRY400
        return False, None
