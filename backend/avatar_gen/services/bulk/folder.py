"""A folder with a picture for each row of a list."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from avatar_gen.errors import InvalidRequest
from avatar_gen.objects.files import read
from avatar_gen.runtime.batches import batches
from avatar_gen.runtime.interrupts import check_interrupted
from avatar_gen.services.bulk.csv_input import CsvInput, RejectedRow
from avatar_gen.services.bulk.file_names import file_name
from avatar_gen.services.bulk.process_pool import share
from avatar_gen.services.bulk.report import BulkReport, OnRefusal
from avatar_gen.services.checkpoint import Checkpoint, Status
from avatar_gen.services.output_folder import open_folder, write_into
from avatar_gen.services.rendering import PictureRequest

_BATCH = 64
"""Pictures that a process draws at a time."""


class _Task(NamedTuple):
    """A picture that must be in the folder."""

    line: int
    seed: str
    file: str
    picture: PictureRequest
    sha256: str | None
    """The hash of the file that an earlier run drew, or None."""


class _Outcome(NamedTuple):
    """The outcome of a task: a new entry of the manifest, a refusal, or neither if the file is there."""

    line: int
    entry: dict[str, Any] | None = None
    refusal: str | None = None


class BulkFolder:
    """Draw `picture` with the seed of each row, and write a manifest that names the file of each seed.

    A file that an earlier run drew and that is intact is kept. So a run can be stopped at any time and run
    again. A file gets its name when it is complete. No file is removed.
    """

    def __init__(  # noqa: PLR0913
        self,
        path: Path,
        picture: PictureRequest,
        *,
        extension: str,
        jobs: int,
        prepare: Callable[[], object],
        on_refusal: OnRefusal,
    ) -> None:
        self._path = path
        self._picture = picture
        self._extension = extension
        self._jobs = jobs
        self._prepare = prepare
        self._on_refusal = on_refusal
        self.report = BulkReport()

    def run(self, rows: CsvInput) -> Iterator[BulkReport]:
        """Draw, and yield the report after each batch. Raises `StartupError` and `OSError`."""
        with open_folder(self._path, "file") as manifest:
            tasks = batches(self._tasks(rows, manifest), _BATCH)
            draw = partial(_draw, str(self._path))
            for outcomes in share(draw, tasks, jobs=self._jobs, prepare=self._prepare):
                self._note(outcomes, manifest)
                yield self.report
        yield self.report

    def _tasks(self, rows: CsvInput, manifest: Checkpoint) -> Iterator[_Task]:
        for row in rows.read():
            if isinstance(row, RejectedRow):
                self._refuse(row.line, row.reason)
                continue
            try:
                picture = self._picture.with_seed(row.seed, letters=row.letters)
            except InvalidRequest as error:
                self._refuse(row.line, str(error))
                continue
            file = f"{file_name(row.file)}.{self._extension}"
            status, known = manifest.claim(file, picture.key().hex())
            if status is Status.TAKEN:
                self._refuse(row.line, f"its file would be {file}, which belongs to another row of this list")
            elif status is Status.REPEATED:
                self.report.repeated += 1
            else:
                there = known if status is Status.MADE else None
                yield _Task(row.line, row.seed, file, picture, there)

    def _note(self, outcomes: Sequence[_Outcome], manifest: Checkpoint) -> None:
        entries = [outcome.entry for outcome in outcomes if outcome.entry]
        manifest.add(entries)
        self.report.made += len(entries)
        for outcome in outcomes:
            if outcome.refusal:
                self._refuse(outcome.line, outcome.refusal)
            elif not outcome.entry:
                self.report.existing += 1

    def _refuse(self, line: int, reason: str) -> None:
        self.report.refused += 1
        self._on_refusal(line, reason)


def _draw(folder: str, tasks: Sequence[_Task]) -> list[_Outcome]:
    """Draw the pictures that are missing, in this process or another."""
    return [_draw_one(folder, task) for task in tasks]


def _draw_one(folder: str, task: _Task) -> _Outcome:
    check_interrupted()
    if task.sha256 and task.sha256 == _digest(f"{folder}/{task.file}"):
        return _Outcome(task.line)
    try:
        data = task.picture.draw()
    except InvalidRequest as error:
        return _Outcome(task.line, refusal=str(error))
    write_into(folder, task.file, data)
    entry = {
        "line": task.line,
        "seed": task.seed,
        "file": task.file,
        "bytes": len(data),
        "sha256": sha256(data).hexdigest(),
        "inputsHash": task.picture.key().hex(),
    }
    return _Outcome(task.line, entry=entry)


def _digest(path: str) -> str | None:
    """Return the hash of a file, or None if it does not exist."""
    try:
        return sha256(read(path)).hexdigest()
    except FileNotFoundError:
        return None
