"""The processes that decode photographs, from the side of the service. `photo_decoder` is their program."""

import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from threading import Lock
from typing import NamedTuple

import numpy as np

from avatar_gen.drawing.palette import Colour
from avatar_gen.errors import InvalidRequest, Problem, UnsupportedUpload, UploadsUnavailable
from avatar_gen.imaging.photo_decoder import ANSWER, PING, Gravity, Outcome, Rectangle, Task
from avatar_gen.imaging.vips import Pixels

PHOTO_PX = 1024
"""The largest width of a stored photograph."""

MIN_PHOTO_PX = 16
"""The lowest width and height of a photograph."""

GRAVITIES = {each.name.lower(): each for each in Gravity}

HEAD_SIZE = 64
"""The bytes of a file that tell its kind."""

_KINDS = "JPEG, PNG, WebP, AVIF or GIF"

_PROGRAM = Path(__file__).with_name("photo_decoder.py")

_BYTES_PER_PIXEL = 8
_OTHER_BYTES = 64_000_000
"""Memory of a decoder: a progressive JPEG needs six bytes for each of its pixels, an interlaced PNG eight."""

_GRACE_SECONDS = 2.0
"""Time beyond the timeout in which the kernel ends a process. After it, the service kills its processes."""

_NOT_NOW = "No photograph can be decoded now. Try again later."

_MAX_ANSWER_BYTES = ANSWER.size + PHOTO_PX * PHOTO_PX * 3


class PhotoOptions(NamedTuple):
    """Which part of a photograph is shown, and on which background."""

    crop: Rectangle | None = None
    """A region of the upright picture in px. None for the whole."""
    gravity: str | None = None
    """A key of `GRAVITIES`: the part of a region that is not square. None for the default."""
    background: Colour = Colour(255, 255, 255)


class PhotoLimits(NamedTuple):
    """The limits of decoding one photograph."""

    max_pixels: int
    timeout: float
    """Seconds."""


def kind_of(head: bytes) -> str:
    """Return the kind of a file, a key of `LOADERS`, by its first `HEAD_SIZE` bytes.

    Raises `UnsupportedUpload` for every other kind.
    """
    if not head:
        raise UnsupportedUpload(f"The file is empty. Send {_KINDS}.")
    if head.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "webp"
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "gif"
    brands = _brands(head)
    if brands & {b"avif", b"avis"}:
        return "avif"
    if brands & _HEIC:
        raise UnsupportedUpload(
            "HEIC photographs are not supported. Convert the photograph to JPEG, or set the camera of the"
            " iPhone to Most Compatible."
        )
    raise UnsupportedUpload(f"The service does not support this kind of file. Send {_KINDS}.")


_HEIC = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}


def _brands(head: bytes) -> set[bytes]:
    """Return the brands of a file in ISO's base media file format (ISO/IEC 14496-12, 4.3)."""
    if head[4:8] != b"ftyp":
        return set()
    end = min(int.from_bytes(head[:4], "big"), len(head))
    return {head[8:12], *(head[at : at + 4] for at in range(16, end - 3, 4))}


def memory_to_decode(pixels: int) -> int:
    """Return the bytes that a process may take for a photograph of up to so many pixels."""
    return _OTHER_BYTES + _BYTES_PER_PIXEL * pixels


class PhotoDecoder:
    """Decodes photographs in other processes, which start with the first one. Threads may share it."""

    def __init__(self, limits: PhotoLimits) -> None:
        self._limits = limits
        self._lock = Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._tasks: socket.socket | None = None
        self._is_closed = False
        self.killed = 0
        """Photographs whose process ended without an answer."""

    def decode(self, file: int, options: PhotoOptions = PhotoOptions()) -> Pixels:  # noqa: B008 - immutable
        """Return the pixels of a photograph: square, upright, at most `PHOTO_PX` wide, without alpha.

        `file` is the descriptor of a file, which is read from its beginning. It blocks. Raises
        `UnsupportedUpload`, `InvalidRequest` and `UploadsUnavailable`.
        """
        task = self._task(kind_of(os.pread(file, HEAD_SIZE, 0)), options)
        answer = self._ask(file, task)
        if not answer:
            self.killed += 1
        return _pixels(answer, self._limits)

    def close(self) -> None:
        """End the processes, and start no others."""
        with self._lock:
            self._is_closed = True
            self._end()

    def _task(self, kind: str, options: PhotoOptions) -> Task:
        usual = "attention" if options.crop is None else "centre"
        return Task(
            kind=kind,
            px=PHOTO_PX,
            min_px=MIN_PHOTO_PX,
            max_pixels=self._limits.max_pixels,
            max_bytes=memory_to_decode(self._limits.max_pixels),
            seconds=self._limits.timeout,
            gravity=GRAVITIES[options.gravity or usual],
            background=options.background,
            crop=options.crop or (0, 0, 0, 0),
        )

    def _ask(self, file: int, task: Task) -> bytes:
        """Return the whole answer of a process, or nothing if the photograph ended it."""
        for _ in range(2):
            process, pipe = self._send(file, task)
            with open(pipe, "rb", buffering=0) as reading:
                answer = _read(reading.fileno(), self._limits.timeout + _GRACE_SECONDS)
            if answer is None:
                self._kill(process)
                return b""
            if _is_whole(answer):
                return answer
            # Either the photograph has ended its own process, or all processes have ended.
            if self._is_running(process):
                return b""
        raise UploadsUnavailable(_NOT_NOW)

    def _send(self, file: int, task: Task) -> tuple[subprocess.Popen[bytes], int]:
        """Start decoding. Return the process to which the task was given, and the pipe of the answer."""
        reading, writing = os.pipe()
        try:
            with self._lock:
                return self._give(task.pack(), [file, writing]), reading
        except OSError as error:
            os.close(reading)
            raise UploadsUnavailable(_NOT_NOW) from error
        finally:
            os.close(writing)

    def _give(self, data: bytes, descriptors: list[int]) -> subprocess.Popen[bytes]:
        for _ in range(0 if self._is_closed else 2):
            process, tasks = self._started()
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                socket.send_fds(tasks, [data], descriptors)
                return process
            self._end()
        raise OSError("the decoder does not start")

    def _started(self) -> tuple[subprocess.Popen[bytes], socket.socket]:
        """Return the running process, and the socket on which it takes tasks."""
        if self._process is not None and self._tasks is not None and self._process.poll() is None:
            return self._process, self._tasks
        self._end()
        self._tasks, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - our own program
                [sys.executable, "-I", str(_PROGRAM)],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                env={},
                cwd="/",
                start_new_session=True,
            )
        return self._process, self._tasks

    def _is_running(self, process: subprocess.Popen[bytes]) -> bool:
        """Return whether the program that received a task still answers. A dying process may look alive."""
        with self._lock:
            if process is not self._process or self._tasks is None:
                return False
            try:
                self._tasks.settimeout(_GRACE_SECONDS)
                self._tasks.sendall(PING)
                is_running = self._tasks.recv(1) == PING
            except OSError:
                is_running = False
            if not is_running:
                self._end()
            return is_running

    def _kill(self, process: subprocess.Popen[bytes]) -> None:
        """End the processes, unless new ones have replaced them. Other photographs are decoded again."""
        with self._lock:
            if process is self._process:
                self._end()

    def _end(self) -> None:
        if self._tasks is not None:
            self._tasks.close()
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._process = self._tasks = None


def _read(pipe: int, timeout: float) -> bytes | None:
    """Return all bytes of a pipe until it is closed, or None after the timeout or if there are too many."""
    deadline = time.monotonic() + timeout
    received = bytearray()
    poll = select.poll()
    poll.register(pipe, select.POLLIN)
    while len(received) <= _MAX_ANSWER_BYTES:
        if not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
            return None
        piece = os.read(pipe, 1 << 20)
        if not piece:
            return bytes(received)
        received += piece
    return None


def _is_whole(answer: bytes) -> bool:
    if len(answer) < ANSWER.size:
        return False
    _, px = ANSWER.unpack_from(answer)
    return bool(px <= PHOTO_PX and len(answer) == ANSWER.size + px * px * 3)


def _pixels(answer: bytes, limits: PhotoLimits) -> Pixels:
    """Return the pixels in an answer. Raises `InvalidRequest` for any other one."""
    outcome, px = ANSWER.unpack_from(answer) if answer else (Outcome.UNREADABLE, 0)
    if outcome == Outcome.DECODED and px >= MIN_PHOTO_PX:
        return np.frombuffer(answer, np.uint8, offset=ANSWER.size).reshape(px, px, 3)
    if outcome == Outcome.TOO_MANY_PIXELS:
        millions = limits.max_pixels / 1e6
        raise _refusal(f"has more than {millions:g} million pixels", " Make it smaller.")
    if outcome == Outcome.TOO_SMALL:
        raise _refusal(f"must be at least {MIN_PHOTO_PX} px wide and high")
    if outcome == Outcome.CROP_OUTSIDE:
        problem = Problem("crop", "must lie inside the photograph")
        raise InvalidRequest(f"{problem.field} {problem.message}.", (problem,))
    raise _refusal("cannot be decoded: it is damaged, or takes too long or too much memory")


def _refusal(message: str, advice: str = "") -> InvalidRequest:
    return InvalidRequest(f"The photograph {message}.{advice}", (Problem("file", message),))
