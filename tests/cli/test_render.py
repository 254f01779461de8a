import io
import os
import stat
import subprocess
from pathlib import Path

import httpx
import pytest
from PIL import Image

from tests.cli.conftest import COMMAND, Run, environment

SAME = [
    ("pixelize", "ada", "png", []),
    ("pixelize", "ada", "svg", ["--shape", "circle"]),
    ("wave", "ada@example.org", "webp", ["--size", "512", "--hue", "210"]),
    ("gradient", "☃ / ?#%", "png", ["--angle", "22.5", "--color-scheme", "sunset"]),
    (
        "marble",
        "a.png",
        "avif",
        ["--primary-color", "0077BE", "--foreign-color", "gold", "--filter", "sepia"],
    ),
    ("initials", "4711", "jpeg", ["--name", "Ada Lovelace", "--shape", "rounded"]),
    ("lorelei", "Felix", "png", ["-O", "backgroundColor=ffd5dc", "--filter", "grayscale"]),
    ("dicebear-initials", "Felix", "svg", ["--size", "64", "--shape", "circle"]),
]


def in_query(option: str, value: str) -> tuple[str, str]:
    """An option as an address has it."""
    if option == "-O":
        name, _, value = value.partition("=")
        return name, value
    head, *tail = option.removeprefix("--").split("-")
    return "".join((head, *map(str.title, tail))), value


@pytest.mark.parametrize("case", SAME)
def test_a_picture_is_the_one_at_its_url(
    run: Run, client: httpx.Client, tmp_path: Path, case: tuple[str, str, str, list[str]]
) -> None:
    style, seed, format_name, options = case
    run("render", style, seed, "-o", tmp_path / f"x.{format_name}", *options)
    query = dict(map(in_query, options[::2], options[1::2]))
    answer = client.get(f"/api/render/{style}.{format_name}", params={"seed": seed, **query})
    assert answer.status_code == 200, answer.text
    assert (tmp_path / f"x.{format_name}").read_bytes() == answer.content


def test_standard_output_takes_a_picture_too(run: Run) -> None:
    picture = Image.open(io.BytesIO(run("render", "pixelize", "ada", "-o", "-", "--size", "48").stdout))
    assert (picture.format, picture.size) == ("PNG", (48, 48))
    assert run("render", "pixelize", "ada", "-o", "-", "--format", "jpg").stdout.startswith(b"\xff\xd8")


def test_a_seed_may_begin_with_a_dash(run: Run) -> None:
    assert run("render", "pixelize", "-o", "-", "--format", "svg", "--", "-x").stdout.startswith(b"<svg")


@pytest.mark.parametrize(
    ("arguments", "status", "line"),
    [
        (["nonsense", "ada", "-o", "x.png"], 2, "style must be one of pixelize, wave,"),
        (
            ["pixelize", "ada", "-o", "x.gif"],
            2,
            "the name must end in a format, or --format must name one",
        ),
        (["pixelize", "ada", "-o", "x"], 2, "x: the name must end in a format"),
        (["pixelize", "ada", "-o", "x.png", "--size", "8"], 2, "size must be at least 16."),
        (["pixelize", "ada", "-o", "x.png", "--size", "1e3"], 2, "size must be a whole number in digits."),
        (["pixelize", "ada", "-o", "x.png", "--angle", "3"], 2, "angle is only for the style gradient."),
        (["pixelize", "ada", "-o", "x.png", "--primary-color", "#12"], 2, "--primary-color is"),
        (
            ["pixelize", "ada", "-o", "x.png", "-O", "eyes=x"],
            2,
            "The command line has a parameter that is not known",
        ),
        (["lorelei", "ada", "-o", "x.png", "-O", "eyes"], 2, "must be NAME=VALUE"),
        (
            ["lorelei", "ada", "-o", "x.png", "--hue", "3"],
            2,
            "The command line has an option that is not known here",
        ),
        (["wave", "ada", "-o", "x.svg"], 2, "format must be one of png, webp, avif, jpeg for the style wave"),
        (["pixelize", "x" * 257, "-o", "x.png"], 2, "seed must have at most 256 characters."),
        (["pixelize", b"\xff", "-o", "x.png"], 2, "seed must be text in UTF-8."),
        (
            ["adventurer", "ada", "-o", "x.png"],
            1,
            "The licence of this style, CC BY 4.0, is not among those in the setting",
        ),
        (["pixelize", "ada", "-o", "there/is/none/x.png"], 1, "none/x.png: No such file or directory"),
        (["pixelize", "ada", "-o", "folder.png"], 1, "folder.png: Is a directory"),
        (["pixelize", "ada", "-o", "/dev/full"], 2, "the name must end in a format"),
        (["pixelize", "ada", "-o", "/dev/full", "--format", "png"], 1, "/dev/full: No space left on device"),
    ],
)
def test_what_cannot_be_drawn_is_one_line(
    tmp_path: Path, arguments: list[str | bytes], status: int, line: str
) -> None:
    (tmp_path / "folder.png").mkdir()
    command = [*COMMAND, "render", *arguments]
    result = subprocess.run(
        command, cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False
    )
    assert (result.returncode, result.stdout) == (status, "")
    error = result.stderr.splitlines()[-1]
    assert error.startswith("Error: ")
    assert line in error
    assert "Traceback" not in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["folder.png"]


def test_a_style_is_drawn_under_the_licences_that_the_settings_list(run: Run, tmp_path: Path) -> None:
    (tmp_path / "settings.yaml").write_text('app: {dicebear: {licenses: ["CC BY 4.0"]}}')
    run("render", "adventurer", "ada", "-o", "x.svg")
    assert b"CC0 1.0" in run("render", "lorelei", "ada", "-o", "y.svg", status=1).stderr


def test_a_file_is_as_others_are_and_a_link_stays_one(run: Run, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link.png").symlink_to("real/x.png")
    run("render", "pixelize", "ada", "-o", "link.png")
    assert (tmp_path / "link.png").is_symlink()
    (tmp_path / "other").touch()
    mode = stat.S_IMODE(os.stat(tmp_path / "real" / "x.png").st_mode)
    assert mode == stat.S_IMODE(os.stat(tmp_path / "other").st_mode)
    run("render", "pixelize", "ada", "-o", "/dev/null", "--format", "png")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)
