"""A stored avatar for each row of a list, or for each photograph in a folder."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from hashlib import blake2b
from pathlib import Path
from secrets import token_hex
from typing import NamedTuple, Protocol
from uuid import UUID

from avatar_gen.avatar import Avatar, AvatarSpec, format_time
from avatar_gen.database.repository import Repository
from avatar_gen.errors import InvalidRequest, ObjectDamaged, StartupError
from avatar_gen.objects import ObjectStore
from avatar_gen.objects.avatar_object import read_object
from avatar_gen.objects.files import OddFile, read, sync, write_synced
from avatar_gen.runtime.batches import batches
from avatar_gen.runtime.interrupts import check_interrupted
from avatar_gen.services.avatars import draw_object
from avatar_gen.services.bulk.csv_input import CsvInput, RejectedRow
from avatar_gen.services.bulk.process_pool import share
from avatar_gen.services.bulk.report import BulkReport, OnRefusal
from avatar_gen.services.checkpoint import Checkpoint, Status

_BATCH = 50
"""Avatars that are stored at a time. As many files are open then."""


class Task(NamedTuple):
    """An avatar to store."""

    source: str | int
    """The row of the list by its line, or the photograph by its file."""
    avatar_id: str
    inputs_hash: str
    spec: AvatarSpec


class Drawn(NamedTuple):
    """An avatar that has been drawn."""

    task: Task
    avatar: Avatar
    data: bytes


Claim = Callable[[str | int, str, AvatarSpec], Task | None]
"""Returns the task of a source with this hash of its inputs, or None if it is stored already."""


class AvatarSource(Protocol):
    """Where the avatars to store come from."""

    key: str
    """The field of the manifest that identifies an avatar."""

    def tasks(self, claim: Claim, report: BulkReport) -> Iterator[Task]:
        """Yield the avatars that `claim` returns, and count all others."""

    def draw(self, tasks: Iterator[Sequence[Task]], report: BulkReport) -> Iterator[Sequence[Drawn]]:
        """Yield what is drawn for each batch, and count what cannot be drawn."""

    def entry(self, task: Task) -> dict[str, object]:
        """Return the fields of the manifest that tell where an avatar comes from."""


class BulkStorage:
    """Store an avatar for each part of a source, and write a manifest that names the ids.

    An avatar enters the manifest after its object and its row survive a crash. What is in the manifest is
    skipped. Ids are derived from a secret, which lies beside the manifest until the run ends: the next run
    finds what was stored just before a run was killed, and nothing is stored twice.
    """

    def __init__(
        self, store: ObjectStore, repository: Repository, manifest: Path, source: AvatarSource
    ) -> None:
        self._store = store
        self._repository = repository
        self._manifest = manifest
        self._secret_file = Path(f"{manifest}.unfinished")
        self._source = source
        self.report = BulkReport()

    def run(self) -> Iterator[BulkReport]:
        """Store, and yield the report after each batch. Raises what the store and the repository raise."""
        source = self._source
        with Checkpoint(self._manifest, source.key, "inputsHash") as manifest:
            secret, resumed = self._open_secret()
            claim = partial(self._claim, manifest, secret)
            tasks = batches(source.tasks(claim, self.report), _BATCH)
            for drawn in source.draw(tasks, self.report):
                stored = self._store_batch(drawn, look_first=resumed) if drawn else []
                pairs = zip(drawn, stored, strict=True)
                manifest.add(_entry(source.entry(each.task), each, avatar) for each, avatar in pairs)
                self.report.made += len(drawn)
                yield self.report
            # Without the secret, an avatar that a crash takes out of the manifest would be stored twice.
            manifest.sync()
            # Before the lock is released: the next run must not begin with this secret.
            os.unlink(self._secret_file)
        yield self.report

    def _open_secret(self) -> tuple[bytes, bool]:
        """Return the secret of the run, and whether an earlier run began with it. Raises `StartupError`."""
        path = str(self._secret_file)
        try:
            if secret := read(path):
                return secret, True
            os.unlink(path)
        except FileNotFoundError:
            pass
        except OddFile as error:
            raise StartupError(f"{path}: {error}. Move it away and run again") from None
        secret = token_hex(16).encode()
        write_synced([(path, secret)])
        sync(self._secret_file.parent)
        return secret, False

    def _claim(
        self, manifest: Checkpoint, secret: bytes, source: str | int, inputs_hash: str, spec: AvatarSpec
    ) -> Task | None:
        key = source if isinstance(source, str) else inputs_hash
        status = manifest.claim(key, inputs_hash).status
        if status is Status.REPEATED:
            self.report.repeated += 1
        elif status is Status.MADE:
            self.report.existing += 1
        else:
            number = blake2b(secret + f"{key} {inputs_hash}".encode(), digest_size=16).digest()
            return Task(source, str(UUID(bytes=number, version=4)), inputs_hash, spec)
        return None

    def _store_batch(self, drawn: Sequence[Drawn], *, look_first: bool) -> list[Avatar]:
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


class RowSource:
    """An avatar with the seed of each row of a list."""

    key = "inputsHash"

    def __init__(
        self,
        rows: CsvInput,
        spec: AvatarSpec,
        *,
        jobs: int,
        prepare: Callable[[], object],
        on_refusal: OnRefusal,
    ) -> None:
        self._rows = rows
        self._spec = spec
        self._jobs = jobs
        self._prepare = prepare
        self._on_refusal = on_refusal

    def tasks(self, claim: Claim, report: BulkReport) -> Iterator[Task]:
        """Yield the avatars of the rows that are not stored yet."""
        for row in self._rows.read():
            if isinstance(row, RejectedRow):
                self._refuse(row, report)
                continue
            spec = replace(self._spec, seed=row.seed)
            inputs_hash = blake2b(repr(spec).encode(), digest_size=16).hexdigest()
            if task := claim(row.line, inputs_hash, spec):
                yield task

    def draw(self, tasks: Iterator[Sequence[Task]], report: BulkReport) -> Iterator[Sequence[Drawn]]:
        """Draw objects in several processes. Refuse the rows that cannot be drawn."""
        for outcomes in share(_draw, tasks, jobs=self._jobs, prepare=self._prepare):
            for each in outcomes:
                if isinstance(each, RejectedRow):
                    self._refuse(each, report)
            yield [each for each in outcomes if isinstance(each, Drawn)]

    def entry(self, task: Task) -> dict[str, object]:
        """Return the line and the seed of the row."""
        return {"line": task.source, "seed": task.spec.seed}

    def _refuse(self, row: RejectedRow, report: BulkReport) -> None:
        report.refused += 1
        self._on_refusal(row.line, row.reason)


def _draw(tasks: Sequence[Task]) -> Sequence[Drawn | RejectedRow]:
    """Draw objects, in this process or another."""
    return [_draw_one(task) for task in tasks]


def _draw_one(task: Task) -> Drawn | RejectedRow:
    check_interrupted()
    avatar = task.spec.as_avatar(task.avatar_id)
    try:
        return Drawn(task, avatar, draw_object(avatar, task.spec))
    except InvalidRequest as error:
        # Such as letters that no font has.
        return RejectedRow(int(task.source), str(error))


def _entry(source: Mapping[str, object], drawn: Drawn, avatar: Avatar) -> dict[str, object]:
    return {
        **source,
        "id": avatar.id,
        "createdAt": format_time(avatar.created_ms),
        "inputsHash": drawn.task.inputs_hash,
    }
