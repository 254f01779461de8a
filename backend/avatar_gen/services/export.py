"""Export of stored avatars: plain pictures in a folder, and a manifest."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from avatar_gen.avatar import avatar_as_json
from avatar_gen.errors import AvatarError, ObjectDamaged, StartupError, StorageUnavailable
from avatar_gen.objects import ObjectStore
from avatar_gen.objects.avatar_object import read_object
from avatar_gen.objects.files import read
from avatar_gen.runtime.batches import batches
from avatar_gen.runtime.processors import usable_processors
from avatar_gen.services.avatars import EXPONENTS, make_picture, stored_picture
from avatar_gen.services.checkpoint import Checkpoint, Status
from avatar_gen.services.output_folder import make_folder, open_folder, write_into

WIDTHS = [1 << exponent for exponent in EXPONENTS]
"""Widths in px of the pictures of a stored avatar."""

_BATCH = 50
"""Avatars between two entries in the manifest: the work that an interruption costs."""

OnFailure = Callable[[str, str], None]
"""Receives the id of an avatar that cannot be exported, and the reason."""


@dataclass(slots=True)
class ExportReport:
    """Counts of an export so far."""

    exported: int = 0
    existing: int = 0
    """Avatars that an earlier run exported."""
    failed: int = 0
    progress: float = 0.0
    """The finished part of the work, 0 to 1."""

    @property
    def processed(self) -> int:
        """Return the number of avatars that were looked at."""
        return self.exported + self.existing + self.failed


class Export:
    """Copy stored avatars into a folder: `<width>/<id>.<format>`, and a manifest with the fields of each.

    No database is used. Avatars that an earlier run exported are left out if their files are intact. A folder
    with an export in other widths or another format is refused. Files of avatars that were deleted since then
    stay in the folder.
    """

    def __init__(
        self,
        store: ObjectStore,
        folder: Path,
        *,
        widths: Sequence[int],
        format_name: str,
        on_failure: OnFailure,
    ) -> None:
        self._store = store
        self._folder = folder
        self._widths = sorted(widths)
        self._format_name = format_name
        self._on_failure = on_failure
        self.report = ExportReport()

    def run(self) -> Iterator[ExportReport]:
        """Export, and yield the report after each batch.

        Raises what the store raises, `OSError`, and `StartupError` for a folder with other files in it, or
        with an export in other widths or another format.
        """
        with (
            open_folder(self._folder, "id", self._require_same_pictures) as manifest,
            ThreadPoolExecutor(usable_processors()) as threads,
        ):
            for px in self._widths:
                make_folder(self._folder / str(px))
            for batch in batches(self._store.ids(self._fail_folder), _BATCH):
                missing = [each for each in batch if not self._is_there(each, manifest)]
                entries = [entry for entry in threads.map(self._export, missing) if entry]
                manifest.add(entry for entry in entries if not isinstance(entry, _Failure))
                self._count(entries)
                self.report.progress = int(batch[-1][:8], 16) / 2**32
                yield self.report
        self.report.progress = 1.0
        yield self.report

    def _require_same_pictures(self, manifest: Checkpoint) -> None:
        if other := manifest.other_inputs(self._inputs_hash):
            format_name, _, widths = other.partition(" ")
            raise StartupError(
                f"{self._folder}: it has an export in {format_name} with the widths {widths}."
                " Export the same format and widths, or choose another folder"
            )

    def _fail_folder(self, folder: str, error: AvatarError) -> None:
        self._store.check_read()
        self.report.failed += 1
        self._on_failure(folder, f"this folder cannot be read: {error.__cause__}")

    @property
    def _inputs_hash(self) -> str:
        return f"{self._format_name} {','.join(map(str, self._widths))}"

    def _is_there(self, avatar_id: str, manifest: Checkpoint) -> bool:
        status, known = manifest.claim(avatar_id, self._inputs_hash)
        is_there = status is Status.MADE and known == self._digest(avatar_id)
        self.report.existing += is_there
        return is_there

    def _digest(self, avatar_id: str) -> str | None:
        """Return the hash of the avatar's files as the manifest has it, or None if one is missing."""
        digest = sha256()
        try:
            for px in self._widths:
                digest.update(read(f"{self._folder}/{self._file(avatar_id, px)}"))
        except OSError:
            return None
        return digest.hexdigest()

    def _file(self, avatar_id: str, px: int) -> str:
        return f"{px}/{avatar_id}.{self._format_name}"

    def _export(self, avatar_id: str) -> "dict[str, Any] | _Failure | None":
        """Write the pictures of an avatar. Return its entry, or None if it has been deleted."""
        try:
            data = self._store.get(avatar_id)
            if data is None:
                return None
            avatar_object = read_object(avatar_id, data)
            pictures = {
                px: make_picture(stored_picture(avatar_object, px), px, self._format_name)
                for px in self._widths
            }
        except (ObjectDamaged, StorageUnavailable) as error:
            return _Failure(avatar_id, str(error.__cause__ or error))
        files, whole = {}, sha256()
        for px, picture in pictures.items():
            name = self._file(avatar_id, px)
            write_into(self._folder, name, picture)
            files[str(px)] = {"file": name, "sha256": sha256(picture).hexdigest()}
            whole.update(picture)
        return {
            **avatar_as_json(avatar_object.avatar),
            "files": files,
            "sha256": whole.hexdigest(),
            "inputsHash": self._inputs_hash,
        }

    def _count(self, entries: Sequence["dict[str, Any] | _Failure"]) -> None:
        for entry in entries:
            if isinstance(entry, _Failure):
                self.report.failed += 1
                self._on_failure(*entry)
            else:
                self.report.exported += 1


class _Failure(NamedTuple):
    """An avatar that cannot be read, and the reason."""

    avatar_id: str
    reason: str
