"""A list of people in CSV, read row by row, however long it is."""

import csv
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import BinaryIO

from avatar_gen.errors import StartupError
from avatar_gen.services.bulk.text_lines import TextLines

_DELIMITERS = ",;\t"
_REASONS = {
    "unexpected end": "a quoted cell is not closed",
    "expected after": "a quoted cell goes on after its closing quote",
    "larger than field limit": "a cell has more than 131,072 characters",
}
"""Our words for those of Python's csv module."""

_SEP = re.compile(r"sep=(.)\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Columns:
    """Which columns of a list say what: by their names, or their numbers from 1."""

    seed: str | None = None
    """None: the first."""
    file: str | None = None
    """What files are named after; None: the seed."""
    letters: str | None = None
    """What styles that write take their letters from; None: the seed."""


@dataclass(frozen=True, slots=True)
class CsvRow:
    """Somebody on a list."""

    line: int
    seed: str
    file: str
    letters: str | None


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A row of which no avatar can be made."""

    line: int
    reason: str


class CsvInput:
    """The people on a list, which is read once.

    The rows are those of RFC 4180, separated by commas, semicolons or tabs, whichever the first has most of.
    Rows without any text are passed over. White space around a cell is not part of it.
    """

    def __init__(  # noqa: PLR0913
        self, stream: BinaryIO, name: str, columns: Columns, *, longest: int, header: bool, encoding: str
    ) -> None:
        self._name = name
        self._columns = columns
        self._longest = longest
        self._header = header
        self._lines = TextLines(stream, name, encoding)
        self._size = os.fstat(stream.fileno()).st_size

    @property
    def part(self) -> float:
        """How much of the list has been read, 0 to 1; 0 where its end is not known."""
        return min(self._lines.position / self._size, 1) if self._size else 0.0

    def read(self) -> Iterator[CsvRow | RejectedRow]:
        """All of them.

        Raises `StartupError`, with the line, for what is no CSV: what follows it can't be told.
        """
        rows = self._rows()
        start, first = next(rows, (1, []))
        if not first:
            raise StartupError(f"{self._name}: there is nobody on this list")
        seed, file, letters = self._find(first)
        if not self._header:
            yield self._person(start, first, (seed, file, letters))
        for line, row in rows:
            if any(row):
                yield self._person(line, row, (seed, file, letters))

    def _person(
        self, line: int, row: Sequence[str], columns: tuple[int, int, int | None]
    ) -> CsvRow | RejectedRow:
        cells = [None if at is None else row[at] if at < len(row) else "" for at in columns]
        seed, file, letters = cells
        if not seed or not file:
            return RejectedRow(line, "there is nothing in its column")
        for text in (seed, letters or ""):
            if len(text) > self._longest:
                return RejectedRow(line, f"it has more than {self._longest} characters")
        return CsvRow(line, seed, file, letters)

    def _find(self, first: Sequence[str]) -> tuple[int, int, int | None]:
        wanted = self._columns
        seed = self._column(wanted.seed or "1", first)
        file = seed if wanted.file is None else self._column(wanted.file, first)
        return seed, file, None if wanted.letters is None else self._column(wanted.letters, first)

    def _column(self, name: str, first: Sequence[str]) -> int:
        if self._header and name in first:
            if first.count(name) > 1:
                raise StartupError(f"{self._name}: there are several columns {name}: say which by its number")
            return first.index(name)
        if name.isdecimal() and 1 <= int(name[:9]) <= len(first):
            return int(name[:9]) - 1
        there = f"; there are {', '.join(first)}" if self._header else f"; there are {len(first)}"
        raise StartupError(f"{self._name}: there is no column {name}{there}")

    def _rows(self) -> Iterator[tuple[int, list[str]]]:
        """Yield the rows, and the line that each begins in."""
        lines = self._lines.read()
        head = next(lines, "")
        delimiter = max(_DELIMITERS, key=head.count)
        # Excel writes and reads a first line that only names the delimiter.
        if named := _SEP.fullmatch(head):
            delimiter, head = named[1], next(lines, "")
        start = self._lines.number or 1
        reader = csv.reader(chain([head] if head else [], lines), delimiter=delimiter, strict=True)
        try:
            for row in reader:
                yield start, [cell.strip() for cell in row]
                start = self._lines.number + 1
        except csv.Error as error:
            reason = next((ours for theirs, ours in _REASONS.items() if theirs in str(error)), str(error))
            raise StartupError(f"{self._name}: line {start}: not CSV: {reason}") from None
