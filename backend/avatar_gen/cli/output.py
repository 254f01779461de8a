"""The output of commands: JSON, text, and a progress bar in terminals."""

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING

import click

from avatar_gen.runtime.interrupts import check_interrupted
from avatar_gen.services.output_folder import replace_file

if TYPE_CHECKING:
    from click._termui_impl import ProgressBar

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")

Reach = Callable[[float, int], None]
"""Takes the finished share, 0 to 1, and the number of processed avatars."""


def print_json(value: object) -> None:
    """Print a value in ASCII, whatever the locale has."""
    click.echo(json.dumps(value, indent=2))


def printable(text: str) -> str:
    """Return a text without control characters, which could move the cursor or change the terminal."""
    return "".join(
        each if each.isprintable() or each == "\n" else each.encode("unicode_escape", "replace").decode()
        for each in text
    )


def warn(text: str) -> None:
    """Print a line to standard error, over a progress bar if there is one."""
    clear = "\r\x1b[K" if sys.stderr.isatty() else ""
    click.echo(f"{clear}{printable(text)}", err=True)


@contextmanager
def progress(label: str) -> Iterator[Reach]:
    """Show a bar with the rate and the time left if standard error is a terminal.

    The function that it yields also raises `Interrupted` if the command was interrupted.
    """
    start = time.monotonic()

    def rate(done: int | None) -> str:
        return f"{done / max(time.monotonic() - start, 0.001):,.0f}/s" if done else ""

    bar: ProgressBar[int] = click.progressbar(
        length=1000, label=label, file=sys.stderr, hidden=not sys.stderr.isatty(), item_show_func=rate
    )

    def reach(part: float, done: int) -> None:
        check_interrupted()
        bar.update(round(part * 1000) - bar.pos, done)

    with bar:
        yield reach


def write_file(path: Path, data: bytes) -> None:
    """Write a file whole or not at all. A device or a pipe is written as it is."""
    if path.exists() and not path.is_file():
        try:
            path.write_bytes(data)
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(path)) from error
        return
    path = path.resolve()
    replace_file(str(path), f"{path}.{token_hex(4)}.part", data)
