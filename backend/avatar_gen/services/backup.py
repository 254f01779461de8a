"""Backup and restore of all avatars and identity links.

docs/decisions/0017-a-backup-is-objects-and-links.md gives the reasons.
"""

import functools
import json
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from avatar_gen.avatar import CANONICAL_ID
from avatar_gen.errors import (
    AvatarError,
    IdentityLinkDamaged,
    ObjectDamaged,
    StartupError,
    StorageUnavailable,
    TooManyIdentityLinks,
)
from avatar_gen.objects import IdentityStore, ObjectStore
from avatar_gen.objects.avatar_object import read_object
from avatar_gen.objects.files import OddFile, read, sync
from avatar_gen.objects.identities import require_canonical, require_hash
from avatar_gen.objects.local import SHARDS, LocalStore
from avatar_gen.runtime.batches import batches, difference
from avatar_gen.runtime.threads import call_each
from avatar_gen.services.checkpoint import lock_file

OBJECTS = "avatars"
LINKS = "identities.jsonl"
CHECKSUMS = "checksums.sha256"
"""Written last: a folder with this file is a finished backup. `sha256sum --check` reads it."""

_BATCH = 50
OnFailure = Callable[[str, str], None]
"""Receives the name of what cannot be copied, and the reason."""


@dataclass(slots=True)
class BackupReport:
    """Counts of a backup or a restore so far."""

    copied: int = 0
    existing: int = 0
    """Avatars that an earlier, interrupted run copied."""
    removed: int = 0
    """Avatars that were in the storage and are not in the backup."""
    links: int = 0
    failed: int = 0
    progress: float = 0.0
    """The finished part of the work, 0 to 1."""

    @property
    def processed(self) -> int:
        """Return the number of avatars that were looked at."""
        return self.copied + self.existing + self.failed


class Backup:
    """Copy all objects and identity links into a folder, while the service runs.

    An interrupted run is completed by the next one. An object that is damaged is left out and reported.
    """

    def __init__(self, store: ObjectStore, links: IdentityStore, folder: Path, on_failure: OnFailure) -> None:
        self._store = store
        self._links = links
        self._folder = folder
        self._on_failure = on_failure
        self.report = BackupReport()

    def run(self) -> Iterator[BackupReport]:
        """Back up, and yield the report after each batch.

        Raises `StartupError` for a folder with other files in it, with a finished backup, or that another
        process uses, and `OSError`.
        """
        self._claim()
        target = LocalStore(self._folder / OBJECTS)
        partial = self._folder / f"{CHECKSUMS}.part"
        with partial.open("a", encoding="ascii") as checksums:
            lock_file(checksums, partial)
            # Another process may have finished the backup since the first check.
            self._claim()
            checksums.truncate(0)
            target.prepare()
            # Links first: the avatar of each link exists then, and is copied unless it is deleted meanwhile.
            links = self._write_links()
            for batch in batches(self._store.ids(self._fail_folder), _BATCH):
                for avatar_id, digest in self._copy(batch, target):
                    checksums.write(f"{digest}  {OBJECTS}/{avatar_id[:2]}/{avatar_id}.zip\n")
                self.report.progress = int(batch[-1][:8], 16) / 2**32
                yield self.report
            # The last line: a list without it is cut off.
            checksums.write(f"{links}  {LINKS}\n")
            checksums.flush()
            os.fsync(checksums.fileno())
            self._remove_deleted(partial)
            os.replace(partial, self._folder / CHECKSUMS)
            sync(self._folder)
        self.report.progress = 1.0
        yield self.report

    def _remove_deleted(self, partial: Path) -> None:
        """Remove copies of an earlier, interrupted run whose avatars have been deleted since then."""
        for name in _not_listed(self._folder, partial):
            if self._store.get(Path(name).stem) is None:
                (self._folder / name).unlink()

    def _claim(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        names = {entry.name for entry in self._folder.iterdir()}
        if CHECKSUMS in names:
            raise StartupError(f"{self._folder}: there is a finished backup in it. Choose another folder")
        if names - {OBJECTS, LINKS, f"{LINKS}.part", f"{CHECKSUMS}.part"}:
            raise StartupError(f"{self._folder}: there are other files in it. Choose another folder")

    def _write_links(self) -> str:
        """Write all links into one file; return its hash."""
        digest, partial = sha256(), self._folder / f"{LINKS}.part"
        with partial.open("wb") as file:
            for identity in self._links.ids():
                if (line := self._link(identity)) is not None:
                    digest.update(line)
                    file.write(line)
                    self.report.links += 1
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, self._folder / LINKS)
        return digest.hexdigest()

    def _link(self, identity: str) -> bytes | None:
        try:
            avatar_id = self._links.get(identity)
        except IdentityLinkDamaged:
            self._fail(identity, "its identity link is damaged")
            return None
        if avatar_id is None:
            return None
        return json.dumps({"identity": identity, "avatarId": avatar_id}).encode() + b"\n"

    def _copy(self, ids: Sequence[str], target: ObjectStore) -> Iterator[tuple[str, str]]:
        """Copy a batch; yield the id and the hash of each object in the backup."""
        objects = {}
        for avatar_id, data in zip(
            ids,
            call_each(functools.partial(self._read, target=target), ids, self._store.calls_at_once),
            strict=True,
        ):
            if data is None:
                continue
            if target.get(avatar_id) == data:
                self.report.existing += 1
            else:
                objects[avatar_id] = data
            yield avatar_id, sha256(data).hexdigest()
        if objects:
            target.put(objects)
        self.report.copied += len(objects)

    def _read(self, avatar_id: str, target: ObjectStore) -> bytes | None:
        """Return an object, or the copy of an earlier run if the object cannot be read any more."""
        try:
            data = self._store.get(avatar_id)
            if data is not None:
                read_object(avatar_id, data)
        except ObjectDamaged as error:
            reason = f"its object is damaged: {error.__cause__}"
        except StorageUnavailable as error:
            # One unreadable object must not stop the others, but a storage that is down must stop the backup.
            self._store.check_read()
            reason = f"its object cannot be read: {error.__cause__}"
        else:
            return data
        copy = _intact(avatar_id, target)
        if copy is None:
            self._fail(avatar_id, reason)
        return copy

    def _fail_folder(self, folder: str, error: AvatarError) -> None:
        self._store.check_read()
        self._fail(folder, f"this folder cannot be read: {error.__cause__}")

    def _fail(self, name: str, reason: str) -> None:
        self.report.failed += 1
        self._on_failure(name, reason)


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
        for batch in batches(self._checksums(), _BATCH):
            self._copy(batch, source)
            done += len(batch)
            self.report.progress = min(done * _LINE / size, 1)
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
        return _read_list(self._folder / CHECKSUMS)

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
        # Older backups have it in the first line.
        if places not in ([count], [1]):
            raise StartupError(f"{path}: it is cut off: {LINKS} is not its last line. Copy the backup again")
        missing = next(_not_listed(self._folder, path), None)
        if missing is not None:
            raise StartupError(
                f"{path}: it does not have all files, such as {missing}. Copy the backup again"
            )

    def _not_in_backup(self) -> Iterator[str]:
        return difference(self._store.ids(), (avatar_id for avatar_id, _ in self._checksums()))

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
        data = _intact(avatar_id, source)
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


_LINE = 64 + 2 + len(OBJECTS) + 1 + 2 + 1 + 36 + len(".zip\n")
"""Bytes of a line of `CHECKSUMS`."""


_ENTRY = re.compile(
    rf"([0-9a-f]{{64}})  ({re.escape(LINKS)}|{OBJECTS}/([0-9a-f]{{2}})/(?=\3){CANONICAL_ID.pattern}\.zip)\n"
)
_OBJECT = re.compile(rf"{CANONICAL_ID.pattern}\.zip")
_MAX_LINKS_SIZE = 1_000_000_000
"""Bytes of `LINKS`. A line has at most 130, and a store at most a million links."""


def _read_list(path: Path) -> Iterator[tuple[str, str]]:
    """Yield the hash and the name of each file. Raises `StartupError` for a line of another form."""
    with path.open(encoding="ascii", errors="replace", newline="\n") as file:
        for number, line in enumerate(iter(lambda: file.readline(_LINE + 1), ""), 1):
            entry = _ENTRY.fullmatch(line)
            if not entry:
                raise StartupError(
                    f"{path}: line {number} is not one that `backup` wrote. Copy the backup again"
                )
            yield entry[1], entry[2]


def _intact(avatar_id: str, copies: ObjectStore) -> bytes | None:
    """Return an object of a backup, or None if it is missing or damaged."""
    try:
        data = copies.get(avatar_id)
        if data is not None:
            read_object(avatar_id, data)
    except (ObjectDamaged, StorageUnavailable):
        return None
    return data


def _not_listed(folder: Path, checksums: Path) -> Iterator[str]:
    """Yield the names of the objects in a backup that a list does not have."""
    return difference(_objects(folder), (name for _, name in _read_list(checksums) if name != LINKS))


def _objects(folder: Path) -> Iterator[str]:
    """Yield the names of all objects in a backup, in ascending order. Empty folders may be missing."""
    for shard in SHARDS:
        with suppress(FileNotFoundError):
            names = sorted(os.listdir(folder / OBJECTS / shard))
            yield from (f"{OBJECTS}/{shard}/{name}" for name in names if _OBJECT.fullmatch(name))


def _parse_link(line: bytes) -> tuple[str, str]:
    link = json.loads(line)
    return require_hash(link["identity"]), require_canonical(link["avatarId"])
