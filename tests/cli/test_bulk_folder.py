"""Folders and texts that could be used against the operator of `avatar-gen bulk` and `export`."""

from pathlib import Path

import pytest

from avatar_gen.cli.output import printable
from tests.cli.conftest import Run


@pytest.mark.parametrize(
    ("link", "command"),
    [(".incoming", ["bulk", "people.csv", "-o", "out"]), ("64", ["export", "-o", "out", "--width", "64"])],
)
def test_a_link_in_the_folder_is_not_followed(
    run: Run, tmp_path: Path, link: str, command: list[str]
) -> None:
    (tmp_path / "people.csv").write_text("seed\nada\n")
    run("bulk", "people.csv", "--store")
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / ("0" * 16)).write_text("precious")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "manifest.jsonl").touch()
    (tmp_path / "out" / link).symlink_to(precious)
    result = run(*command, status=1)
    assert result.stderr.decode().endswith(f"out/{link}: it is a link. Remove it, or choose another folder\n")
    assert [path.name for path in precious.iterdir()] == ["0" * 16]


def test_only_files_of_an_earlier_run_are_removed(run: Run, tmp_path: Path) -> None:
    """Storage appliances make folders such as @eaDir everywhere."""
    (tmp_path / "people.csv").write_text("seed\nada\n")
    incoming = tmp_path / "out" / ".incoming"
    (incoming / "@eaDir").mkdir(parents=True)
    (incoming / ("f" * 16)).touch()
    (incoming / "notes.txt").touch()
    (tmp_path / "out" / "manifest.jsonl").touch()
    run("bulk", "people.csv", "-o", "out")
    assert {path.name for path in incoming.iterdir()} == {"@eaDir", "notes.txt"}
    assert (tmp_path / "out" / "ada.png").exists()


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["bulk", "people.csv", "-o", "out", "--seed-column", "x"], 1),
        (["bulk", "people.csv", "-o", "out", "--seed-column", "\x1b[2J"], 1),
        (["bulk", "\x1b]0;title\x07.csv", "-o", "out"], 1),
        (["bulk", "people.csv", "-o", "out", "--style", "\x1b[31m"], 2),
        (["render", "pixelize", "ada", "-o", "\x1b[31m/ada.png"], 1),
        (["import", "--storage", ".", "--database", "\x1b[31m"], 1),
        (["\x1b[31m"], 2),
        (["bulk", "--\x1b[31m"], 2),
        (["bulk", "people.csv", "-o", "out", "--jobs", "\x1b[31m"], 2),
    ],
)
def test_no_escape_sequence_reaches_the_terminal(
    run: Run, tmp_path: Path, arguments: list[str], status: int
) -> None:
    (tmp_path / "people.csv").write_text("id\x1b[31m,\x9b2Jname\nada,bob\n")
    result = run(*arguments, status=status)
    assert result.stderr
    assert b"\x1b" not in result.stderr
    assert "\x9b" not in result.stderr.decode()


def test_text_of_a_terminal_is_printable() -> None:
    assert printable("a\x1b[2J\x07\x9b\u202eb ☃\n\ud800") == "a\\x1b[2J\\x07\\x9b\\u202eb ☃\n\\ud800"


@pytest.mark.parametrize(
    "other", [["--width", "128"], ["--format", "webp"], ["--width", "64", "--width", "16"]]
)
def test_an_export_in_other_widths_or_another_format_needs_another_folder(
    run: Run, tmp_path: Path, other: list[str]
) -> None:
    (tmp_path / "people.csv").write_text("seed\nada\n")
    run("bulk", "people.csv", "--store")
    run("export", "-o", "out", "--width", "16")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*")}
    result = run("export", "-o", "out", *other, status=1)
    assert result.stderr.decode() == (
        "Error: out: it has an export in png with the widths 16."
        " Export the same format and widths, or choose another folder\n"
    )
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*")} == before
    assert run("export", "-o", "out", "--width", "16").stdout.startswith(b"0 exported, 1 were there")
