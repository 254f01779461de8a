"""The processes that decode photographs: what they may do, and what happens when they end."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from avatar_gen.errors import InvalidRequest, UploadsUnavailable
from avatar_gen.imaging import photo_decoder, photo_process
from avatar_gen.imaging.photo_process import PhotoDecoder
from avatar_gen.imaging.vips import Pixels
from tests.imaging.hostile import flat_png
from tests.imaging.test_photographs import LIMITS, PHOTOGRAPHS

PHOTOGRAPH = PHOTOGRAPHS / "turned-1.jpg"

linux_only = pytest.mark.skipif(not Path("/proc/self").exists(), reason="it asks Linux for its processes")


@pytest.fixture
def decoder() -> Iterator[PhotoDecoder]:
    made = PhotoDecoder(LIMITS)
    yield made
    made.close()


def decode(decoder: PhotoDecoder, path: Path = PHOTOGRAPH) -> Pixels:
    with path.open("rb") as file:
        return decoder.decode(file.fileno())


def process_of(decoder: PhotoDecoder) -> int:
    assert decoder._process
    return decoder._process.pid


def children_of(process: int) -> list[int]:
    """The processes that a process has started, in any of its threads."""
    threads = Path(f"/proc/{process}/task").iterdir()
    return [int(each) for thread in threads for each in (thread / "children").read_text().split()]


def confined(code: str) -> subprocess.CompletedProcess[str]:
    """Run code in a process that has confined itself, and has imported only the program."""
    program = Path(photo_decoder.__file__).parent
    before = f"import sys; sys.path.insert(0, {str(program)!r}); import photo_decoder, socket, os, mmap\n"
    confine = "photo_decoder.block_other_loaders(); photo_decoder.confine(50_000_000, 20)\n"
    return subprocess.run(
        [sys.executable, "-I", "-c", before + confine + code], capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small file of 49 million pixels, each with four channels of 16 bits, which take seconds to scale."""
    path = tmp_path_factory.mktemp("slow") / "slow.png"
    path.write_bytes(flat_png(7000, 7000, depth=16, kind=6))
    return path


@linux_only
def test_it_starts_with_the_first_photograph_and_holds_nothing_of_the_service(decoder: PhotoDecoder) -> None:
    assert decoder._process is None
    decode(decoder)
    process = Path(f"/proc/{process_of(decoder)}")
    assert (process / "environ").read_bytes() == b""
    assert os.readlink(process / "cwd") == "/"
    # Standard input, output and errors; the first is the socket of the tasks.
    assert sorted(os.listdir(process / "fd")) == ["0", "1", "2"]
    memory = {
        line.split()[0]: int(line.split()[1])
        for line in (process / "status").read_text().splitlines()
        if line.endswith(" kB")
    }
    assert memory["RssAnon:"] < 20_000


@linux_only
@pytest.mark.parametrize(
    "attempt",
    [
        "open('/etc/passwd')",
        "open('/tmp/new', 'w')",
        "socket.socket()",
        "socket.create_connection(('127.0.0.1', 1))",
        "os.pipe()",
        "os.close(0); socket.socket()",
    ],
)
def test_a_confined_process_opens_neither_files_nor_sockets(attempt: str) -> None:
    result = confined(attempt)
    assert result.returncode == 1
    assert "Too many open files" in result.stderr


@linux_only
def test_a_confined_process_has_little_memory() -> None:
    assert "MemoryError" in confined("bytearray(60_000_000)").stderr
    assert confined("bytearray(40_000_000)").returncode == 0


@linux_only
def test_a_confined_process_ends_when_its_time_is_over() -> None:
    assert (
        confined("import signal; signal.setitimer(signal.ITIMER_REAL, 0.01)\nwhile True: pass").returncode < 0
    )


@pytest.mark.parametrize(
    "attempt",
    [
        'pyvips.Image.svgload_buffer(b\'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>\')',
        "pyvips.Image.new_from_file('/etc/passwd')",
        "pyvips.Image.black(9, 9).pngsave_buffer()",
        "pyvips.Image.black(9, 9).write_to_file('/tmp/x.v')",
    ],
)
def test_no_other_loader_and_no_saver_can_be_used(attempt: str) -> None:
    program = Path(photo_decoder.__file__).parent
    code = f"import sys; sys.path.insert(0, {str(program)!r}); import photo_decoder, pyvips\n"
    code += f"photo_decoder.block_other_loaders()\n{attempt}"
    result = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=False)
    assert "pyvips.error.Error" in result.stderr


@linux_only
def test_a_killed_process_is_replaced(decoder: PhotoDecoder) -> None:
    before = decode(decoder)
    first = process_of(decoder)
    os.kill(first, 9)
    assert (decode(decoder) == before).all()
    assert process_of(decoder) != first


@linux_only
def test_a_photograph_that_is_decoded_when_the_process_is_killed_is_decoded_again(
    decoder: PhotoDecoder, slow: Path
) -> None:
    decode(decoder)
    first = process_of(decoder)

    def kill() -> None:
        while not children_of(first):
            time.sleep(0.001)
        os.killpg(first, 9)

    killer = threading.Thread(target=kill)
    killer.start()
    assert decode(decoder, slow).shape == (1024, 1024, 3)
    killer.join()
    assert process_of(decoder) != first


def test_a_photograph_that_takes_too_long_is_refused_and_ends_no_other(
    decoder: PhotoDecoder, slow: Path
) -> None:
    decode(decoder)
    process = process_of(decoder)
    decoder._limits = LIMITS._replace(timeout=0.2)
    with pytest.raises(InvalidRequest, match="takes too long"):
        decode(decoder, slow)
    decoder._limits = LIMITS
    assert decoder.killed == 1
    assert process_of(decoder) == process
    assert decode(decoder).shape == (120, 120, 3)


def test_a_process_that_never_answers_is_killed(
    decoder: PhotoDecoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(photo_process, "_GRACE_SECONDS", -LIMITS.timeout)
    with pytest.raises(InvalidRequest, match="cannot be decoded"):
        decode(decoder)
    assert decoder._process is None


def test_a_program_that_does_not_start_is_an_error_of_the_service(
    decoder: PhotoDecoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(UploadsUnavailable):
        decode(decoder)


def test_a_program_that_ends_at_once_is_an_error_of_the_service(
    decoder: PhotoDecoder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.py"
    broken.write_text("import no_such_library")
    monkeypatch.setattr(photo_process, "_PROGRAM", broken)
    with pytest.raises(UploadsUnavailable):
        decode(decoder)


def test_a_closed_decoder_starts_no_process(decoder: PhotoDecoder) -> None:
    decode(decoder)
    decoder.close()
    with pytest.raises(UploadsUnavailable):
        decode(decoder)
    assert decoder._process is None


@linux_only
def test_nothing_is_left_behind(decoder: PhotoDecoder) -> None:
    decode(decoder)
    open_before = len(os.listdir("/proc/self/fd"))
    process = process_of(decoder)
    for _ in range(20):
        decode(decoder)
    assert process_of(decoder) == process
    assert len(os.listdir("/proc/self/fd")) == open_before
    assert len(os.listdir(f"/proc/{process}/fd")) == 3
    decoder.close()
    assert not Path(f"/proc/{process}").exists()
