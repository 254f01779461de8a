"""Copy all objects and identity links from one storage to another: between folders and object stores."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from avatar_gen.errors import AvatarError, IdentityLinkDamaged, ObjectDamaged, TooManyIdentityLinks
from avatar_gen.objects import IdentityStore, ObjectStore
from avatar_gen.objects.avatar_object import read_object
from avatar_gen.runtime.batches import batches, difference
from avatar_gen.runtime.threads import call_each

_BATCH = 100
OnFailure = Callable[[str, str], None]
"""Receives the name of what cannot be copied, and the reason."""


class Stores(NamedTuple):
    """The two parts of a storage."""

    objects: ObjectStore
    links: IdentityStore


@dataclass(slots=True)
class CopyReport:
    """Counts of a copy so far."""

    copied: int = 0
    existing: int = 0
    """Objects that the target had already."""
    links: int = 0
    extra: int = 0
    """Objects that only the target has."""
    failed: int = 0
    part: float = 0.0
    """The finished part of the work, 0 to 1."""

    @property
    def processed(self) -> int:
        """Return the number of objects that were looked at."""
        return self.copied + self.existing + self.failed


class StorageCopy:
    """Copies a storage. Each object is checked by its SHA-256, and read back from the target.

    The service may use the source meanwhile. An interrupted run is completed by the next one, which copies
    only what is missing or differs.
    """

    def __init__(self, source: Stores, target: Stores, on_failure: OnFailure) -> None:
        self._source = source
        self._target = target
        self._on_failure = on_failure
        self._at_once = max(source.objects.calls_at_once, target.objects.calls_at_once)
        self.report = CopyReport()

    def run(self, *, delete: bool) -> Iterator[CopyReport]:
        """Copy, and yield the report after each batch. If `delete`, remove what only the target has.

        Raises what the stores raise.
        """
        for batch in batches(self._source.objects.ids(self._fail_folder), _BATCH):
            self._copy(batch)
            self.report.part = int(batch[-1][:8], 16) / 2**32
            yield self.report
        self._copy_links(delete=delete)
        yield from self._find_extra(delete=delete)
        self.report.part = 1.0
        yield self.report

    def _copy(self, ids: Sequence[str]) -> None:
        found = zip(ids, call_each(self._read, ids, self._at_once), strict=True)
        objects = {avatar_id: data for avatar_id, data in found if data is not None}
        if not objects:
            return
        self._target.objects.put(objects)
        stored = call_each(self._target.objects.get, objects, self._at_once)
        for (avatar_id, data), arrived in zip(objects.items(), stored, strict=True):
            if arrived == data:
                self.report.copied += 1
            else:
                self._fail(avatar_id, "the target returns other bytes than it was given")

    def _read(self, avatar_id: str) -> bytes | None:
        """Return an object that is to be copied."""
        try:
            data = self._source.objects.get(avatar_id)
            if data is not None:
                read_object(avatar_id, data)
        except ObjectDamaged as error:
            self._fail(avatar_id, f"its object is damaged: {error.__cause__}")
            return None
        if data is not None and self._in_target(avatar_id) == data:
            self.report.existing += 1
            return None
        return data

    def _in_target(self, avatar_id: str) -> bytes | None:
        try:
            return self._target.objects.get(avatar_id)
        except ObjectDamaged:
            return None

    def _copy_links(self, *, delete: bool) -> None:
        identities = set(self._source.links.ids())
        for identity in sorted(identities):
            try:
                avatar_id = self._source.links.get(identity)
                if avatar_id is not None and self._target.links.get(identity) != avatar_id:
                    self._target.links.put(identity, avatar_id)
            except (IdentityLinkDamaged, TooManyIdentityLinks) as error:
                self._fail(identity, str(error))
            else:
                self.report.links += 1
        for identity in set(self._target.links.ids()) - identities if delete else ():
            self._target.links.remove(identity)

    def _find_extra(self, *, delete: bool) -> Iterator[CopyReport]:
        """Count, and if `delete` remove, the objects of avatars that were deleted from the source."""
        for avatar_id in difference(self._target.objects.ids(), self._source.objects.ids()):
            # The service may have stored it in the source after the list was read.
            if self._source.objects.get(avatar_id) is not None:
                continue
            self.report.extra += 1
            if delete:
                with self._target.objects.removing(avatar_id):
                    pass
            if self.report.extra % _BATCH == 0:
                yield self.report

    def _fail_folder(self, folder: str, error: AvatarError) -> None:
        self._source.objects.check_read()
        self._fail(folder, f"this folder cannot be read: {error.__cause__}")

    def _fail(self, name: str, reason: str) -> None:
        self.report.failed += 1
        self._on_failure(name, reason)
