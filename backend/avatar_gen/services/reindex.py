"""Rebuild the records from the objects, which hold everything that the records do."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from avatar_gen.avatar import Avatar
from avatar_gen.database.repository import Repository
from avatar_gen.errors import AvatarError, SchemaError, StartupError
from avatar_gen.objects import ObjectStore
from avatar_gen.objects.avatar_object import read_object
from avatar_gen.runtime.batches import batches, difference
from avatar_gen.runtime.threads import call_each

log = logging.getLogger(__name__)

_BATCH = 500
"""Avatars in one transaction. An interruption costs at most one."""


@dataclass(slots=True)
class Report:
    """The progress and the result."""

    added: int = 0
    removed: int = 0
    damaged: int = 0
    processed: int = 0
    """Objects and rows so far."""
    avatars: int = 0
    """The number of all avatars, at the end."""
    progress: float = 0.0
    """The share of the work that is done, 0 to 1, from the place of the last id among all possible ids."""


class Reindex:
    """Add missing rows, remove rows without an object, and count the rows.

    It can be stopped at any time and run again, and it can run beside the service: an object is stored and
    removed before its row. Objects and folders that cannot be read are reported to `on_damage`. Their rows
    stay, since a backup may restore them.
    """

    def __init__(
        self, store: ObjectStore, repository: Repository, on_damage: Callable[[str, AvatarError], None]
    ) -> None:
        self._store = store
        self._repository = repository
        self._on_damage = on_damage
        self.report = Report()

    def run(self, *, allow_empty: bool = False) -> Iterator[Report]:
        """Reindex, and yield the report after each batch.

        Raises `StartupError` if there are rows and no object, as with a volume that is not mounted, unless
        `allow_empty`.
        """
        if not (allow_empty or has_objects(self._store)) and _has_any(self._repository.ids()):
            raise StartupError(
                "The database has avatars, but the storage has no object at all. Check that it is the right"
                " folder, and mounted. To empty the database all the same, use --allow-empty."
            )
        for batch in batches(self._store.ids(self._report), _BATCH):
            known = self._repository.known(batch)
            avatars = call_each(self._read, batch, self._store.calls_at_once)
            found = [avatar for avatar in avatars if avatar and avatar.id not in known]
            if found:
                self.report.added += self._repository.add(found)
            yield self._reached(batch, half=0)
        alone = difference(self._repository.ids(), self._store.ids(_ignore))
        for batch in batches(alone, _BATCH):
            # The object may have been stored after the list was read, or in a folder that cannot be listed.
            lost = [avatar_id for avatar_id in batch if self._is_lost(avatar_id)]
            if lost:
                self.report.removed += self._repository.remove_rows(lost)
            yield self._reached(batch, half=1)
        self.report.avatars = self._repository.recount()
        self.report.progress = 1.0
        yield self.report

    def _read(self, avatar_id: str) -> Avatar | None:
        try:
            data = self._store.get(avatar_id)
            return None if data is None else read_object(avatar_id, data).avatar
        except AvatarError as error:
            self._report(avatar_id, error)
            return None

    def _report(self, name: str, error: AvatarError) -> None:
        self.report.damaged += 1
        self._on_damage(name, error)

    def _is_lost(self, avatar_id: str) -> bool:
        try:
            return self._store.get(avatar_id) is None
        except AvatarError:
            return False

    def _reached(self, batch: Sequence[str], *, half: int) -> Report:
        self.report.processed += len(batch)
        self.report.progress = (half + int(batch[-1][:8], 16) / 2**32) / 2
        return self.report


def _ignore(_name: str, _error: AvatarError) -> None:
    """Let `run` report it."""


def has_objects(store: ObjectStore) -> bool:
    """Return whether there is any object. Folders that cannot be listed count as empty."""
    return _has_any(store.ids(_ignore))


def warn_of_lost_rows(store: ObjectStore, repository: Repository) -> None:
    """Log a warning if the database has no avatars although the storage has objects."""
    with suppress(AvatarError, SchemaError):  # Health names what is missing.
        if not repository.total() and has_objects(store):
            log.warning("The database has no avatars, but the storage has objects. Run: avatar-gen reindex")


def _has_any(ids: Iterator[str]) -> bool:
    return next(ids, None) is not None
