import fcntl
import logging
import os
import threading
import time
from collections.abc import Sequence

import pytest

from avatar_gen.telemetry import logs
from avatar_gen.telemetry.log_writer import BUFFER_LIMIT, LogWriter, to_descriptor


class Gate:
    """An output that stands still until it is opened."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.is_open = threading.Event()
        self.is_reached = threading.Event()

    def write(self, lines: Sequence[str]) -> None:
        self.is_reached.set()
        assert self.is_open.wait(60)
        self.lines += lines


def writer_to(gate: Gate) -> LogWriter:
    return LogWriter(gate.write, note_dropped=lambda count: f"{count} dropped\n")


def test_lines_are_written_in_order() -> None:
    gate = Gate()
    gate.is_open.set()
    writer = writer_to(gate)
    for number in range(1000):
        writer.add(f"{number}\n", at_once=number % 100 == 0)
    writer.close()
    assert gate.lines == [f"{number}\n" for number in range(1000)]


def test_an_output_that_blocks_loses_lines_and_delays_nothing() -> None:
    gate = Gate()
    writer = writer_to(gate)
    writer.add("first\n", at_once=True)
    assert gate.is_reached.wait(60)
    line = "x" * 999 + "\n"
    for _ in range(BUFFER_LIMIT // 1000 + 51):
        writer.add(line)
    assert writer.dropped == 50
    gate.is_open.set()
    writer.flush()
    assert gate.lines[0] == "first\n"
    assert gate.lines[-1] == "50 dropped\n"
    assert len(gate.lines) == BUFFER_LIMIT // 1000 + 3
    writer.add("later\n")
    writer.close()
    assert gate.lines[-1] == "later\n"


def test_the_end_waits_for_a_bounded_time() -> None:
    gate = Gate()
    writer = writer_to(gate)
    writer.add("x\n", at_once=True)
    started = time.monotonic()
    writer.close()
    assert time.monotonic() - started < 30
    gate.is_open.set()


def test_an_output_that_fails_is_tried_again() -> None:
    written: list[str] = []

    def write(lines: Sequence[str]) -> None:
        if not written:
            written.append("")
            raise BrokenPipeError
        written.extend(lines)

    writer = LogWriter(write, note_dropped=str)
    writer.add("lost\n", at_once=True)
    writer.flush()
    writer.add("there\n", at_once=True)
    writer.close()
    assert written == ["", "there\n"]


def test_a_pipe_that_does_not_block_gets_all_of_a_line() -> None:
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETFL, os.O_NONBLOCK)
    text = "x" * 500_000 + "\ud800\n"
    thread = threading.Thread(target=to_descriptor(writer), args=([text],))
    thread.start()
    received = b""
    while not received.endswith(b"\n"):
        received += os.read(reader, 1 << 16)
    thread.join()
    assert received == b"x" * 500_000 + b"\\ud800\n"
    os.close(reader)
    os.close(writer)


def test_logging_still_has_the_internals_that_are_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_srcfile", "logThreads", "logProcesses", "logMultiprocessing"):
        monkeypatch.setattr(logging, name, getattr(logging, name))
    logs.skip_unused_details()
    found: list[logging.LogRecord] = []
    handler = logging.Handler()
    monkeypatch.setattr(handler, "emit", found.append)
    logger = logging.getLogger("tests.telemetry.internals")
    logger.propagate = False
    logger.addHandler(handler)
    logger.warning("x")
    assert (found[0].lineno, found[0].thread, found[0].process, found[0].processName) == (0, None, None, None)
