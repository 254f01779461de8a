"""What is true of every command."""

import gc
import json
import os
import pty
import re
import shlex
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import click
import pytest

from avatar_gen import __version__
from avatar_gen.cli import _MODULES, SECTIONS, _import
from tests.cli.conftest import COMMAND, Run, environment

NAMES = [name for commands in SECTIONS.values() for name in commands]
SENTENCES = {name: text for commands in SECTIONS.values() for name, text in commands.items()}

PAGE = (Path(__file__).parents[2] / "docs" / "cli.md").read_text(encoding="utf-8")


def load(name: str) -> click.Command:
    command: click.Command = import_module(f"avatar_gen.cli.{_MODULES.get(name, name)}").command
    return command


def leaves() -> list[tuple[str, click.Command]]:
    """Every command that does something, by all of its name."""
    found: list[tuple[str, click.Command]] = []
    for name in NAMES:
        command = load(name)
        if isinstance(command, click.Group):
            found += [(f"{name} {below}", each) for below, each in command.commands.items()]
        else:
            found.append((name, command))
    return found


def options(command: click.Command) -> set[str]:
    return {
        name
        for parameter in command.params
        if isinstance(parameter, click.Option) and not parameter.hidden
        for name in (*parameter.opts, *parameter.secondary_opts)
        if name.startswith("--")
    }


def test_every_module_is_a_command() -> None:
    folder = Path(import_module("avatar_gen.cli").__file__ or "").parent
    helpers = {"__init__", "output", "render_options"}
    assert {path.stem for path in folder.glob("*.py")} - helpers == {
        _MODULES.get(name, name) for name in NAMES
    }


@pytest.mark.parametrize("name", NAMES)
def test_the_first_sentence_of_its_help_is_that_of_the_list(name: str) -> None:
    assert (load(name).help or "").partition("\n")[0] == SENTENCES[name]
    assert load(name).name == name


@pytest.mark.parametrize(("name", "command"), leaves())
def test_its_help_has_examples_that_can_be_parsed(
    name: str, command: click.Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in ("exported", "old/storage/avatars"):
        (tmp_path / folder).mkdir(parents=True)
    lines = re.findall(rf"avatar-gen {name}\b([^|#>)\n]*)", command.epilog or "")
    assert lines
    for line in lines:
        command.make_context(name, shlex.split(line))


@pytest.mark.parametrize(("name", "command"), leaves())
def test_the_page_has_every_command_and_every_option(name: str, command: click.Command) -> None:
    section = re.search(rf"^## `avatar-gen {name}\b.*?(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert section, f"docs/cli.md has no section on {name}"
    written = set(re.findall(r"--[a-z][a-z-]+", section[0]))
    assert written >= options(command)
    known = options(command) | {"--help", "--version"}
    others = {each for other in map(load, NAMES) for each in options(other)}
    assert written - known <= others, "it speaks of options that there are not"


def test_the_page_has_the_exit_statuses(run: Run) -> None:
    statuses = {int(number) for number in re.findall(r"^\| ([0-9]+) \|", PAGE, re.MULTILINE)}
    assert statuses == {0, 1, 2, 3, 130, 141, 143}
    said = run("--help").stdout.decode().partition("Exit status:")[2]
    assert {int(number) for number in re.findall(r"^ +([0-9]+) ", said, re.MULTILINE)} <= statuses


def test_help_and_version(run: Run) -> None:
    text = run("--help").stdout.decode()
    assert text.startswith("Usage: avatar-gen [OPTIONS] COMMAND")
    for name in NAMES:
        assert re.search(rf"^  {name} +{re.escape(SENTENCES[name])}$", text, re.MULTILINE)
    assert run("--version").stdout.decode() == f"{__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["nonsense"], "No such command 'nonsense'"),
        (["rendr"], "Did you mean"),
        (["render"], "Missing argument 'STYLE'"),
        (["render", "pixelize", "ada"], "Missing option '--output' / '-o'"),
        (["render", "pixelize", "ada", "-o", "a.png", "--sise", "3"], "No such option"),
        (["bulk", "people.csv"], "Give a target: either -o DIR or --store."),
        (["import"], "Give a source: --storage FOLDER"),
        (["completion", "tcsh"], "'tcsh' is not one of 'bash', 'zsh', 'fish'"),
        (["settings"], "Usage: avatar-gen settings"),
    ],
)
def test_a_wrong_command_line_has_status_2(run: Run, arguments: list[str], line: str) -> None:
    result = run(*arguments, status=2)
    assert line in result.stderr.decode()
    assert result.stdout == b""


@pytest.mark.parametrize(
    ("arguments", "forbidden"),
    [
        (["--help"], {"avatar_gen.settings.schema", "numpy", "fastapi", "pydantic", "sqlalchemy"}),
        (["version"], {"fastapi", "uvicorn", "psycopg"}),
        (["settings", "show"], {"fastapi", "numpy", "psycopg"}),
    ],
)
def test_little_is_imported_for_little(tmp_path: Path, arguments: list[str], forbidden: set[str]) -> None:
    """Not a timing: that nothing heavy is imported which a command does not need."""
    command = [sys.executable, "-X", "importtime", "-m", "avatar_gen", *arguments]
    result = subprocess.run(
        command, cwd=tmp_path, env=environment(), capture_output=True, text=True, check=True
    )
    imported = {line.rpartition("|")[2].strip() for line in result.stderr.splitlines()}
    assert "avatar_gen.cli" in imported
    assert not imported & forbidden


def test_no_garbage_collection_looks_at_what_an_import_creates(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise they take a fifth of the time of each start."""
    lines = [
        "import gc",
        "before = gc.get_stats()",
        "lists = [[] for _ in range(100_000)]",
        "after = gc.get_stats()",
    ]
    (tmp_path / "imported_once.py").write_text("\n".join(lines))
    monkeypatch.syspath_prepend(tmp_path)
    try:
        module = _import("imported_once")
        assert module.after == module.before
        assert gc.get_freeze_count() > 100_000
        assert gc.isenabled()
        assert _import("imported_once") is module
    finally:
        del sys.modules["imported_once"]


def complete(tmp_path: Path, *words: str) -> set[str]:
    """What a real bash offers in place of the last word."""
    script = f"""
        eval "$(avatar-gen completion bash)"
        COMP_WORDS=(avatar-gen {" ".join(words[:-1])} "{words[-1]}"); COMP_CWORD={len(words)}
        _avatar_gen_completion avatar-gen
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    (tmp_path / "bin").mkdir(exist_ok=True)
    program = tmp_path / "bin" / "avatar-gen"
    program.write_text(f'#!/bin/sh\nexec {" ".join(COMMAND)} "$@"\n')
    program.chmod(0o755)
    environ = environment(PATH=f"{program.parent}:{os.environ['PATH']}")
    command = ["bash", "-c", script]
    result = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=True)
    return set(result.stdout.split())


def test_bash_completes_it(tmp_path: Path) -> None:
    assert complete(tmp_path, "re") == {"render", "reindex", "restore"}
    assert complete(tmp_path, "render", "pixel-a") == {"pixel-art", "pixel-art-neutral"}
    assert complete(tmp_path, "render", "pixelize", "ada", "--sh") == {"--shape"}
    shapes = {"square", "circle", "rounded", "squircle", "hexagon"}
    assert complete(tmp_path, "render", "pixelize", "ada", "--shape", "") == shapes
    assert complete(tmp_path, "settings", "") == {"show"}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_there_is_a_completion_for_each_shell(run: Run, shell: str) -> None:
    script = run("completion", shell).stdout.decode()
    assert f"_AVATAR_GEN_COMPLETE={shell}_complete" in script


def test_versions_are_those_of_what_runs(run: Run) -> None:
    import PIL  # noqa: PLC0415
    import pyvips  # noqa: PLC0415

    found = json.loads(run("version", "--json").stdout)
    assert found["avatar-gen"] == __version__
    assert found["libvips"] == ".".join(str(pyvips.version(part)) for part in range(3))
    assert found["Pillow"] == PIL.__version__
    assert found["Python"] == sys.version.split()[0]
    assert re.fullmatch(r"3\.[0-9.]+", found["SQLite"])
    text = run("version").stdout.decode()
    for name, number in found.items():
        assert re.search(rf"^{name} +{re.escape(number)}$", text, re.MULTILINE)


def test_the_document_is_that_of_the_service(run: Run) -> None:
    document = json.loads(run("openapi").stdout)
    assert document["openapi"].startswith("3.")
    assert "/api/generate" in document["paths"]
    assert "/api/render/{style}/{seed}.{format}" in document["paths"]


def in_terminal(tmp_path: Path, *arguments: str) -> str:
    """What a command writes to a terminal, bars and all."""
    master, slave = pty.openpty()
    with subprocess.Popen(
        [*COMMAND, *arguments],
        cwd=tmp_path,
        env=environment(TERM="xterm"),
        stdin=slave,
        stdout=slave,
        stderr=slave,
    ) as process:
        os.close(slave)
        written = b""
        # Linux says by an error that the other end is closed.
        try:
            while data := os.read(master, 65536):
                written += data
        except OSError:
            pass
        assert process.wait() == 0
    os.close(master)
    return written.decode()


def test_progress_and_colour_are_for_terminals_alone(run: Run, tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text("name\n" + "".join(f"person {i}\n" for i in range(300)))
    shown = in_terminal(tmp_path, "bulk", "people.csv", "-o", "shown")
    assert re.search(r"Drawing  \[#+\]  +100%.* [0-9,]+/s", shown)
    assert "300 made" in shown
    assert "\x1b[" in in_terminal(tmp_path, "doctor")
    quiet = run("bulk", "people.csv", "-o", "quiet")
    assert quiet.stderr == b""
    assert quiet.stdout == b"300 made, 0 were there already, 0 repeated, 0 refused.\n"
    assert b"\x1b" not in run("doctor").stdout


def test_a_picture_is_not_written_to_a_terminal(tmp_path: Path) -> None:
    with pytest.raises(AssertionError):
        in_terminal(tmp_path, "render", "pixelize", "ada", "-o", "-")
    assert in_terminal(tmp_path, "render", "pixelize", "ada", "--format", "svg", "-o", "-").startswith(
        "<svg "
    )
