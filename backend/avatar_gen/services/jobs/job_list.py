"""The list of a job, CSV or JSON of any length, read row by row."""

import codecs
import contextlib
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from avatar_gen.errors import BodyTooLarge, InvalidRequest, Problem, StartupError
from avatar_gen.services.avatar_options import AvatarOptions
from avatar_gen.services.bulk.csv_input import read_rows
from avatar_gen.services.bulk.text_lines import Readable, TextLines
from avatar_gen.services.validation import refuse, unique_fields

MAX_ROWS = 1_000_000

MAX_ROW = 16_384
"""Characters of a row as JSON. Eight times as many as the longest valid row has."""

FIELDS = (*AvatarOptions.model_fields, "style", "name")
"""The fields of a row: those of generate, `style` as another name of `type`, and `name` for its file in a
ZIP archive."""

_JSON_FIELDS = {"angle", "options"}
"""The fields of generate that are not texts."""

_PIECE = 65_536

_WHITE_SPACE = re.compile(r"[ \t\n\r]*")

Row = tuple[int, dict[str, Any]]
"""The line of a row, or its number in a JSON list, and its fields."""


def read_list(stream: Readable, *, is_json: bool, defaults: Mapping[str, str]) -> Iterator[Row]:
    """Yield the rows of a list. `defaults` are the fields of rows that do not have them.

    Only the form of the list is checked here. Raises `InvalidRequest` for what is not a list, and
    `BodyTooLarge` for too many rows.
    """
    rows = _json_rows(stream) if is_json else _csv_rows(stream)
    count = 0
    for line, fields in rows:
        count += 1
        if count > MAX_ROWS:
            raise BodyTooLarge(f"The list has more than {MAX_ROWS:,} rows. Send it in parts.")
        if "style" in fields and "type" not in fields:
            fields["type"] = fields.pop("style")
        yield line, {**defaults, **fields}
    if not count:
        refuse("body", "is an empty list")


def _csv_rows(stream: Readable) -> Iterator[Row]:
    lines = TextLines(stream, "The list", "utf-8")
    lines.remedy = lines.remedy_of_nul = "save the list as UTF-8"
    try:
        rows = read_rows(lines, "The list")
        names = _columns(next(rows, (1, []))[1])
        for line, cells in rows:
            if any(cells[len(names) :]):
                refuse(
                    "body", f"has more cells than columns in line {line}; put text with a delimiter in quotes"
                )
            # Empty cells are fields that are not given.
            if fields := {name: cell for name, cell in zip(names, cells, strict=False) if cell}:
                if sum(map(len, fields.values())) > MAX_ROW:
                    refuse("body", f"has more than {MAX_ROW:,} characters in the row of line {line}")
                yield line, {name: _value(name, cell) for name, cell in fields.items()}
    except StartupError as error:
        problem = Problem("body", f"is not a valid list: {str(error).removeprefix('The list: ')}")
        raise InvalidRequest(f"{error}.", (problem,)) from None


def _value(name: str, cell: str) -> Any:  # noqa: ANN401 - JSON
    """Return the value in a cell. A text where JSON is expected stays, and `read_row` refuses it."""
    if name in _JSON_FIELDS:
        with contextlib.suppress(ValueError, RecursionError, InvalidRequest):
            return json.loads(cell, object_pairs_hook=unique_fields)
    return cell


def _columns(names: list[str]) -> list[str]:
    """Return the names of the columns. Raises `InvalidRequest` unless all are fields of a row."""
    for number, name in enumerate(names, 1):
        if name not in FIELDS:
            refuse(
                "body",
                f"has an unknown column in its first row: number {number} is none of {', '.join(FIELDS)}",
            )
    if "seed" not in names:
        refuse("body", "must have the names of its columns in the first row, and one of them must be seed")
    if len({"type" if name == "style" else name for name in names}) < len(names):
        refuse("body", "has two columns with the same name, or both style and type")
    return names


def _json_rows(stream: Readable) -> Iterator[Row]:
    """Yield the objects of a JSON array, of which only one piece is in memory."""
    text = _Text(stream)
    if text.next_character() != "[":
        refuse("body", "must be a JSON array of objects")
    text.skip(1)
    number = 0
    is_open = text.next_character() != "]"
    while is_open:
        number += 1
        fields = text.next_value(number)
        if not isinstance(fields, dict):
            refuse("body", f"must be a JSON array of objects; row {number} is not an object")
        if not fields.keys() <= set(FIELDS):
            refuse("body", f"has an unknown field in row {number}; known: {', '.join(FIELDS)}")
        yield number, {name: value for name, value in fields.items() if value not in ("", None)}
        if is_open := text.next_character() == ",":
            text.skip(1)
            text.next_character()
    if text.next_character() != "]":
        refuse("body", f"has neither a comma nor the end of its array after row {number}")
    text.skip(1)
    if text.next_character():
        refuse("body", "has text after the end of its array")


class _Text:
    """The text of a stream, of which the part in front has been read."""

    def __init__(self, stream: Readable) -> None:
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")()
        self._text = ""
        self._at = 0
        self._is_whole = False
        self._parser = json.JSONDecoder(object_pairs_hook=unique_fields, parse_constant=_no_constant)

    def next_character(self) -> str:
        """Skip white space. Return the next character, or nothing at the end."""
        while True:
            self._at = _WHITE_SPACE.match(self._text, self._at).end()  # type: ignore[union-attr]
            if self._at < len(self._text) or self._is_whole:
                return self._text[self._at : self._at + 1]
            self._read()

    def skip(self, count: int) -> None:
        """Skip characters that were seen."""
        self._at += count

    def next_value(self, number: int) -> Any:  # noqa: ANN401 - JSON
        """Return the next value. Raises `InvalidRequest` for what is not JSON, or longer than a row."""
        while True:
            try:
                value, end = self._parser.raw_decode(self._text, self._at)
            except (ValueError, RecursionError):
                if self._is_whole or len(self._text) - self._at > MAX_ROW:
                    refuse("body", f"is not valid JSON at row {number}, or the row is too long")
                self._read()
            else:
                if end - self._at > MAX_ROW:
                    refuse("body", f"has more than {MAX_ROW:,} characters in row {number}")
                self._at = end
                return value

    def _read(self) -> None:
        data = self._stream.read(_PIECE)
        self._is_whole = not data
        try:
            more = self._decoder.decode(data, final=not data)
        except UnicodeDecodeError:
            refuse("body", "is not UTF-8")
        self._text, self._at = self._text[self._at :] + more, 0


def _no_constant(_name: str) -> None:
    """Refuse NaN and Infinity, which are not JSON."""
    raise ValueError
