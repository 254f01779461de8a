"""Take over the avatars of the service that this one replaces."""

import json
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from avatar_gen.avatar import VERSION, Avatar
from avatar_gen.database.legacy import LegacyRecord, LegacyRecords, milliseconds
from avatar_gen.database.repository import Repository
from avatar_gen.database.tables import LENGTHS
from avatar_gen.errors import ObjectDamaged
from avatar_gen.imaging.truecolour import decode_png, encode_pixels
from avatar_gen.objects import ObjectStore
from avatar_gen.objects.contents import read_object, write_object
from avatar_gen.runtime.batches import batches

_OBJECT = re.compile(r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.obj", re.IGNORECASE)
_EXPONENTS = range(4, 10)
_BATCH = 50


@dataclass(slots=True)
class Report:
    """What has been done so far."""

    seen: int = 0
    objects: int = 0
    """How many there are in all."""
    taken: int = 0
    there: int = 0
    """Taken over by an earlier run."""
    failed: int = 0
    rows_alone: int = 0
    """Records whose pictures are gone."""


class LegacyImport:
    """Copy the old service's avatars into ours, under their ids and pixel for pixel.

    Its objects are `<id>.obj`: JSON with `meta_data_created_at` and the bytes of a PNG file each in
    `image_4n` to `image_9n`. Records beside them are welcome, and not needed. Nothing of the old data is
    changed, what has been copied is not copied again, and what cannot be copied is told to `on_failure`.
    """

    def __init__(
        self,
        folder: Path,
        records: LegacyRecords | None,
        store: ObjectStore,
        repository: Repository,
        on_failure: Callable[[str, str], None],
    ) -> None:
        self._folder = folder
        self._records = records
        self._store = store
        self._repository = repository
        self._on_failure = on_failure
        self.report = Report()

    def run(self) -> Iterator[Report]:
        """Do it, and yield the report after each batch."""
        names = sorted(match[0] for name in os.listdir(self._folder) if (match := _OBJECT.fullmatch(name)))
        self.report.objects = len(names)
        for batch in batches(names, _BATCH):
            self._process_batch(batch)
            self.report.seen += len(batch)
            yield self.report
        have_objects = {name[:36].lower() for name in names}
        for identity in self._records.ids() if self._records else ():
            if identity.lower() not in have_objects:
                self.report.rows_alone += 1
                self._on_failure(identity, "it has a record and no object")
        yield self.report

    def _process_batch(self, names: list[str]) -> None:
        ids = [name[:36].lower() for name in names]
        records = self._records.find(ids) if self._records else {}
        objects: dict[str, bytes] = {}
        avatars: list[Avatar] = []
        for identity, name in zip(ids, names, strict=True):
            try:
                kept = self._store.get(identity)
                if kept is not None:
                    avatars.append(read_object(identity, kept).avatar)
                    self.report.there += 1
                    continue
                avatar, pictures = self._read(identity, name, records.get(identity))
                objects[identity] = write_object(avatar, pictures)
                avatars.append(avatar)
            except (OSError, ValueError, RecursionError, ObjectDamaged) as error:
                self.report.failed += 1
                self._on_failure(identity, str(error) or type(error).__name__)
        if objects:
            self._store.put(objects)
        if avatars:
            self._repository.add(avatars)
        self.report.taken += len(objects)

    def _read(self, identity: str, name: str, record: LegacyRecord | None) -> tuple[Avatar, dict[int, bytes]]:
        """An old object. Raises `ValueError` with what is wrong with it."""
        content = json.loads((self._folder / name).read_bytes())
        if not isinstance(content, dict):
            raise ValueError("it is no JSON object")  # noqa: TRY004 - of the content, not of ours
        pictures = {1 << exponent: _picture(content, exponent) for exponent in _EXPONENTS}
        created = milliseconds(content.get("meta_data_created_at"))
        if created is None and record:
            created = record.created_ms
        if created is None:
            raise ValueError("nothing says when it was made")
        for field, text in record._asdict().items() if record else ():
            longest = LENGTHS.get(field)
            if longest and text is not None and (len(str(text)) > longest or "\0" in str(text)):
                raise ValueError(f"its {field} has more than {longest} characters, or a NUL")
        avatar = Avatar(
            id=identity,
            created_ms=created,
            # Until it had a column for it, the old service drew nothing else.
            generator_type=(record and record.generator_type) or "pixelize",
            version=(record and record.version) or VERSION,
            primary_color=record and record.primary_color,
            foreign_color=record and record.foreign_color,
            color_scheme=record and record.color_scheme,
            seed=record and record.seed,
        )
        return avatar, pictures


def _picture(content: dict[str, object], exponent: int) -> bytes:
    key = f"image_{exponent}n"
    numbers = content.get(key)
    if not isinstance(numbers, list):
        raise ValueError(f"it has no {key}")  # noqa: TRY004 - likewise
    try:
        pixels = decode_png(bytes(numbers))
    except TypeError:
        raise ValueError(f"{key} is no list of bytes") from None
    if len(pixels) != 1 << exponent:
        raise ValueError(f"{key} has {len(pixels)} px")
    return encode_pixels(pixels)
