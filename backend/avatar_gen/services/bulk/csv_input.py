"""CSV lists of any length, read row by row."""

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
"""This service's messages for those of Python's csv module."""

_SEP = re.compile(r"sep=(.)\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of a list that are used, by their names or their numbers from 1."""

    seed: str | None = None
    """The seeds. None stands for the first column."""
    file: str | None = None
    """The names of files. None stands for the seed."""
    letters: str | None = None
    """The names that styles with letters draw. None stands for the seed."""


@dataclass(frozen=True, slots=True)
class CsvRow:
    """A row of which an avatar can be made."""

    line: int
    seed: str
    file: str
    letters: str | None


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A row of which no avatar can be made, and the reason."""

    line: int
    reason: str


class CsvInput:
    """The rows of a list, which can be read once.

    The rows are those of RFC 4180. The delimiter is the comma, semicolon or tab that the first row has most
    of. Rows without any text are skipped. White space around a cell is removed.
    """

    def __init__(  # noqa: PLR0913
        self, stream: BinaryIO, name: str, columns: Columns, *, max_length: int, header: bool, encoding: str
    ) -> None:
        self._name = name
        self._columns = columns
        self._max_length = max_length
        self._header = header
        self._lines = TextLines(stream, name, encoding)
        self._size = os.fstat(stream.fileno()).st_size

    @property
    def progress(self) -> float:
        """The part of the list that has been read, 0 to 1. It is 0 for a list of unknown length."""
        return min(self._lines.position / self._size, 1) if self._size else 0.0

    def read(self) -> Iterator[CsvRow | RejectedRow]:
        """Yield all rows.

        Raises `StartupError` with the line for what is not CSV: the rows behind it cannot be told apart.
        """
        rows = self._rows()
        start, first = next(rows, (1, []))
        if not first:
            raise StartupError(f"{self._name}: the list is empty")
        seed, file, letters = self._find(first)
        if not self._header:
            yield self._row(start, first, (seed, file, letters))
        for line, row in rows:
            if any(row):
                yield self._row(line, row, (seed, file, letters))

    def _row(
        self, line: int, row: Sequence[str], columns: tuple[int, int, int | None]
    ) -> CsvRow | RejectedRow:
        cells = [None if at is None else row[at] if at < len(row) else "" for at in columns]
        seed, file, letters = cells
        if not seed or not file:
            return RejectedRow(line, "its column is empty")
        for text in (seed, letters or ""):
            if len(text) > self._max_length:
                return RejectedRow(line, f"it has more than {self._max_length} characters")
        return CsvRow(line, seed, file, letters)

    def _find(self, first: Sequence[str]) -> tuple[int, int, int | None]:
        columns = self._columns
        seed = self._column(columns.seed or "1", first)
        file = seed if columns.file is None else self._column(columns.file, first)
        return seed, file, None if columns.letters is None else self._column(columns.letters, first)

    def _column(self, name: str, first: Sequence[str]) -> int:
        if self._header and name in first:
            if first.count(name) > 1:
                raise StartupError(f"{self._name}: there are several columns {name}. Give the number of one")
            return first.index(name)
        if name.isdecimal() and 1 <= int(name[:9]) <= len(first):
            return int(name[:9]) - 1
        there = f"; there are {', '.join(first)}" if self._header else f"; there are {len(first)}"
        raise StartupError(f"{self._name}: there is no column {name}{there}")

    def _rows(self) -> Iterator[tuple[int, list[str]]]:
        return read_rows(self._lines, self._name)


def read_rows(lines: TextLines, name: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows of a list, and the line that each begins in. Raises `StartupError` with `name`."""
    texts = lines.read()
    head = next(texts, "")
    delimiter = max(_DELIMITERS, key=head.count)
    # Excel writes and reads a first line that only names the delimiter.
    if named := _SEP.fullmatch(head):
        delimiter, head = named[1], next(texts, "")
    start = lines.number or 1
    reader = csv.reader(chain([head] if head else [], texts), delimiter=delimiter, strict=True)
    try:
        for row in reader:
            yield start, [cell.strip() for cell in row]
            start = lines.number + 1
    except csv.Error as error:
        reason = next((ours for theirs, ours in _REASONS.items() if theirs in str(error)), str(error))
        raise StartupError(f"{name}: line {start}: not CSV: {reason}") from None
