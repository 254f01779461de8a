"""Where the old service's objects are: a folder, or a bucket."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from avatar_gen.errors import AvatarError
from avatar_gen.services.imports import Unreadable, read_file

if TYPE_CHECKING:
    from datetime import datetime

    from avatar_gen.objects.bucket import Bucket

_MAX_OBJECT_SIZE = 64_000_000
"""Bytes. Six pictures as lists of numbers usually take 1 MB, and rarely 8 MB."""


class LegacySource(Protocol):
    """Files by their names. A name may have folders in front."""

    name: str
    """The folder or the URL, for messages."""
    calls_at_once: int
    """How many files should be read at the same time."""

    def names(self) -> Iterable[str]:
        """Return the names of all files."""

    def read(self, name: str) -> bytes:
        """Return a file. Raises `Unreadable`."""

    def modified_ms(self, name: str) -> int:
        """Return when a file was written, in milliseconds since 1970."""


class LegacyFolder:
    """The old service's folder `avatars`."""

    calls_at_once = 1

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.name = str(folder)

    def names(self) -> Iterable[str]:
        """Return the names of all files in the folder."""
        return os.listdir(self._folder)

    def read(self, name: str) -> bytes:
        """Return a file."""
        return read_file(f"{self._folder}/{name}", _MAX_OBJECT_SIZE)

    def modified_ms(self, name: str) -> int:
        """Return when a file was written."""
        return os.stat(f"{self._folder}/{name}").st_mtime_ns // 1_000_000


class LegacyBucket:
    """The old service's bucket. Its keys are `avatars/<id>.obj`."""

    calls_at_once = 16

    def __init__(self, bucket: "Bucket", name: str) -> None:
        self._bucket = bucket
        self.name = name
        self._times: dict[str, datetime] = {}

    def names(self) -> Iterable[str]:
        """Return the keys of all files below the prefix."""
        for name, _, time in self._bucket.list(""):
            if name.lower().endswith(".obj"):
                self._times[name] = time
                yield name

    def read(self, name: str) -> bytes:
        """Return a file."""
        try:
            data = self._bucket.get(name, _MAX_OBJECT_SIZE)
        except ValueError:
            raise Unreadable(f"its file has more than {_MAX_OBJECT_SIZE:,} bytes") from None
        except AvatarError as error:
            raise Unreadable(f"its file cannot be read: {error.__cause__}") from error
        if data is None:
            raise Unreadable("its file is gone")
        return data

    def modified_ms(self, name: str) -> int:
        """Return when a file was written."""
        return round(self._times[name].timestamp() * 1000)
