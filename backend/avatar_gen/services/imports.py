"""The part that all imports share: read avatars one by one, store them in batches, count and report."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from avatar_gen.avatar import PHOTO, Avatar
from avatar_gen.database.repository import Repository
from avatar_gen.errors import ObjectDamaged
from avatar_gen.imaging import decode
from avatar_gen.imaging.photographs import encode_stored
from avatar_gen.objects import ObjectStore
from avatar_gen.objects.avatar_object import read_object, write_object, write_photo
from avatar_gen.objects.files import OddFile, read
from avatar_gen.runtime.threads import call_each

OnFailure = Callable[[str, str], None]
"""Receives the id of an avatar, or the name of a line, and the reason why it cannot be imported."""


class Unreadable(Exception):
    """An avatar cannot be imported. The message is one clause."""


class Imported(NamedTuple):
    """An avatar that was read from elsewhere."""

    avatar: Avatar
    pictures: Mapping[int, bytes]
    """PNG files by their width in px."""


class Candidate(NamedTuple):
    """An avatar that may be imported."""

    avatar_id: str
    """A UUID in its canonical, lower-case form."""
    read: Callable[[], Imported]
    """Read it. Raises `Unreadable`."""


class _Failed(NamedTuple):
    """An avatar that cannot be imported, and the reason."""

    avatar_id: str
    reason: str


@dataclass(slots=True)
class ImportReport:
    """Counts of an import so far."""

    imported: int = 0
    existing: int = 0
    """Avatars that are in the storage already. A missing row is added."""
    failed: int = 0
    progress: float = 0.0
    """The finished part of the work, 0 to 1."""

    @property
    def processed(self) -> int:
        """Return the number of avatars that were looked at."""
        return self.imported + self.existing + self.failed


class BatchImporter:
    """Stores avatars in batches: objects first, then rows. An interrupted import can be run again."""

    def __init__(
        self,
        store: ObjectStore,
        repository: Repository,
        report: ImportReport,
        on_failure: OnFailure,
        *,
        at_once: int = 1,
    ) -> None:
        """`at_once` avatars are read at the same time."""
        self._store = store
        self._repository = repository
        self._report = report
        self._on_failure = on_failure
        self._at_once = at_once

    def process(self, candidates: Iterable[Candidate]) -> None:
        """Import a batch. Raises what the store and the repository raise."""
        objects: dict[str, bytes] = {}
        avatars: dict[str, Avatar] = {}
        repeated: list[Candidate] = []
        distinct = _distinct(candidates, repeated)
        for found in call_each(self._try_to_read, distinct, self._at_once):
            if isinstance(found, _Failed):
                self.fail(*found)
                continue
            avatar, data = found
            avatars[avatar.id] = avatar
            if data is None:
                self._report.existing += 1
            else:
                objects[avatar.id] = data
        if objects:
            self._store.put(objects)
        if avatars:
            self._repository.add(list(avatars.values()))
        self._report.imported += len(objects)
        if repeated:
            self.process(repeated)

    def fail(self, name: str, reason: str) -> None:
        """Count and report an avatar that cannot be imported."""
        self._report.failed += 1
        self._on_failure(name, reason)

    def _try_to_read(self, candidate: Candidate) -> "tuple[Avatar, bytes | None] | _Failed":
        try:
            return self._read(candidate)
        except Unreadable as error:
            return _Failed(candidate.avatar_id, str(error))

    def _read(self, candidate: Candidate) -> tuple[Avatar, bytes | None]:
        """Return an avatar and its object, or None for an object that is in the storage already."""
        stored = self._stored(candidate.avatar_id)
        if stored is not None:
            return stored, None
        avatar, pictures = candidate.read()
        if avatar.generator_type == PHOTO:
            largest = decode(pictures[max(pictures)])
            return avatar, write_photo(avatar, encode_stored(largest))
        return avatar, write_object(avatar, pictures)

    def _stored(self, avatar_id: str) -> Avatar | None:
        try:
            data = self._store.get(avatar_id)
            return None if data is None else read_object(avatar_id, data).avatar
        except ObjectDamaged as error:
            raise Unreadable(
                "the stored object is damaged; delete the avatar, then import it again"
            ) from error


def read_file(path: str, max_size: int) -> bytes:
    """Return the content of a regular file. Raises `Unreadable`; a pipe is not waited for."""
    try:
        return read(path, max_size)
    except OddFile as error:
        raise Unreadable(f"its file cannot be read: {error}") from None
    except OSError as error:
        raise Unreadable(f"its file cannot be read: {os.strerror(error.errno or 0)}") from error


def _distinct(candidates: Iterable[Candidate], repeated: list[Candidate]) -> Iterator[Candidate]:
    """Yield the first candidate of each id. Add the others to `repeated`."""
    ids = set()
    for candidate in candidates:
        if candidate.avatar_id in ids:
            repeated.append(candidate)
        else:
            ids.add(candidate.avatar_id)
            yield candidate
