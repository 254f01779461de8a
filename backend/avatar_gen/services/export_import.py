"""Import of a folder that `export` made."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

from avatar_gen.avatar import CANONICAL_ID, Avatar, read_avatar
from avatar_gen.database.repository import Repository
from avatar_gen.errors import StartupError
from avatar_gen.imaging.truecolour import decode_png
from avatar_gen.objects import ObjectStore
from avatar_gen.runtime.batches import batches
from avatar_gen.services.export import WIDTHS
from avatar_gen.services.imports import (
    BatchImporter,
    Candidate,
    Imported,
    ImportReport,
    OnFailure,
    Unreadable,
    read_file,
)
from avatar_gen.services.output_folder import MANIFEST

_BATCH = 50
_MAX_PICTURE_SIZE = 16_000_000
_MAX_LINE = 100_000
"""Bytes of a line of the manifest. Those that `export` writes have about 2,000."""


class ExportImporter:
    """Import an export of all widths in PNG, under the same ids and byte for byte.

    A picture must be the one that the manifest names by its SHA-256. Avatars that are there stay as they are.
    """

    def __init__(
        self, folder: Path, store: ObjectStore, repository: Repository, on_failure: OnFailure
    ) -> None:
        self._folder = folder
        self.report = ImportReport()
        self._importer = BatchImporter(store, repository, self.report, on_failure)

    def run(self) -> Iterator[ImportReport]:
        """Import, and yield the report after each batch.

        Raises `OSError` without a manifest, `StartupError` for an empty one, and what the store and the
        repository raise.
        """
        with (self._folder / MANIFEST).open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if not size:
                raise StartupError(f"{self._folder}: there are no objects here: {MANIFEST} is empty")
            lines = enumerate(iter(lambda: file.readline(_MAX_LINE), b""), 1)
            for batch in batches(lines, _BATCH):
                self._importer.process(self._candidates(batch))
                self.report.progress = min(file.tell() / size, 1)
                yield self.report

    def _candidates(self, lines: Sequence[tuple[int, bytes]]) -> Iterator[Candidate]:
        for number, line in lines:
            try:
                entry = _parse(line)
            except Unreadable as error:
                self._importer.fail(f"{MANIFEST}, line {number}", str(error))
            else:
                yield Candidate(entry["id"], partial(self._read, entry))

    def _read(self, entry: Mapping[str, Any]) -> Imported:
        try:
            avatar = read_avatar(entry)
        except ValueError as error:
            raise Unreadable(str(error)) from None
        return Imported(avatar, self._pictures(avatar, entry.get("files")))

    def _pictures(self, avatar: Avatar, files: object) -> dict[int, bytes]:
        """Read the pictures from the only place where they may be: a path in the manifest is not followed."""
        if not isinstance(files, dict):
            raise Unreadable("it has no files")
        pictures = {}
        for px in WIDTHS:
            name, listed = f"{px}/{avatar.id}.png", files.get(str(px))
            if not isinstance(listed, dict) or listed.get("file") != name:
                raise Unreadable(f"the manifest has no PNG picture of {px} px for it")
            png = read_file(f"{self._folder}/{name}", _MAX_PICTURE_SIZE)
            if sha256(png).hexdigest() != listed.get("sha256") or not _is_picture(png, px):
                raise Unreadable(f"{name} is not the file that was exported")
            pictures[px] = png
        return pictures


def _parse(line: bytes) -> dict[str, Any]:
    """Return an entry of the manifest whose id is one."""
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        raise Unreadable("the line is not JSON") from None
    if not isinstance(entry, dict):
        raise Unreadable("the line is not a JSON object")
    if not isinstance(entry.get("id"), str) or not CANONICAL_ID.fullmatch(entry["id"]):
        raise Unreadable("its id is not a UUID in lower case")
    return entry


def _is_picture(png: bytes, px: int) -> bool:
    try:
        return len(decode_png(png)) == px
    except ValueError:
        return False
