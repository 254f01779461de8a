"""Stored avatars as plain pictures in a folder, and back from there."""

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from avatar_gen.avatar import Avatar, avatar_as_json, read_avatar
from avatar_gen.database.repository import Repository
from avatar_gen.errors import ObjectDamaged, StorageUnavailable
from avatar_gen.imaging import convert
from avatar_gen.imaging.truecolour import decode_png
from avatar_gen.objects import ObjectStore
from avatar_gen.objects.contents import read_object, write_object
from avatar_gen.objects.files import read
from avatar_gen.runtime.batches import batches
from avatar_gen.runtime.processors import usable_processors
from avatar_gen.services.avatars import EXPONENTS
from avatar_gen.services.checkpoint import Checkpoint, Status
from avatar_gen.services.output_folder import MANIFEST, open_folder, write_into

WIDTHS = [1 << exponent for exponent in EXPONENTS]
"""In px, of the pictures that an avatar is stored in."""

_BATCH = 50
"""Avatars in one go: the most that an interruption costs."""

OnFailure = Callable[[str, str], None]
"""Is told of which avatar there is nothing, and why."""


@dataclass(slots=True)
class Report:
    """What has been done so far."""

    made: int = 0
    there: int = 0
    """By an earlier run."""
    failed: int = 0
    part: float = 0.0
    """Of the work, 0 to 1."""

    @property
    def seen(self) -> int:
        """All avatars that were looked at."""
        return self.made + self.there + self.failed


class Export:
    """Copy stored avatars into a folder: `<width>/<id>.<format>`, and a manifest of what is known of them.

    It asks no database. What an earlier run has exported in the same widths and format, and is there, is
    passed over; avatars that were deleted since stay in the folder.
    """

    def __init__(
        self, store: ObjectStore, folder: Path, *, widths: Sequence[int], media: str, on_failure: OnFailure
    ) -> None:
        self._store = store
        self._folder = folder
        self._widths = sorted(widths)
        self._media = media
        self._on_failure = on_failure
        self.report = Report()

    def run(self) -> Iterator[Report]:
        """Do it, and yield the report after each batch.

        Raises as the store does, `OSError`, and `StartupError` for a folder that is somebody else's.
        """
        with (
            open_folder(self._folder, "id") as manifest,
            ThreadPoolExecutor(usable_processors()) as threads,
        ):
            for px in self._widths:
                (self._folder / str(px)).mkdir(exist_ok=True)
            for batch in batches(self._store.ids(), _BATCH):
                wanted = [each for each in batch if self._is_wanted(each, manifest)]
                entries = [entry for entry in threads.map(self._export, wanted) if entry]
                manifest.add(entry for entry in entries if not isinstance(entry, _Failure))
                self._count(entries)
                self.report.part = int(batch[-1][:8], 16) / 2**32
                yield self.report
        self.report.part = 1.0
        yield self.report

    @property
    def _made_of(self) -> str:
        return f"{self._media} {','.join(map(str, self._widths))}"

    def _is_wanted(self, avatar_id: str, manifest: Checkpoint) -> bool:
        status, known = manifest.claim(avatar_id, self._made_of)
        if status is Status.MADE and known == self._digest(avatar_id):
            self.report.there += 1
            return False
        return True

    def _digest(self, avatar_id: str) -> str | None:
        """Of the files that there are, as the manifest has it; None where one is missing."""
        digest = sha256()
        try:
            for px in self._widths:
                digest.update(read(f"{self._folder}/{self._file(avatar_id, px)}"))
        except OSError:
            return None
        return digest.hexdigest()

    def _file(self, avatar_id: str, px: int) -> str:
        return f"{px}/{avatar_id}.{self._media}"

    def _export(self, avatar_id: str) -> "dict[str, Any] | _Failure | None":
        """Write its pictures; its entry in the manifest, or None where it has been deleted."""
        try:
            data = self._store.get(avatar_id)
            if data is None:
                return None
            avatar, pictures = read_object(avatar_id, data)
        except (ObjectDamaged, StorageUnavailable) as error:
            return _Failure(avatar_id, str(error.__cause__))
        files, whole = {}, sha256()
        for px in self._widths:
            picture = pictures[px] if self._media == "png" else convert(pictures[px], self._media)
            name = self._file(avatar_id, px)
            write_into(self._folder, name, picture)
            files[str(px)] = {"file": name, "sha256": sha256(picture).hexdigest()}
            whole.update(picture)
        return {
            **avatar_as_json(avatar),
            "files": files,
            "sha256": whole.hexdigest(),
            "madeOf": self._made_of,
        }

    def _count(self, entries: Sequence["dict[str, Any] | _Failure"]) -> None:
        for entry in entries:
            if isinstance(entry, _Failure):
                self.report.failed += 1
                self._on_failure(*entry)
            else:
                self.report.made += 1


class _Failure(NamedTuple):
    """An avatar that cannot be read, and why."""

    avatar_id: str
    reason: str


class ExportImporter:
    """Take avatars back from an export of all widths as PNG, under their ids and byte for byte.

    What is there already is passed over, with a row added where it has none, so it can be stopped and run
    again. Pictures that are not those of the manifest are told to `on_failure`, and passed over.
    """

    def __init__(
        self, folder: Path, store: ObjectStore, repository: Repository, on_failure: OnFailure
    ) -> None:
        self._folder = folder
        self._store = store
        self._repository = repository
        self._on_failure = on_failure
        self.report = Report()

    def run(self) -> Iterator[Report]:
        """Do it, and yield the report after each batch. Raises as store and repository do, and `OSError`."""
        with (self._folder / MANIFEST).open("rb") as lines:
            size = os.fstat(lines.fileno()).st_size
            read_so_far = 0
            for batch in batches(lines, _BATCH):
                self._process_batch(batch)
                read_so_far += sum(map(len, batch))
                self.report.part = read_so_far / size
                yield self.report

    def _process_batch(self, lines: Sequence[bytes]) -> None:
        objects: dict[str, bytes] = {}
        avatars: list[Avatar] = []
        for line in lines:
            name = "a line of the manifest"
            try:
                entry = json.loads(line)
                name = str(entry["id"])
                kept = self._store.get(name)
                if kept is not None:
                    avatars.append(read_object(name, kept).avatar)
                    self.report.there += 1
                    continue
                avatar = read_avatar(entry)
                objects[name] = write_object(avatar, self._pictures(avatar, entry["files"]))
                avatars.append(avatar)
            except (KeyError, TypeError, ValueError, RecursionError, OSError, ObjectDamaged) as error:
                self.report.failed += 1
                self._on_failure(name, _reason(error))
        if objects:
            self._store.put(objects)
        if avatars:
            self._repository.add(avatars)
        self.report.made += len(objects)

    def _pictures(self, avatar: Avatar, files: Mapping[str, Any]) -> dict[int, bytes]:
        """The pictures, from where they have to be: what a manifest says is no path to follow."""
        pictures = {}
        for px in WIDTHS:
            name = f"{px}/{avatar.id}.png"
            if str(px) not in files or files[str(px)]["file"] != name:
                raise ValueError(f"there is no picture of {px} px in PNG")
            png = read(f"{self._folder}/{name}")
            if sha256(png).hexdigest() != files[str(px)]["sha256"] or len(decode_png(png)) != px:
                raise ValueError(f"{name} is not what was exported")
            pictures[px] = png
        return pictures


def _reason(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"it has no {error.args[0]}"
    return str(error.__cause__ or error) or type(error).__name__
