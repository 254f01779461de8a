"""Commands of the service, run inside the test process: a process of its own takes a second to import."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import chdir, contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO
from unittest.mock import patch

from avatar_gen.cli import main
from avatar_gen.settings.loader import ENVIRONMENT

COMMAND = [sys.executable, "-m", "avatar_gen"]
"""The command as a process, for tests of signals, terminals and standard streams."""

Result = subprocess.CompletedProcess[bytes]


def environment(**changes: str) -> dict[str, str]:
    """Return the environment of this process without the service's own variables, and with `changes`."""
    ours = {*ENVIRONMENT, "CONFIG_PATH", "APP_ENV", "NODE_ENV"}
    return {**{name: value for name, value in os.environ.items() if name not in ours}, **changes}


def restore_interrupts() -> None:
    """Handle SIGINT as a program in the foreground does, if this process was started with it ignored.

    A shell starts background jobs with SIGINT ignored. Child processes inherit that and would survive the
    signals that tests send.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def run_command(*arguments: str, folder: Path, environ: Mapping[str, str], stdin: bytes = b"") -> Result:
    """Run `avatar-gen` with these arguments in `folder`; return its exit status and what it wrote."""
    with (
        chdir(folder),
        patch.dict(os.environ, environ, clear=True),
        patch.object(sys, "argv", ["avatar-gen", *arguments]),
        _signal_handlers_restored(),
        _standard_streams(stdin) as (output, errors),
    ):
        status = _exit_status()
        written, said = _content(output), _content(errors)
    return subprocess.CompletedProcess(list(arguments), status, written, said)


def _exit_status() -> int:
    try:
        main()
    except SystemExit as end:
        if isinstance(end.code, str):
            sys.stderr.write(f"{end.code}\n")
            return 1
        return end.code or 0
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


@contextmanager
def _signal_handlers_restored() -> Iterator[None]:
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    handlers = [signal.getsignal(number) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, handlers, strict=True):
            signal.signal(number, handler)


@contextmanager
def _standard_streams(stdin: bytes) -> Iterator[tuple[BinaryIO, BinaryIO]]:
    """Have files for standard output and error, in Python and in the descriptors that children inherit."""
    before = sys.stdin, sys.stdout, sys.stderr
    saved = [os.dup(number) for number in range(3)]
    with TemporaryFile() as source, TemporaryFile() as output, TemporaryFile() as errors:
        source.write(stdin)
        source.seek(0)
        try:
            for number, file in enumerate((source, output, errors)):
                os.dup2(file.fileno(), number)
            sys.stdin = open(0, closefd=False, encoding="utf-8")  # noqa: SIM115 - restored below
            yield output, errors
        finally:
            sys.stdin, sys.stdout, sys.stderr = before
            for number, descriptor in enumerate(saved):
                os.dup2(descriptor, number)
                os.close(descriptor)


def _content(file: BinaryIO) -> bytes:
    file.seek(0)
    return file.read()
