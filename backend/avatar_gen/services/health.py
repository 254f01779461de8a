"""The state of the dependencies, as health routes and metrics report it."""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from avatar_gen.database.repository import Repository
from avatar_gen.errors import AvatarError
from avatar_gen.objects import Capacity, ObjectStore
from avatar_gen.runtime.probes import Probe

log = logging.getLogger(__name__)

DATABASE, STORAGE, STORAGE_WRITE, REDIS = "database", "storage", "storage-write", "redis"
BROKER = "broker"
FOR_READING = (DATABASE, STORAGE)
"""What must be up for a load balancer to send requests. Reads go on while the storage cannot be written."""

_OPTIONAL = frozenset({REDIS, BROKER})
"""The service answers without these. Without Redis, each process counts limits alone; without broker, jobs
wait."""

_TIMEOUT_SECONDS = 2.0
"""A dependency that takes longer to answer counts as down."""

_OPTIONAL_TIMEOUT_SECONDS = 0.5

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
    """By name: `database`, `storage`, `storage-write`, and `redis` and `broker` if they are used."""
    stored_avatars: int | None
    """None while the database is down."""
    capacity: Capacity | None
    """The room of the storage. None while it cannot be written."""

    @property
    def down(self) -> list[str]:
        """The names of the required dependencies that do not answer."""
        return [name for name in self._silent if name not in _OPTIONAL]

    @property
    def optional_down(self) -> list[str]:
        """The names of the optional dependencies that do not answer."""
        return [name for name in self._silent if name in _OPTIONAL]

    @property
    def _silent(self) -> list[str]:
        return [name for name, state in self.dependencies.items() if not state.up]

    @property
    def down_for_reading(self) -> list[str]:
        """The names of the down dependencies that serving stored avatars needs."""
        return [name for name in self.down if name in FOR_READING]


class HealthChecks:
    """Checks of all dependencies, each in a thread and with connections of its own.

    They never wait for the work of clients. A dependency that hangs holds one thread, however often it is
    asked.
    """

    def __init__(
        self, store: ObjectStore, repository: Repository, servers: Mapping[str, str] | None = None
    ) -> None:
        """`servers` has the URLs of Redis servers that are checked, too, by the names of `_OPTIONAL`."""
        self._kinds = {DATABASE: repository.kind, STORAGE: store.kind, STORAGE_WRITE: store.kind}
        self._database = Probe(DATABASE, repository.check)
        self._storage = Probe(STORAGE, store.check_read)
        self._storage_write = Probe(STORAGE_WRITE, store.check_write)
        self._servers: dict[str, Probe[None]] = {
            name: Probe(name, partial(_ping, url)) for name, url in (servers or {}).items()
        }

    async def check(self) -> HealthReport:
        """Ask each dependency. The report is there within two seconds."""
        questions = (
            _ask(DATABASE, self._database),
            _ask(STORAGE, self._storage),
            _ask(STORAGE_WRITE, self._storage_write),
        )
        (database, total), (storage, _), (storage_write, capacity) = await asyncio.gather(*questions)
        ups = {DATABASE: database, STORAGE: storage, STORAGE_WRITE: storage_write}
        states = {name: DependencyState(up, self._kinds[name]) for name, up in ups.items()}
        answers = await asyncio.gather(*map(_answers, self._servers.values()))
        states |= {name: DependencyState(up, REDIS) for name, up in zip(self._servers, answers, strict=True)}
        return HealthReport(states, total, capacity)

    def close(self) -> None:
        """Stop asking."""
        probes: tuple[Probe[Any], ...] = (self._database, self._storage, self._storage_write)
        for probe in (*probes, *self._servers.values()):
            probe.close()


def _ping(url: str) -> None:
    # Imported here, because the import is slow and needed only with Redis.
    from redis import Redis  # noqa: PLC0415

    with Redis.from_url(url, socket_timeout=_OPTIONAL_TIMEOUT_SECONDS) as client:
        client.ping()


async def _answers(probe: Probe[None]) -> bool:
    """Return whether Redis answers. Nothing is logged here: `security.shared_limits` warns once."""
    try:
        await probe.ask(_OPTIONAL_TIMEOUT_SECONDS)
    except Exception:  # noqa: BLE001 - of a driver, for which every error means the same
        return False
    return True


async def _ask(name: str, probe: Probe[T]) -> tuple[bool, T | None]:
    """Return whether a dependency is up, and its answer. The cause of a failure goes to the log."""
    try:
        return True, await probe.ask(_TIMEOUT_SECONDS)
    except TimeoutError:
        log.error("The %s is down: it did not answer within %g s", name, _TIMEOUT_SECONDS)  # noqa: TRY400
    except AvatarError as error:
        log.error("The %s is down: %r", name, error.__cause__ or error)  # noqa: TRY400
    except Exception:
        log.exception("The check of the %s failed", name)
    return False, None
