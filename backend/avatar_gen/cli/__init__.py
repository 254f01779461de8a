"""The `avatar-gen` command. Each subcommand is a module in this package and is imported when it is called."""

import gc
import os
import sys
from contextlib import nullcontext
from importlib import import_module
from types import ModuleType
from typing import TextIO

import click
from click.shell_completion import CompletionItem

from avatar_gen import __version__
from avatar_gen.errors import AvatarError, InvalidRequest, StartupError, reason_of
from avatar_gen.runtime.interrupts import Interrupted, note_interrupts

SECTIONS: dict[str, dict[str, str]] = {
    "Draw pictures": {
        "render": "Draw one picture into a file.",
        "bulk": "Draw an avatar for each row of a list.",
    },
    "Run the service": {
        "serve": "Serve avatars over HTTP.",
        "worker": "Work on jobs that the service has received.",
        "migrate": "Migrate the tables of the database to this release.",
        "doctor": "Check everything that the service needs, and say what to do.",
        "settings": "Show the settings, and where each comes from.",
        "keys": "Make API keys that permit writing, listing or deleting.",
    },
    "Manage stored avatars": {
        "stats": "Count the stored avatars.",
        "reindex": "Rebuild the records of avatars from their objects.",
        "backup": "Back up all avatars and identity links into a folder.",
        "restore": "Restore a backup, and rebuild the database from it.",
        "copy-storage": "Copy all avatars and identity links to another storage.",
        "export": "Copy stored avatars into a folder of plain pictures.",
        "import": "Import avatars of the old service, or of an export.",
    },
    "About the program": {
        "openapi": "Print the OpenAPI document of the HTTP API.",
        "completion": "Print the completion script for a shell.",
        "version": "Show the versions of the program and its libraries.",
    },
}
"""The commands by purpose, each with its first sentence. Help does not import the commands."""

FAILED, USAGE, PARTLY, NO_READER = 1, 2, 3, 141
"""Exit statuses; docs/cli.md lists them all. A shell reports 141 for a program that SIGPIPE ended."""

_STUBS: dict[str, click.Command] = {
    name: click.Command(name, short_help=text)
    for commands in SECTIONS.values()
    for name, text in commands.items()
}

_MODULES = {"import": "legacy_import", "copy-storage": "copy_storage"}
"""Modules of commands whose names cannot be names of modules."""


class _Commands(click.Group):
    """Commands that report an error as one line and an exit status, without a traceback."""

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.commands:
            return None
        module = _import(f"{__name__}.{_MODULES.get(cmd_name, cmd_name)}")
        command: click.Command = module.command
        return command

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands by section, without importing them."""
        widest = max(map(len, self.commands))
        for title, commands in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(name.ljust(widest), text) for name, text in commands.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete the name of a command, without importing it."""
        names = [name for name in self.commands if name.startswith(incomplete)]
        found = [CompletionItem(name, help=self.commands[name].short_help) for name in names]
        return found or click.Command.shell_complete(self, ctx, incomplete)

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except Interrupted as interrupt:
            click.echo("\nInterrupted.", err=True)
            ctx.exit(interrupt.status)
        except BrokenPipeError:
            _drop_output()
            ctx.exit(NO_READER)
        except InvalidRequest as error:
            raise click.UsageError(_printable(self._describe(ctx, error))) from error
        except StartupError as error:
            raise click.ClickException(_printable(str(error))) from error
        except AvatarError as error:
            cause = error.__cause__
            reason = reason_of(cause) if isinstance(cause, Exception) else type(error).__name__
            raise click.ClickException(_printable(f"{error} ({reason})")) from error

    def _describe(self, ctx: click.Context, error: InvalidRequest) -> str:
        """Return an error in the names of the command line, which differ from those of a URL."""
        if not error.problems:
            return str(error)
        problem = error.problems[0]
        if problem.field == "query":
            return f"The command line {problem.message}."
        command = self.get_command(ctx, ctx.invoked_subcommand or "")
        names = {each.name: each.opts[0] for each in command.params} if command else {}
        name = names.get({"type": "style", "options": "others"}.get(problem.field, problem.field))
        return f"{name} {problem.message}." if name else str(error)


def _import(name: str) -> ModuleType:
    """Import a module. No garbage collection looks at what the import creates, then or later.

    Nearly all of it lives until the end of the process.
    """
    if name in sys.modules:
        return sys.modules[name]
    gc.disable()
    try:
        return import_module(name)
    finally:
        gc.freeze()
        gc.enable()


def _printable(text: str) -> str:
    # Imported here: help must not import what most commands need.
    from avatar_gen.cli.output import printable  # noqa: PLC0415

    return printable(text)


def _drop_output() -> None:
    """Discard further output. Otherwise Python writes it again at its end, and fails."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


@click.group(
    cls=_Commands,
    commands=_STUBS,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="""\b
Examples:
  avatar-gen render pixelize ada -o ada.png
  avatar-gen bulk people.csv -o avatars
  avatar-gen serve

\b
Exit status:
  0    done
  1    failed; the message gives the reason
  2    the command line is wrong
  3    finished, but some items failed; each is listed
  130  interrupted

docs/cli.md has more.""",
)
@click.version_option(__version__, message="%(version)s")
def _commands() -> None:
    """A self-hosted avatar service, and its pictures without a service.

    Settings are read from settings.yaml in the working directory, or from the file that CONFIG_PATH names,
    and from the environment. `avatar-gen COMMAND --help` has examples of each command.
    """


def main() -> None:
    """Run the command line, and end the process."""
    serves = sys.argv[1:2] in (["serve"], ["worker"])
    _open_streams(output_matters=not serves)
    try:
        # The server and the worker have handlers of their own.
        with nullcontext() if serves else note_interrupts():
            _commands.main(prog_name="avatar-gen")
    except OSError as error:
        if error.filename is None:
            _drop_output()
        click.echo(_printable(f"Error: {_describe(error)}"), err=True)
        sys.exit(FAILED)


def _describe(error: OSError) -> str:
    """Name the file, or else the output. Only the error of a library that cannot be loaded has no number."""
    if error.errno is None:
        return str(error)
    return f"{error.filename or 'output'}: {error.strerror}"


def _open_streams(*, output_matters: bool) -> None:
    """Open the standard streams that are closed, so that no other file gets their numbers.

    If the output of the command matters, standard output refuses writes, so that output does not get lost
    unnoticed.
    """
    output = os.O_RDONLY if output_matters else os.O_WRONLY
    for number, mode in enumerate((os.O_RDONLY, output, os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, mode)
    sys.stdin = sys.stdin or open(0, closefd=False, encoding="utf-8")  # noqa: SIM115 - for the whole process
    sys.stdout, sys.stderr = _to_write(1, sys.stdout), _to_write(2, sys.stderr)


def _to_write(number: int, stream: TextIO | None) -> TextIO:
    """Return a stream that writes everything or fails. With PYTHONUNBUFFERED, Python's stream drops bytes.

    Characters that the locale does not have are written as escapes.
    """
    encoding = stream.encoding if stream else "utf-8"
    return open(number, "w", closefd=False, encoding=encoding, errors="backslashreplace")
