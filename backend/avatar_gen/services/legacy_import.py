"""Import of the avatars of the old service, which this one replaces."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from avatar_gen.avatar import VERSION, Avatar
from avatar_gen.database.legacy import LegacyRecord, LegacyRecords, milliseconds
from avatar_gen.database.repository import Repository
from avatar_gen.drawing.styles import STYLES
from avatar_gen.errors import StartupError
from avatar_gen.imaging.truecolour import decode_png, encode_pixels
from avatar_gen.imaging.vips import without_opaque_alpha
from avatar_gen.objects import ObjectStore
from avatar_gen.runtime.batches import batches
from avatar_gen.services.backup_folder import CHECKSUMS
from avatar_gen.services.imports import (
    BatchImporter,
    Candidate,
    Imported,
    ImportReport,
    OnFailure,
    Unreadable,
)
from avatar_gen.services.legacy_source import LegacySource
from avatar_gen.services.legacy_text import fit_text
from avatar_gen.services.output_folder import MANIFEST

_OBJECT = re.compile(r"(?:.*/)?([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.obj", re.IGNORECASE)
_EXPONENTS = range(4, 10)
_BATCH = 50
OnChange = Callable[[str, str], None]
"""Receives the id of an avatar that is imported, and what was changed in its record."""


@dataclass(slots=True)
class LegacyImportReport(ImportReport):
    """Counts of an import from the old service so far."""

    objects: int = 0
    """Object files in all. Each is imported, there, an orphan or failed."""
    orphans: int = 0
    """Objects that have no record, and are left out for that reason."""
    rows_alone: int = 0
    """Records that have no object."""
    changed: int = 0
    """Imported avatars with a text that could not be stored as it was."""


class LegacyImport:
    """Copy the old service's avatars under their ids, pixel for pixel. Its data is only read.

    An object of the old service is `<id>.obj`: JSON with `meta_data_created_at` and the bytes of a PNG file
    each in `image_4n` to `image_9n`. A record is a row of its table. The old service answers 404 for an
    orphan, an object without a record, so orphans are left out unless `orphans` is true. Without `records`
    every object is imported.
    """

    def __init__(  # noqa: PLR0913
        self,
        source: LegacySource,
        records: LegacyRecords | None,
        store: ObjectStore,
        repository: Repository,
        *,
        orphans: bool,
        on_failure: OnFailure,
        on_change: OnChange,
    ) -> None:
        self._source = source
        self._records = records
        self._orphans = orphans or records is None
        self._on_failure = on_failure
        self._on_change = on_change
        self.report = LegacyImportReport()
        at_once = max(source.calls_at_once, store.calls_at_once)
        self._importer = BatchImporter(store, repository, self.report, on_failure, at_once=at_once)

    def run(self) -> Iterator[LegacyImportReport]:
        """Import, and yield the report after each batch.

        Raises `StartupError` if the source has no object, and what the store and the repository raise.
        """
        names = self._names()
        if not names:
            raise StartupError(f"{self._source.name}: there are no objects here.{_hint(self._source.name)}")
        done = 0
        for batch in batches(names, _BATCH):
            self._importer.process(self._candidates(batch, names))
            done += len(batch)
            self.report.progress = done / len(names)
            yield self.report
        for avatar_id in self._records.ids() if self._records else ():
            if avatar_id not in names:
                self.report.rows_alone += 1
                self._on_failure(avatar_id, "it has a record and no object")
        yield self.report

    def _names(self) -> dict[str, str]:
        """Return the file name of each id. Of two spellings of an id the lower-case one counts."""
        names: dict[str, str] = {}
        for name in sorted(filter(_OBJECT.fullmatch, self._source.names()), reverse=True):
            self.report.objects += 1
            written = name[-40:-4]
            # In descending order, lower case comes first.
            if names.setdefault(written.lower(), name) != name:
                self._importer.fail(written, f"{names[written.lower()]} has the same id")
        return dict(sorted(names.items()))

    def _candidates(self, ids: list[str], names: dict[str, str]) -> Iterator[Candidate]:
        records = self._records.find(ids) if self._records else {}
        for avatar_id in ids:
            record = records.get(avatar_id)
            if record is None and not self._orphans:
                self.report.orphans += 1
            else:
                yield Candidate(avatar_id, partial(self._read, avatar_id, names[avatar_id], record))

    def _read(self, avatar_id: str, name: str, record: LegacyRecord | None) -> Imported:
        content = _parse(self._source.read(name))
        pictures = {1 << exponent: _picture(content, exponent) for exponent in _EXPONENTS}
        changes: list[str] = []
        created = record.created_ms if record else None
        if created is None:
            created = milliseconds(content.get("meta_data_created_at"))
        if created is None:
            created = self._source.modified_ms(name)
            changes.append("nothing says when it was created: the time of its file is taken")
        avatar = _avatar(avatar_id, created, record or LegacyRecord(), changes)
        if changes:
            self.report.changed += 1
            self._on_change(avatar_id, "; ".join(changes))
        return Imported(avatar, pictures)


def _hint(name: str) -> str:
    """Return what to do with a folder that has no objects of the old service."""
    folder = Path(name)
    if (folder / CHECKSUMS).exists():
        return " It is a backup: use `avatar-gen restore`."
    if (folder / MANIFEST).exists():
        return " It is an export: use --exported."
    return " Give the folder or the bucket with the old service's files ID.obj."


def _avatar(avatar_id: str, created_ms: int, record: LegacyRecord, changes: list[str]) -> Avatar:
    texts: dict[str, Any] = {
        field: fit_text(field, value, changes) for field, value in record.texts().items()
    }
    # The old service drew nothing else until its table had a column for the type.
    generator_type = texts.pop("generator_type") or "pixelize"
    known = generator_type.strip().lower()
    version = texts.pop("version") or VERSION
    return Avatar(
        id=avatar_id,
        created_ms=created_ms,
        generator_type=known if known in STYLES else generator_type,
        version=version,
        **texts,
    )


def _parse(data: bytes) -> dict[str, object]:
    try:
        # Decoded here, because json.loads guesses other encodings.
        content = json.loads(data.decode())
    except UnicodeDecodeError:
        raise Unreadable("its file is not text in UTF-8") from None
    except ValueError:
        raise Unreadable("its file is not JSON") from None
    except RecursionError:
        raise Unreadable("the JSON in its file is nested too deeply") from None
    if not isinstance(content, dict):
        raise Unreadable("its file is not a JSON object")
    return content


def _picture(content: dict[str, object], exponent: int) -> bytes:
    key = f"image_{exponent}n"
    numbers = content.get(key)
    if not isinstance(numbers, list):
        raise Unreadable(f"it has no {key}")
    try:
        data = bytes(numbers)
    except (TypeError, ValueError):
        raise Unreadable(f"{key} is not a list of bytes") from None
    try:
        pixels = decode_png(data)
    except ValueError as error:
        raise Unreadable(f"{key}: {error}") from error
    if len(pixels) != 1 << exponent:
        raise Unreadable(f"{key} has {len(pixels)} px")
    pixels = without_opaque_alpha(pixels)
    if pixels.shape[2] == 4:
        raise Unreadable(f"{key}: a picture is transparent")
    return encode_pixels(pixels)
