"""Lists of jobs: read piece by piece, with every error named by its row."""

import csv
import io
import json
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avatar_gen.errors import BodyTooLarge, InvalidRequest
from avatar_gen.services.jobs import job_list
from avatar_gen.services.jobs.job_list import MAX_ROW, Row, read_list


class Pieces:
    """A stream that returns these pieces, as a network does."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces

    def read(self, _size: int, /) -> bytes:
        return next(self._pieces, b"")


def read(data: bytes, *, is_json: bool, size: int = 1 << 16, **defaults: str) -> list[Row]:
    parts = (data[at : at + size] for at in range(0, len(data), size))
    return list(read_list(Pieces(parts), is_json=is_json, defaults=defaults))


ROW = st.fixed_dictionaries({"seed": st.text(min_size=1)}, optional={"name": st.text()})
ROWS = st.lists(ROW, min_size=1)


@given(ROWS, st.integers(1, 50))
def test_a_json_list_is_read_alike_in_any_pieces(rows: list[dict[str, str]], size: int) -> None:
    read_rows = read(json.dumps(rows).encode(), is_json=True, size=size)
    given_rows = [{name: value for name, value in row.items() if value} for row in rows]
    assert read_rows == list(enumerate(given_rows, 1))


def test_a_csv_list_has_the_lines_of_its_rows() -> None:
    data = 'seed;name;angle\r\nada;"Ada\nLovelace";\r\n\r\n;;\r\nbob;;45\r\n'.encode("utf-8-sig")
    expected = [(2, {"seed": "ada", "name": "Ada\nLovelace"}), (6, {"seed": "bob", "angle": 45})]
    assert read(data, is_json=False, size=5) == expected


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ('{"flip": "horizontal"}', {"flip": "horizontal"}),
        ("{", "{"),
        ('{"flip": 1, "flip": 2}', '{"flip": 1, "flip": 2}'),
        ("[" * 9000, "[" * 9000),
        ("9" * 5000, "9" * 5000),
    ],
)
def test_an_option_in_a_cell_is_json_or_stays_a_text_that_its_row_is_refused_for(
    cell: str, value: object
) -> None:
    quoted = cell.replace('"', '""')
    assert read(f'seed,options\na,"{quoted}"\n'.encode(), is_json=False) == [
        (2, {"seed": "a", "options": value})
    ]


def test_a_text_in_a_json_list_stays_a_text() -> None:
    assert read(b'[{"seed": "a", "angle": "45"}]', is_json=True) == [(1, {"seed": "a", "angle": "45"})]


def test_empty_cells_behind_the_columns_are_no_cells() -> None:
    assert read(b"seed,name\nada,Ada,,\n", is_json=False) == [(2, {"seed": "ada", "name": "Ada"})]


def test_rows_have_the_defaults_that_they_do_not_override() -> None:
    rows = read(b"seed,style\na,\nb,wave\n", is_json=False, type="smile")
    assert [fields["type"] for _, fields in rows] == ["smile", "wave"]


@pytest.mark.parametrize(
    ("body", "is_json", "reason"),
    [
        ("", False, "must have the names of its columns in the first row, and one of them must be seed"),
        ("name\nx\n", False, "one of them must be seed"),
        ("seed,secret\n1,2\n", False, "number 2 is none of type"),
        ("ada\nbob\n", False, "number 1 is none of type"),
        ("seed,name,name\n1,2,3\n", False, "two columns with the same name"),
        ("seed,style,type\n1,2,3\n", False, "or both style and type"),
        ("seed\n", False, "is an empty list"),
        ('seed\n"a\n', False, "line 2: not CSV: a quoted cell is not closed"),
        ("seed\na\0b\n", False, "line 2: it has a NUL character; save the list as UTF-8"),
        ("seed,name\nLovelace, Ada,ada\n", False, "more cells than columns in line 2; put text with"),
        ("seed\n\nada;\nbob,\neve,,x\n", False, "more cells than columns in line 5"),
        ("seed\n" + "x" * (MAX_ROW + 1), False, "more than 16,384 characters in the row of line 2"),
        ("", True, "must be a JSON array"),
        ('{"seed": "a"}', True, "must be a JSON array"),
        ("[]", True, "is an empty list"),
        (
            '[{"seed": "a"}, {"seed": "b", "Style": "smile"}]',
            True,
            "has an unknown field in row 2; known: type,",
        ),
        ('[{"seed": "a"}', True, "neither a comma nor the end of its array after row 1"),
        ('[{"seed": "a"} {"seed": "b"}]', True, "neither a comma nor the end of its array after row 1"),
        ('[{"seed": "a"}},]', True, "neither a comma nor the end of its array after row 1"),
        ('[{"seed": "a"},]', True, "not valid JSON at row 2"),
        ('[{"seed": "a"},,{"seed": "b"}]', True, "not valid JSON at row 2"),
        ('[,{"seed": "a"}]', True, "not valid JSON at row 1"),
        (',[{"seed": "a"}]', True, "must be a JSON array"),
        ('[{"seed": "a"}],', True, "has text after the end"),
        ('\u00a0[{"seed": "a"}]', True, "must be a JSON array"),
        ('[{"seed": "a"},\f{"seed": "b"}]', True, "not valid JSON at row 2"),
        ('[{"seed": "a"}, 5]', True, "row 2 is not an object"),
        ('[{"seed": NaN}]', True, "not valid JSON at row 1"),
        ('[{"seed": "a", "seed": "b"}]', True, "has a field more than once"),
        ('[{"seed": "a"}] x', True, "has text after the end"),
        ("[" * 100_000, True, "not valid JSON at row 1"),
        ('[{"seed": "' + "x" * MAX_ROW + '"}]', True, "row 1"),
        ('[{"seed": ' + "9" * 5000 + "}]", True, "not valid JSON at row 1"),
    ],
)
def test_what_is_not_a_list_is_refused_without_an_echo(body: str, is_json: bool, reason: str) -> None:  # noqa: FBT001
    with pytest.raises(InvalidRequest, match=reason) as refused:
        read(body.encode(), is_json=is_json)
    assert refused.value.problems
    assert "secret" not in f"{refused.value} {refused.value.problems}"
    assert "--" not in str(refused.value), "a client of the API has no options of the command line"


@pytest.mark.parametrize("is_json", [True, False])
def test_what_is_not_utf_8_is_refused(is_json: bool) -> None:  # noqa: FBT001
    with pytest.raises(InvalidRequest, match=r"not (UTF|utf)-8") as refused:
        read(b'[{"seed": "\xff"}]' if is_json else b"seed\n\xff\n", is_json=is_json)
    assert [problem.field for problem in refused.value.problems] == ["body"]


def test_too_many_rows_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_list, "MAX_ROWS", 3)
    assert len(read(b"seed\n1\n2\n3\n", is_json=False)) == 3
    with pytest.raises(BodyTooLarge, match="more than 3 rows"):
        read(b"seed\n1\n2\n3\n4\n", is_json=False)


def _pieces(*, is_json: bool) -> Iterator[bytes]:
    """A list of 50,000 rows, which has 2 MB."""
    yield b"[" if is_json else b"seed,name\n"
    for number in range(500):
        rows: list[dict[str, Any]] = [
            {"seed": f"person{number}-{each}@example.org", "name": "n" * 9} for each in range(100)
        ]
        if is_json:
            yield (", " if number else "").encode() + json.dumps(rows)[1:-1].encode()
        else:
            text = io.StringIO()
            csv.writer(text).writerows(row.values() for row in rows)
            yield text.getvalue().encode()
    yield b"]" if is_json else b""


@pytest.mark.parametrize("is_json", [True, False])
def test_a_long_list_is_never_in_memory(is_json: bool) -> None:  # noqa: FBT001
    tracemalloc.start()
    try:
        count = sum(1 for _ in read_list(Pieces(_pieces(is_json=is_json)), is_json=is_json, defaults={}))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert count == 50_000
    assert peak < 800_000
