"""Rebuild the records from the objects, which are the truth."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from avatar_gen.avatars import read_object
from avatar_gen.database.repository import Repository
from avatar_gen.errors import ObjectDamaged
from avatar_gen.objects import ObjectStore
from avatar_gen.record import Avatar

_BATCH = 500
"""Avatars in one transaction: the most that an interruption costs."""


@dataclass(slots=True)
class Report:
    """What has been done so far."""

    objects: int = 0
    added: int = 0
    removed: int = 0
    damaged: int = 0
    avatars: int = 0
    """How many there are, once all is done."""
    part: float = 0.0
    """Of the work, 0 to 1: ids are random, so where one lies among all says how far we are."""


class Reindex:
    """Add the rows of objects that have none, remove the rows that have no object, and count anew.

    Every step leaves the database better than it was, so this can be stopped at any time and run again, and
    it can run beside the service: an object is there before its row, and gone before its row.
    """

    def __init__(
        self, store: ObjectStore, repository: Repository, on_damage: Callable[[str, ObjectDamaged], None]
    ) -> None:
        self._store = store
        self._repository = repository
        self._on_damage = on_damage
        self.report = Report()

    def run(self) -> Iterator[Report]:
        """Do it, and yield the report after each batch."""
        for batch in _batches(self._store.ids()):
            known = self._repository.known(batch)
            found = [avatar for each in batch if each not in known and (avatar := self._read(each))]
            if found:
                self.report.added += self._repository.add_missing(found)
            self.report.objects += len(batch)
            yield self._reached(batch[-1], half=0)
        for batch in _batches(self._repository.ids()):
            # A row whose object is damaged stays: the object may yet be restored.
            lost = [each for each in batch if self._store.get(each) is None]
            if lost:
                self.report.removed += self._repository.remove_rows(lost)
            yield self._reached(batch[-1], half=1)
        self.report.avatars = self._repository.recount()
        self.report.part = 1.0
        yield self.report

    def _read(self, avatar_id: str) -> Avatar | None:
        data = self._store.get(avatar_id)
        if data is None:
            return None
        try:
            return read_object(avatar_id, data)[0]
        except ObjectDamaged as error:
            self.report.damaged += 1
            self._on_damage(avatar_id, error)
            return None

    def _reached(self, avatar_id: str, *, half: int) -> Report:
        self.report.part = (half + int(avatar_id[:8], 16) / 2**32) / 2
        return self.report


def _batches(ids: Iterable[str]) -> Iterator[list[str]]:
    iterator = iter(ids)
    while batch := list(islice(iterator, _BATCH)):
        yield batch
