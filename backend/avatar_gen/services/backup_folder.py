"""The folder of a backup: its objects, its list of checksums and its identity links.

docs/decisions/0017-a-backup-is-objects-and-links.md gives the reasons.
"""

import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO, cast

from avatar_gen.avatar import CANONICAL_ID
from avatar_gen.errors import ObjectDamaged, StartupError, StorageUnavailable
from avatar_gen.objects import ObjectStore
from avatar_gen.objects.avatar_object import read_object
from avatar_gen.objects.local import SHARDS
from avatar_gen.runtime.batches import difference

OBJECTS = "avatars"
LINKS = "identities.jsonl"
CHECKSUMS = "checksums.sha256"
"""Written last: a folder with this file is a finished backup. `sha256sum --check` reads it."""

BATCH = 50
"""Objects that are copied together."""

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


LINE = 64 + 2 + len(OBJECTS) + 1 + 2 + 1 + 36 + len(".zip\n")
"""Bytes of a line of `CHECKSUMS`."""


_ENTRY = re.compile(
    rf"([0-9a-f]{{64}})  ({re.escape(LINKS)}|{OBJECTS}/([0-9a-f]{{2}})/(?=\3){CANONICAL_ID.pattern}\.zip)\n"
)
_OBJECT = re.compile(rf"{CANONICAL_ID.pattern}\.zip")


def open_list(path: Path, mode: str) -> TextIO:
    """Open a list of files, new or of a finished backup."""
    return cast("TextIO", path.open(mode, encoding="ascii", errors="replace", newline="\n"))


def read_list(file: TextIO) -> Iterator[tuple[str, str]]:
    """Yield the hash and the name of each file. Raises `StartupError` for a line of another form."""
    file.seek(0)
    for number, line in enumerate(iter(lambda: file.readline(LINE + 1), ""), 1):
        entry = _ENTRY.fullmatch(line)
        if not entry:
            raise StartupError(
                f"{file.name}: line {number} is not one that `backup` wrote. Copy the backup again"
            )
        yield entry[1], entry[2]


def intact(avatar_id: str, copies: ObjectStore) -> bytes | None:
    """Return an object of a backup, or None if it is missing or damaged."""
    try:
        data = copies.get(avatar_id)
        if data is not None:
            read_object(avatar_id, data)
    except (ObjectDamaged, StorageUnavailable):
        return None
    return data


def not_listed(folder: Path, listed: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Yield the names of the objects in a backup that a list does not have."""
    return difference(objects_in(folder), (name for _, name in listed if name != LINKS))


def objects_in(folder: Path) -> Iterator[str]:
    """Yield the names of all objects in a backup, in ascending order. Empty folders may be missing."""
    for shard in SHARDS:
        with suppress(FileNotFoundError):
            names = sorted(os.listdir(folder / OBJECTS / shard))
            yield from (f"{OBJECTS}/{shard}/{name}" for name in names if _OBJECT.fullmatch(name))
