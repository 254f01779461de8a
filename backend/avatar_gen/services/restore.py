"""Copy a backup into a storage."""

import json
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path

from avatar_gen.errors import (
    ObjectDamaged,
    StartupError,
    TooManyIdentityLinks,
)
from avatar_gen.objects import IdentityStore, ObjectStore
from avatar_gen.objects.files import OddFile, read
from avatar_gen.objects.identities import require_canonical, require_hash
from avatar_gen.objects.local import LocalStore
from avatar_gen.runtime.batches import batches, difference
from avatar_gen.runtime.threads import call_each
from avatar_gen.services.backup_folder import (
    BATCH,
    CHECKSUMS,
    LINE,
    LINKS,
    OBJECTS,
    BackupReport,
    OnFailure,
    intact,
    not_listed,
    objects_in,
    open_list,
    read_list,
)

_MAX_LINKS_SIZE = 1_000_000_000
"""Bytes of `LINKS`. A line has at most 130, and a store at most a million links."""


class Restore:
    """Copy a finished backup into a storage. The database is rebuilt from the storage afterwards.

    An interrupted run is completed by the next one. A file that is not the one that was backed up is left out
    and reported.
    """

    def __init__(self, folder: Path, store: ObjectStore, links: IdentityStore, on_failure: OnFailure) -> None:
        self._folder = folder
        self._store = store
        self._links = links
        self._on_failure = on_failure
        self.report = BackupReport()

    def check(self, *, replace: bool) -> None:
        """Check everything except the objects of the backup. Changes nothing.

        Raises `OSError`, and `StartupError` if the backup is not finished or not one that `backup` wrote. If
        `replace`, the links must be whole, too. Otherwise the storage must not have other avatars.
        """
        if not (self._folder / CHECKSUMS).is_file():
            raise StartupError(f"{self._folder}: there is no finished backup in it: {CHECKSUMS} is missing")
        if not (self._folder / OBJECTS).is_dir():
            raise StartupError(f"{self._folder}: the folder {OBJECTS} is missing. Copy the backup again")
        self._check_list()
        if self._read_links() is None and replace:
            raise StartupError(
                f"{self._folder / LINKS}: it is missing or damaged. Copy the backup again, or restore without"
                " --replace."
            )
        lost = None if replace else next(self._not_in_backup(), None)
        if lost is not None:
            raise StartupError(
                f"The storage has avatars that are not in the backup, such as {lost}."
                " To remove them, use --replace; the service must not run meanwhile."
            )

    def run(self, *, replace: bool) -> Iterator[BackupReport]:
        """Restore, and yield the report after each batch. If `replace`, remove what is not in the backup.

        Call `check` first. Raises what the store raises, and `OSError`.
        """
        source = LocalStore(self._folder / OBJECTS)
        size = (self._folder / CHECKSUMS).stat().st_size
        done = 0
        for batch in batches(self._checksums(), BATCH):
            self._copy(batch, source)
            done += len(batch)
            self.report.progress = min(done * LINE / size, 1)
            yield self.report
        self._restore_links(replace=replace)
        for avatar_id in list(self._not_in_backup()) if replace else ():
            with self._store.removing(avatar_id):
                self.report.removed += 1
        self.report.progress = 1.0
        yield self.report

    def _checksums(self) -> Iterator[tuple[str, str]]:
        """Yield the id and the hash of each object, in ascending order of ids."""
        for digest, name in self._lines():
            if name != LINKS:
                yield Path(name).stem, digest

    def _lines(self) -> Iterator[tuple[str, str]]:
        with open_list(self._folder / CHECKSUMS, "r") as checksums:
            yield from read_list(checksums)

    def _check_list(self) -> None:
        path = self._folder / CHECKSUMS
        before, count, places = "", 0, []
        for count, (_, name) in enumerate(self._lines(), 1):
            if name == LINKS:
                places.append(count)
            elif name <= before:
                raise StartupError(f"{path}: {name} is not in order. Copy the backup again")
            else:
                before = name
        if places == [count] != [1]:
            return
        # Older backups have it in the first line, which does not show whether the list is cut off.
        if places != [1]:
            raise StartupError(f"{path}: it is cut off: {LINKS} is not its last line. Copy the backup again")
        missing = next(not_listed(self._folder, self._lines()), None)
        if missing is not None:
            raise StartupError(
                f"{path}: it does not have all files, such as {missing}. Copy the backup again, or move the"
                " files away that it does not have"
            )

    def _not_in_backup(self) -> Iterator[str]:
        """Yield the avatars in the storage that have neither a line nor a file in the backup."""
        unlisted = difference(self._store.ids(), (avatar_id for avatar_id, _ in self._checksums()))
        return difference(unlisted, (Path(name).stem for name in objects_in(self._folder)))

    def _copy(self, entries: Sequence[tuple[str, str]], source: ObjectStore) -> None:
        objects = {}
        ids = [avatar_id for avatar_id, _ in entries]
        stored = call_each(self._stored, ids, self._store.calls_at_once)
        for (avatar_id, digest), there in zip(entries, stored, strict=True):
            data = self._read(avatar_id, digest, source)
            if data is None:
                self._fail(avatar_id, "its file in the backup is missing or damaged")
            elif there == data:
                self.report.existing += 1
            else:
                objects[avatar_id] = data
        if objects:
            self._store.put(objects)
        self.report.copied += len(objects)

    def _read(self, avatar_id: str, digest: str, source: ObjectStore) -> bytes | None:
        data = intact(avatar_id, source)
        return data if data is not None and sha256(data).hexdigest() == digest else None

    def _stored(self, avatar_id: str) -> bytes | None:
        try:
            return self._store.get(avatar_id)
        except ObjectDamaged:
            return None

    def _restore_links(self, *, replace: bool) -> None:
        links = self._read_links()
        if links is None:
            self._fail(LINKS, "it is missing or damaged: no identity link is restored")
            return
        for identity in set(self._links.ids()) - links.keys() if replace else ():
            self._links.remove(identity)
        for identity, avatar_id in links.items():
            try:
                self._links.put(identity, avatar_id)
            except TooManyIdentityLinks as error:
                self._fail(identity, str(error))
            else:
                self.report.links += 1

    def _read_links(self) -> dict[str, str] | None:
        """Return the avatar's id for each hash, or None if the file is not the one that was backed up."""
        path = self._folder / LINKS
        try:
            content = read(str(path), _MAX_LINKS_SIZE)
        except (FileNotFoundError, OddFile):
            return None
        if (sha256(content).hexdigest(), LINKS) not in self._lines():
            return None
        links = {}
        for number, line in enumerate(content.splitlines(), 1):
            try:
                identity, avatar_id = _parse_link(line)
            except (ValueError, TypeError, KeyError, RecursionError):
                raise StartupError(f"{path}: line {number} is not one that `backup` wrote") from None
            links[identity] = avatar_id
        return links

    def _fail(self, name: str, reason: str) -> None:
        self.report.failed += 1
        self._on_failure(name, reason)


def _parse_link(line: bytes) -> tuple[str, str]:
    link = json.loads(line)
    return require_hash(link["identity"]), require_canonical(link["avatarId"])
