"""A stored avatar for each photograph in a folder."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import blake2b
from pathlib import Path

from avatar_gen.avatar import MAX_SEED_LENGTH
from avatar_gen.errors import AvatarError
from avatar_gen.imaging.photo_process import PhotoDecoder
from avatar_gen.imaging.photographs import encode_stored
from avatar_gen.objects.avatar_object import write_photo
from avatar_gen.objects.files import OddFile, read
from avatar_gen.runtime.interrupts import check_interrupted
from avatar_gen.services.bulk.report import BulkReport
from avatar_gen.services.bulk.storage import Claim, Drawn, Task
from avatar_gen.services.photos import photo_spec

OnRejected = Callable[[str, str], None]
"""Receives the name of a file of which no avatar is made, and the reason."""


class PhotoSource:
    """The photographs in a folder, by their names. Hidden files and folders are left out."""

    key = "file"

    def __init__(
        self, folder: Path, decoder: PhotoDecoder, *, max_bytes: int, jobs: int, on_rejected: OnRejected
    ) -> None:
        """Read the names. Raises `OSError`."""
        self._folder = folder
        self._names = sorted(
            each.name for each in os.scandir(folder) if each.name[0] != "." and not each.is_dir()
        )
        self._decoder = decoder
        self._max_bytes = max_bytes
        self._jobs = jobs
        self._on_rejected = on_rejected
        self._seen = 0

    @property
    def progress(self) -> float:
        """Return the part of the files that were looked at, 0 to 1."""
        return self._seen / max(1, len(self._names))

    def tasks(self, claim: Claim, report: BulkReport) -> Iterator[Task]:
        """Yield the photographs that are not stored yet, or whose content has changed."""
        for name in self._names:
            check_interrupted()
            self._seen += 1
            try:
                content = self._read(name)
            except OSError as error:
                self._reject(name, f"it cannot be read: {error.strerror}", report)
                continue
            except (OddFile, UnicodeEncodeError) as error:
                reason = str(error) if isinstance(error, OddFile) else "its name is not UTF-8"
                self._reject(os.fsencode(name).decode(errors="replace"), reason, report)
                continue
            inputs_hash = blake2b(content, digest_size=16).hexdigest()
            seed = Path(name).stem[:MAX_SEED_LENGTH]
            if task := claim(name, inputs_hash, photo_spec(seed)):
                yield task

    def draw(self, tasks: Iterator[Sequence[Task]], report: BulkReport) -> Iterator[Sequence[Drawn]]:
        """Decode photographs in processes of their own, several at the same time."""
        with ThreadPoolExecutor(self._jobs) as threads:
            for batch in tasks:
                drawn = []
                for task, made in zip(batch, threads.map(self._draw, batch), strict=True):
                    if isinstance(made, Drawn):
                        drawn.append(made)
                    else:
                        self._reject(str(task.source), made, report)
                yield drawn

    def entry(self, task: Task) -> dict[str, object]:
        """Return the name of the file."""
        return {"file": task.source}

    def _read(self, name: str) -> bytes:
        name.encode()
        return read(str(self._folder / name), self._max_bytes)

    def _reject(self, name: str, reason: str, report: BulkReport) -> None:
        report.refused += 1
        self._on_rejected(name, reason)

    def _draw(self, task: Task) -> Drawn | str:
        """Return the object of a photograph, or the reason why there is none."""
        check_interrupted()
        try:
            with (self._folder / str(task.source)).open("rb") as file:
                jpeg = encode_stored(self._decoder.decode(file.fileno()))
        except (AvatarError, OSError) as error:
            return str(error)
        avatar = task.spec.as_avatar(task.avatar_id)
        return Drawn(task, avatar, write_photo(avatar, jpeg))
