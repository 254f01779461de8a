from pathlib import Path

import pytest

from avatar_gen.errors import StartupError
from avatar_gen.services.bulk.csv_input import Columns, CsvInput, CsvRow, RejectedRow


def read(
    tmp_path: Path,
    content: bytes | str,
    columns: Columns | None = None,
    *,
    header: bool = True,
    encoding: str = "utf-8",
) -> list[CsvRow | RejectedRow]:
    path = tmp_path / "people.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with path.open("rb") as stream:
        people = CsvInput(
            stream, "people.csv", columns or Columns(), max_length=10, header=header, encoding=encoding
        )
        found = list(people.read())
        assert people.progress == 1
    return found


def seeds(found: list[CsvRow | RejectedRow]) -> list[tuple[int, str]]:
    return [(each.line, each.seed if isinstance(each, CsvRow) else each.reason) for each in found]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("name\nada\nbob", [(2, "ada"), (3, "bob")]),
        ("name\r\nada\r\n\r\nbob\r\n", [(2, "ada"), (4, "bob")]),
        ("\ufeffname,age\nada,1\n,\n  ,\nbob,2\n", [(2, "ada"), (5, "bob")]),
        ('name\n"a ""b"" c"\n" , "\n', [(2, 'a "b" c'), (3, ",")]),
        ('name,x\n"a\nb",1\nbob,2\n', [(2, "a\nb"), (4, "bob")]),
        ("name;x;y,z\nada;1;2\n", [(2, "ada")]),
        ("name\tx,y;z\tu\nada\t1\t2\n", [(2, "ada")]),
        ("name\n  ada \n", [(2, "ada")]),
        ("name\n山田太郎\n", [(2, "山田太郎")]),
        ("name,x\nada\nbob,1,2,3\n", [(2, "ada"), (3, "bob")]),
        ("name,x\n,1\n", [(2, "its column is empty")]),
        ("name\n" + "x" * 10 + "\n" + "x" * 11, [(2, "x" * 10), (3, "it has more than 10 characters")]),
        ("name\n", []),
        ("name\rada\rbob\r", [(2, "ada"), (3, "bob")]),
        ('name\r"a\rb"\rbob', [(2, "a\rb"), (4, "bob")]),
        ("name\r\nada\rbob\ncy", [(2, "ada"), (3, "bob"), (4, "cy")]),
        ("sep=;\r\nname;x,y,z\r\nada;1\r\n", [(3, "ada")]),
        ("\ufeffsep=,\nname;x;y,z\nada\n", [(3, "ada")]),
        ("SEP=|\nname|x\nada|1\n", [(3, "ada")]),
        ("name\n" + "x\n" * 40_000 + "y\r\n", [*((n + 2, "x") for n in range(40_000)), (40_002, "y")]),
    ],
)
def test_rows_are_people(tmp_path: Path, content: str, expected: list[tuple[int, str]]) -> None:
    assert seeds(read(tmp_path, content)) == expected


def test_columns_have_names_or_numbers(tmp_path: Path) -> None:
    content = "id,email,2\n7,a@b.c,ada\n"
    assert read(tmp_path, content) == [CsvRow(2, "7", "7", None)]
    assert read(tmp_path, content, Columns("email", "id", "3")) == [CsvRow(2, "a@b.c", "7", "ada")]
    # A name wins over a number.
    assert read(tmp_path, content, Columns("2")) == [CsvRow(2, "ada", "ada", None)]
    assert read(tmp_path, "7,ada\n", Columns("2"), header=False) == [CsvRow(1, "ada", "ada", None)]


@pytest.mark.parametrize(
    ("columns", "line"),
    [
        (Columns("mail"), "there is no column mail; there are id, email, id"),
        (Columns(file="4"), "there is no column 4;"),
        (Columns(letters="0"), "there is no column 0;"),
        (Columns("9" * 5000), "there is no column 9"),
        (Columns("id"), "there are several columns id"),
    ],
)
def test_a_column_has_to_be_there(tmp_path: Path, columns: Columns, line: str) -> None:
    with pytest.raises(StartupError, match=f"^people.csv: {line}"):
        read(tmp_path, "id,email,id\n1,2,3\n", columns)


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"", "the list is empty"),
        (b"sep=;\n", "the list is empty"),
        ("name\nada\n".encode("utf-16-le"), "line 1: it has a NUL character; if it is UTF-16, give --enc"),
        (b"name\nada\nzo\xeb\n", "line 3: it is not utf-8; save the list as UTF-8 or give its encoding"),
        (b"name\n" + b"ada\n" * 50_000 + b"\xeb", "line 50002: it is not utf-8"),
        (b'name\nada\n"a"b"\n', "line 3: not CSV: a quoted cell goes on after its closing quote"),
        (b'name\nada\n"bob\ncarol\n', "line 3: not CSV: a quoted cell is not closed"),
        (b'name\nada\n"' + b"x\n" * 100_000, "line 3: not CSV: a cell has more than 131,072 characters"),
        (b"name\n" + b"x" * 2_000_000, "line 2: it has more than 1,000,000 characters"),
    ],
)
def test_what_is_no_list_is_refused_with_its_line(tmp_path: Path, content: bytes, line: str) -> None:
    with pytest.raises(StartupError) as caught:
        read(tmp_path, content)
    assert str(caught.value).startswith(f"people.csv: {line}")


def test_an_encoding_can_be_named(tmp_path: Path) -> None:
    assert seeds(read(tmp_path, b"name\nzo\xeb\n", encoding="cp1252")) == [(2, "zoë")]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_encodings_of_two_and_four_bytes_can_be_named(tmp_path: Path, encoding: str) -> None:
    content = "name;x\r\nzoë;1\r\n山田\r\n".encode(encoding)
    assert seeds(read(tmp_path, content, encoding=encoding)) == [(2, "zoë"), (3, "山田")]


@pytest.mark.parametrize("order", ["le", "be"])
def test_a_byte_order_mark_says_that_a_list_is_utf16(tmp_path: Path, order: str) -> None:
    content = "\ufeffname\tx\r\nzoë\t1\r\n".encode(f"utf-16-{order}")
    assert seeds(read(tmp_path, content)) == [(2, "zoë")]
