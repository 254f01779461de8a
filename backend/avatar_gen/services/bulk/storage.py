"""A stored avatar for each row of a list."""

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from hashlib import blake2b
from pathlib import Path
from secrets import token_hex
from typing import NamedTuple
from uuid import UUID

from avatar_gen.avatar import Avatar, AvatarSpec, format_time
from avatar_gen.database.repository import Repository
from avatar_gen.errors import ObjectDamaged
from avatar_gen.objects import ObjectStore
from avatar_gen.objects.avatar_object import read_object
from avatar_gen.objects.files import read, sync, write_synced
from avatar_gen.runtime.batches import batches
from avatar_gen.runtime.interrupts import check_interrupted
from avatar_gen.services.avatars import draw_object
from avatar_gen.services.bulk.csv_input import CsvInput, RejectedRow
from avatar_gen.services.bulk.process_pool import share
from avatar_gen.services.bulk.report import BulkReport, OnRefusal
from avatar_gen.services.checkpoint import Checkpoint, Status

_BATCH = 50
"""Avatars that are stored at a time. As many files are open then."""


class _Task(NamedTuple):
    """An avatar to store."""

    line: int
    avatar_id: str
    inputs_hash: str
    spec: AvatarSpec


class _Drawn(NamedTuple):
    """An avatar that has been drawn."""

    task: _Task
    avatar: Avatar
    data: bytes


class BulkStorage:
    """Store an avatar with the seed of each row, and write a manifest that names the id of each seed.

    An avatar enters the manifest after its object and its row survive a crash. A row that is in the manifest
    is skipped. Ids are derived from a secret, which lies beside the manifest until the run ends: the next
    run finds what was stored just before a run was killed, and no row is stored twice.
    """

    def __init__(  # noqa: PLR0913
        self,
        store: ObjectStore,
        repository: Repository,
        manifest: Path,
        *,
        spec: AvatarSpec,
        jobs: int,
        prepare: Callable[[], object],
        on_refusal: OnRefusal,
    ) -> None:
        self._store = store
        self._repository = repository
        self._manifest = manifest
        self._secret_file = manifest.with_name(f"{manifest.name}.unfinished")
        self._spec = spec
        self._jobs = jobs
        self._prepare = prepare
        self._on_refusal = on_refusal
        self.report = BulkReport()

    def run(self, rows: CsvInput) -> Iterator[BulkReport]:
        """Store, and yield the report after each batch. Raises what the store and the repository raise."""
        with Checkpoint(self._manifest, "inputsHash", "inputsHash") as manifest:
            secret, resumed = self._open_secret()
            tasks = batches(self._tasks(rows, manifest, secret), _BATCH)
            for drawn in share(_draw, tasks, jobs=self._jobs, prepare=self._prepare):
                stored = self._store_batch(drawn, look_first=resumed)
                manifest.add(_entry(each, avatar) for each, avatar in zip(drawn, stored, strict=True))
                self.report.made += len(drawn)
                yield self.report
            # Without the secret, an avatar that a crash takes out of the manifest would be stored twice.
            manifest.sync()
            # Before the lock is released: the next run must not begin with this secret.
            os.unlink(self._secret_file)
        yield self.report

    def _open_secret(self) -> tuple[bytes, bool]:
        """Return the secret of the run, and whether an earlier run began with it."""
        path = str(self._secret_file)
        with contextlib.suppress(FileNotFoundError):
            if secret := read(path):
                return secret, True
            os.unlink(path)
        secret = token_hex(16).encode()
        write_synced([(path, secret)])
        sync(self._secret_file.parent)
        return secret, False

    def _tasks(self, rows: CsvInput, manifest: Checkpoint, secret: bytes) -> Iterator[_Task]:
        for row in rows.read():
            if isinstance(row, RejectedRow):
                self.report.refused += 1
                self._on_refusal(row.line, row.reason)
                continue
            spec = replace(self._spec, seed=row.seed)
            inputs_hash = blake2b(repr(spec).encode(), digest_size=16).hexdigest()
            status = manifest.claim(inputs_hash, inputs_hash).status
            if status is Status.REPEATED:
                self.report.repeated += 1
            elif status is Status.MADE:
                self.report.existing += 1
            else:
                number = blake2b(secret + inputs_hash.encode(), digest_size=16).digest()
                yield _Task(row.line, str(UUID(bytes=number, version=4)), inputs_hash, spec)

    def _store_batch(self, drawn: Sequence[_Drawn], *, look_first: bool) -> list[Avatar]:
        """Store objects, then rows. What is stored already stays as it is."""
        there = {}
        if look_first:
            there = {id_: avatar for id_ in (each.avatar.id for each in drawn) if (avatar := self._find(id_))}
        self._store.put({each.avatar.id: each.data for each in drawn if each.avatar.id not in there})
        avatars = [there.get(each.avatar.id, each.avatar) for each in drawn]
        self._repository.add(avatars)
        return avatars

    def _find(self, avatar_id: str) -> Avatar | None:
        data = self._store.get(avatar_id)
        try:
            return None if data is None else read_object(avatar_id, data).avatar
        except ObjectDamaged:
            return None


def _draw(tasks: Sequence[_Task]) -> list[_Drawn]:
    """Draw objects, in this process or another."""
    return [_draw_one(task) for task in tasks]


def _draw_one(task: _Task) -> _Drawn:
    check_interrupted()
    avatar = task.spec.as_avatar(task.avatar_id)
    return _Drawn(task, avatar, draw_object(avatar, task.spec))


def _entry(drawn: _Drawn, avatar: Avatar) -> dict[str, object]:
    return {
        "line": drawn.task.line,
        "seed": avatar.seed,
        "id": avatar.id,
        "createdAt": format_time(avatar.created_ms),
        "inputsHash": drawn.task.inputs_hash,
    }
