"""Copy all objects and identity links into a folder, as a backup."""

import functools
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import TextIO

from avatar_gen.errors import (
    AvatarError,
    IdentityLinkDamaged,
    ObjectDamaged,
    StartupError,
    StorageUnavailable,
)
from avatar_gen.objects import IdentityStore, ObjectStore
from avatar_gen.objects.avatar_object import read_object
from avatar_gen.objects.files import sync
from avatar_gen.objects.local import LocalStore
from avatar_gen.runtime.batches import batches
from avatar_gen.runtime.threads import call_each
from avatar_gen.services.backup_folder import (
    BATCH,
    CHECKSUMS,
    LINKS,
    OBJECTS,
    BackupReport,
    OnFailure,
    intact,
    not_listed,
    open_list,
    read_list,
)
from avatar_gen.services.checkpoint import lock_file


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
        with open_list(partial, "a+") as checksums:
            lock_file(checksums, partial)
            # Another process may have finished the backup since the first check.
            self._claim()
            checksums.truncate(0)
            target.prepare()
            # Links first: the avatar of each link exists then, and is copied unless it is deleted meanwhile.
            links = self._write_links()
            for batch in batches(self._store.ids(self._fail_folder), BATCH):
                for avatar_id, digest in self._copy(batch, target):
                    checksums.write(f"{digest}  {OBJECTS}/{avatar_id[:2]}/{avatar_id}.zip\n")
                self.report.progress = int(batch[-1][:8], 16) / 2**32
                yield self.report
            # The last line: a list without it is cut off.
            checksums.write(f"{links}  {LINKS}\n")
            checksums.flush()
            os.fsync(checksums.fileno())
            self._remove_deleted(checksums)
            os.replace(partial, self._folder / CHECKSUMS)
            sync(self._folder)
        self.report.progress = 1.0
        yield self.report

    def _remove_deleted(self, checksums: TextIO) -> None:
        """Remove copies of an earlier, interrupted run whose avatars have been deleted since then."""
        # Some network file systems refuse to read a locked file that is opened a second time.
        for name in not_listed(self._folder, read_list(checksums)):
            # One that cannot be read was reported, and its copy stays.
            with suppress(ObjectDamaged, StorageUnavailable):
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
        copy = intact(avatar_id, target)
        if copy is None:
            self._fail(avatar_id, reason)
        return copy

    def _fail_folder(self, folder: str, error: AvatarError) -> None:
        self._store.check_read()
        self._fail(folder, f"this folder cannot be read: {error.__cause__}")

    def _fail(self, name: str, reason: str) -> None:
        self.report.failed += 1
        self._on_failure(name, reason)
