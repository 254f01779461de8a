"""A folder of pictures, one for everybody on a list."""

from collections.abc import Iterator, Sequence
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
"""Pictures that a process is given at a time: 10 ms of the quickest, a second of the slowest."""


class _Task(NamedTuple):
    """A picture that is to be in the folder."""

    line: int
    seed: str
    file: str
    picture: PictureRequest
    sha256: str | None
    """What is there already, if it is whole."""


class _Outcome(NamedTuple):
    """What became of a task: its entry in the manifest, a reason why there is none, or neither."""

    line: int
    entry: dict[str, Any] | None = None
    refusal: str | None = None


class Folder:
    """Pictures of everybody, as `picture` is of its own seed, and a manifest that says which is whose.

    What an earlier run has drawn, and is there and whole, is passed over, so it can be stopped at any time
    and run again. Files come into sight when they are whole. Nothing is removed.
    """

    def __init__(
        self, path: Path, picture: PictureRequest, *, extension: str, jobs: int, on_refusal: OnRefusal
    ) -> None:
        self._path = path
        self._picture = picture
        self._extension = extension
        self._jobs = jobs
        self._on_refusal = on_refusal
        self.report = BulkReport()

    def run(self, people: CsvInput) -> Iterator[BulkReport]:
        """Do it, and yield the report after each batch. Raises `StartupError` and `OSError`."""
        with open_folder(self._path, "file") as manifest:
            tasks = batches(self._tasks(people, manifest), _BATCH)
            for outcomes in share(partial(_draw, str(self._path)), tasks, jobs=self._jobs):
                self._note(outcomes, manifest)
                yield self.report
        yield self.report

    def _tasks(self, people: CsvInput, manifest: Checkpoint) -> Iterator[_Task]:
        for person in people.read():
            if isinstance(person, RejectedRow):
                self._refuse(person.line, person.reason)
                continue
            try:
                picture = self._picture.with_seed(person.seed, letters=person.letters)
            except InvalidRequest as error:
                self._refuse(person.line, str(error))
                continue
            file = f"{file_name(person.file)}.{self._extension}"
            status, known = manifest.claim(file, picture.key().hex())
            if status is Status.TAKEN:
                self._refuse(person.line, f"its file would be {file}, which is somebody else's in this list")
            elif status is Status.REPEATED:
                self.report.repeated += 1
            else:
                there = known if status is Status.MADE else None
                yield _Task(person.line, person.seed, file, picture, there)

    def _note(self, outcomes: Sequence[_Outcome], manifest: Checkpoint) -> None:
        entries = [outcome.entry for outcome in outcomes if outcome.entry]
        manifest.add(entries)
        self.report.made += len(entries)
        for outcome in outcomes:
            if outcome.refusal:
                self._refuse(outcome.line, outcome.refusal)
            elif not outcome.entry:
                self.report.there += 1

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
        "madeOf": task.picture.key().hex(),
    }
    return _Outcome(task.line, entry=entry)


def _digest(path: str) -> str | None:
    """Of a file's content; None where there is none."""
    try:
        return sha256(read(path)).hexdigest()
    except FileNotFoundError:
        return None
