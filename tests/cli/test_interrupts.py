"""SIGINT and SIGTERM end every command that works on many avatars, whatever they interrupt."""

import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from tests.cli.conftest import COMMAND, environment
from tests.cli.test_bulk import assert_folder, people
from tests.servers.waiting import wait_until

STATUSES = pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])


IN_A_CALLBACK = """
import ctypes, signal, sys
from avatar_gen.runtime.interrupts import Interrupted, check_interrupted, note_interrupts
with note_interrupts():
    check_interrupted()
    ctypes.CFUNCTYPE(None)(lambda: signal.raise_signal(int(sys.argv[1])))()
    try:
        check_interrupted()
    except Interrupted as interrupt:
        sys.exit(interrupt.status)
"""


@STATUSES
def test_a_signal_in_a_callback_of_native_code_is_not_lost(number: signal.Signals, status: int) -> None:
    """ctypes and cffi print what a callback raises, and go on."""
    program = [sys.executable, "-c", IN_A_CALLBACK, str(int(number))]
    result = subprocess.run(program, check=False, capture_output=True)
    assert (result.returncode, result.stderr) == (status, b"")


@STATUSES
def test_a_run_in_one_process_ends(tmp_path: Path, number: signal.Signals, status: int) -> None:
    """libvips calls Python back while it draws, so that most signals come during a callback."""
    people(tmp_path / "people.csv", 400)
    out = tmp_path / "out"
    arguments = ("bulk", "people.csv", "-o", "out", "--jobs", "1", "--style", "marble", "--size", "1024")
    with subprocess.Popen(
        [*COMMAND, *arguments], cwd=tmp_path, env=environment(), stderr=subprocess.PIPE
    ) as process:
        wait_until(lambda: any(out.glob("*.png")))
        process.send_signal(number)
        _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (status, b"\nInterrupted.\n")
    assert 0 < len(list(out.glob("*.png"))) < 400


@STATUSES
def test_a_command_that_waits_ends(tmp_path: Path, number: signal.Signals, status: int) -> None:
    """It reads a pipe that nobody writes to."""
    with subprocess.Popen(
        [*COMMAND, "bulk", "-", "-o", "out"],
        cwd=tmp_path,
        env=environment(),
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        wait_until((tmp_path / "out" / ".incoming").exists)
        process.send_signal(number)
        # Not communicate(), which would close its input.
        assert process.wait(timeout=60) == status
        assert process.stderr
        assert process.stderr.read() == b"\nInterrupted.\n"


BEFORE_A_READ = """
import signal, sys
from avatar_gen.runtime.interrupts import note_interrupts
with note_interrupts():
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    print("reads", flush=True)
    sys.stdin.read()
"""


@STATUSES
def test_a_signal_just_before_a_read_is_not_lost(number: signal.Signals, status: int) -> None:
    """Such a signal does not interrupt the read, like one that another thread takes."""
    with subprocess.Popen(
        [sys.executable, "-c", BEFORE_A_READ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == b"reads\n"
        process.send_signal(number)
        try:
            assert process.wait(timeout=60) == status
        finally:
            process.kill()
        assert process.stderr
        assert process.stderr.read() == b"\nInterrupted.\n"


def takes_sigterm(number: int) -> bool:
    """Whether the process has installed a handler, which it does before it imports its modules."""
    status = Path(f"/proc/{number}/status").read_text(encoding="ascii")
    return bool(int(status.partition("SigCgt:")[2].split()[0], 16) & 1 << signal.SIGTERM - 1)


def test_the_start_of_a_command_is_interrupted_without_a_traceback(tmp_path: Path) -> None:
    for _ in range(3):
        with subprocess.Popen(
            [*COMMAND, "bulk", "-", "-o", "out"],
            cwd=tmp_path,
            env=environment(),
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process:
            wait_until(partial(takes_sigterm, process.pid))
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=60) == 130
            assert process.stderr
            assert b"Traceback" not in process.stderr.read()


def test_a_command_in_the_background_ignores_what_its_shell_ignores_for_it(tmp_path: Path) -> None:
    """A shell starts `command &` with SIGINT ignored, so that Ctrl-C is for the command in front alone."""
    with subprocess.Popen(
        ["env", "--ignore-signal=INT", *COMMAND, "bulk", "-", "-o", "out"],  # noqa: S607
        cwd=tmp_path,
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        wait_until((tmp_path / "out" / ".incoming").exists)
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(b"name\nada\n", timeout=60)
    assert (process.returncode, output.partition(b",")[0]) == (0, b"1 made")
    assert_folder(tmp_path / "out", 1)
