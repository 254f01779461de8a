"""The program that decodes photographs, in processes that hold no secrets.

The service starts it as a script (`photo_process.py`), so it imports nothing of the package. It waits for
tasks on its standard input, a Unix socket, and never touches a photograph itself. For each photograph it
forks a process. That process confines itself, decodes the one file, writes the pixels to a pipe, and ends. So
a file that takes over or crashes a decoder cannot reach another file, and no memory is left behind.

Only pixels leave that process. Nothing that a file contains beside them can reach a stored picture.
"""

import contextlib
import ctypes
import mmap
import os
import resource
import signal
import socket
import struct
import sys
from collections.abc import Callable  # noqa: TC003 - a script
from enum import IntEnum
from typing import NamedTuple

import pyvips
from pyvips import Image

Rectangle = tuple[int, int, int, int]
"""Left, top, width, height in px."""


class Gravity(IntEnum):
    """Which part of a picture that is not square is shown."""

    ATTENTION = 0
    CENTRE = 1
    NORTH = 2


class Outcome(IntEnum):
    """How a decoding ended. A killed process does not report an outcome."""

    DECODED = 1
    UNREADABLE = 2
    TOO_MANY_PIXELS = 3
    TOO_SMALL = 4
    CROP_OUTSIDE = 5


class Task(NamedTuple):
    """What to make of a file."""

    kind: str
    """A key of `LOADERS`."""
    px: int
    """The largest width of the result."""
    min_px: int
    """The lowest width and height of the region that is shown."""
    max_pixels: int
    max_bytes: int
    """Memory that decoding may take."""
    seconds: float
    gravity: Gravity
    background: tuple[int, int, int]
    """What shows through transparent pixels: red, green, blue."""
    crop: Rectangle
    """A region of the upright picture, or four zeros for the whole."""

    def pack(self) -> bytes:
        """Return the task as `unpack` reads it."""
        return _TASK.pack(self.kind.encode(), *self[1:7], *self.background, *self.crop)

    @classmethod
    def unpack(cls, data: bytes) -> "Task":
        """Return the task that `pack` wrote."""
        kind, px, min_px, max_pixels, max_bytes, seconds, gravity, *others = _TASK.unpack(data)
        red, green, blue, left, top, width, height = others
        return cls(
            kind=kind.rstrip(b"\0").decode(),
            px=px,
            min_px=min_px,
            max_pixels=max_pixels,
            max_bytes=max_bytes,
            seconds=seconds,
            gravity=Gravity(gravity),
            background=(red, green, blue),
            crop=(left, top, width, height),
        )


_TASK = struct.Struct("!8s4QdB3B4Q")

ANSWER = struct.Struct("!BI")
"""An `Outcome` and the width of the square picture. Its pixels follow, three bytes each, if there are any."""

PING = b"?"
"""The service sends this to find out whether the program still runs. The program sends it back."""

LOADERS = {
    "jpeg": ("jpegload_buffer", "VipsForeignLoadJpeg"),
    "png": ("pngload_buffer", "VipsForeignLoadPng"),
    "webp": ("webpload_buffer", "VipsForeignLoadWebp"),
    "avif": ("heifload_buffer", "VipsForeignLoadHeif"),
    "gif": ("gifload_buffer", "VipsForeignLoadNsgif"),
}
"""libvips' loader for each kind of file, and the class that is not blocked for it."""

_SHRINKS = (8, 4, 2)
"""The factors by which a JPEG can be made smaller while it is decoded."""

_MAX_RATIO = 20
"""The highest ratio of the sides of a picture in which libvips searches for what attracts attention."""

_KERNEL = "mitchell"
"""A sharper kernel, such as Lanczos, draws a halo along strong edges."""


class Refused(Exception):
    """The file is refused, for the reason in `outcome`."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.name)
        self.outcome = outcome


class _Frame(NamedTuple):
    """The geometry of a file, before any of its pixels is decoded."""

    width: int
    height: int
    orientation: int
    """1 to 8, as in EXIF."""

    def region(self, task: Task) -> Rectangle:
        """Return the region that is shown, in the upright picture. Raises `Refused`."""
        width, height = (self.height, self.width) if self.orientation > 4 else (self.width, self.height)
        left, top, across, down = region = task.crop if task.crop[2] else (0, 0, width, height)
        if left + across > width or top + down > height:
            raise Refused(Outcome.CROP_OUTSIDE)
        side = min(across, down)
        if side < task.min_px:
            raise Refused(Outcome.TOO_SMALL)
        if task.gravity == Gravity.ATTENTION and max(across, down) <= _MAX_RATIO * side:
            return region
        above = 0 if task.gravity == Gravity.NORTH else (down - side) // 2
        return (left + (across - side) // 2, top + above, side, side)

    def stored(self, region: Rectangle) -> Rectangle:
        """Return where a region of the upright picture lies in the file."""
        left, top, across, down = region
        if self.orientation > 4:
            left, top, across, down = top, left, down, across
        if self.orientation in {2, 3, 7, 8}:
            left = self.width - left - across
        if self.orientation in {3, 4, 6, 7}:
            top = self.height - top - down
        return (left, top, across, down)


def decode(data: bytes | mmap.mmap, task: Task) -> tuple[int, bytes]:
    """Return the width of a square, upright picture in sRGB, and its pixels.

    Raises `Refused` and `pyvips.Error`.
    """
    image = _open(data, task.kind)
    if image.width * image.height > task.max_pixels:
        raise Refused(Outcome.TOO_MANY_PIXELS)
    frame = _Frame(image.width, image.height, _orientation_of(image))
    region = frame.stored(frame.region(task))
    side = min(region[2:])
    px = min(side, task.px)
    shrink = next((each for each in _SHRINKS if side // each >= px), 1) if task.kind == "jpeg" else 1
    if shrink > 1:
        image = _open(data, task.kind, shrink=shrink)
    image = _scale(_extract(image, region, shrink), px)
    image = _upright(_flatten(_to_srgb(image), task), frame.orientation)
    if image.width != image.height:
        image = image.smartcrop(px, px, interesting="attention")
    return px, image.write_to_memory()


def _open(data: bytes | mmap.mmap, kind: str, **options: int) -> Image:
    """Read the header. The pixels are decoded when they are needed, from top to bottom."""
    load: Callable[..., Image] = getattr(Image, LOADERS[kind][0])
    return load(data, access="sequential", fail_on="error", **options)


def _orientation_of(image: Image) -> int:
    value = image.get("orientation") if image.get_typeof("orientation") else 1
    return value if value in range(1, 9) else 1


def _extract(image: Image, region: Rectangle, shrink: int) -> Image:
    left, top, across, down = (each // shrink for each in region)
    return image.crop(left, top, min(across, image.width - left), min(down, image.height - top))


def _scale(image: Image, px: int) -> Image:
    """Make the shorter side `px` wide. Colours under transparent pixels do not show."""
    side = min(image.width, image.height)
    if side == px:
        return image
    kind = image.format
    image = image.premultiply() if image.hasalpha() else image
    scales = [
        max(px / side, px / each) if each == side else px / side for each in (image.width, image.height)
    ]
    image = image.resize(scales[0], vscale=scales[1], kernel=_KERNEL)
    return image.unpremultiply().cast(kind) if image.hasalpha() else image


def _to_srgb(image: Image) -> Image:
    """Convert the colours by the profile in the file. Without a usable profile, they count as sRGB."""
    is_cmyk = image.interpretation == "cmyk"
    if is_cmyk or _profile_space(image) in {b"RGB ", b"GRAY"}:
        # The pixels are read again if the profile turns out to be broken.
        image = image.copy_memory()
        with contextlib.suppress(pyvips.Error):
            usual = "cmyk" if is_cmyk else "srgb"
            options = {"embedded": True, "input_profile": usual, "intent": "relative", "depth": 8}
            return image.icc_transform("srgb", **options).copy_memory()
    return image.colourspace("srgb").cast("uchar")


def _profile_space(image: Image) -> bytes:
    """Return the colour space that the profile in the file is for (ICC.1:2022, 7.2.6), or nothing.

    libvips would read red, green and blue by a profile for Lab or XYZ.
    """
    return bytes(image.get("icc-profile-data")[16:20]) if image.get_typeof("icc-profile-data") else b""


def _flatten(image: Image, task: Task) -> Image:
    image = image.flatten(background=list(task.background)) if image.hasalpha() else image
    return image.extract_band(0, n=3) if image.bands > 3 else image


def _upright(image: Image, orientation: int) -> Image:
    image = image.copy_memory().copy()
    image.set_type(pyvips.GValue.gint_type, "orientation", orientation)
    return image.autorot()


def serve(tasks: socket.socket) -> None:
    """Fork a process for each task, until the service ends."""
    signal.signal(signal.SIGCHLD, _reap)
    while True:
        data, descriptors, _, _ = socket.recv_fds(tasks, _TASK.size, 2)
        if data == PING:
            tasks.send(PING)
            continue
        if len(data) < _TASK.size or len(descriptors) < 2:
            return
        if os.fork() == 0:
            try:
                tasks.close()
                _answer(Task.unpack(data), *descriptors)
            finally:
                os._exit(0)
        for descriptor in descriptors:
            os.close(descriptor)


def _reap(_number: int, _frame: object) -> None:
    """Note the end of processes. Their processor time then counts as that of this one."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _answer(task: Task, file: int, pipe: int) -> None:
    """Decode a file, and write the answer into the pipe."""
    with mmap.mmap(file, 0, prot=mmap.PROT_READ) as data:
        confine(task.max_bytes, task.seconds)
        try:
            px, pixels = decode(data, task)
            head = ANSWER.pack(Outcome.DECODED, px)
        except Refused as refused:
            head, pixels = ANSWER.pack(refused.outcome, 0), b""
        except pyvips.Error:
            head, pixels = ANSWER.pack(Outcome.UNREADABLE, 0), b""
        rest = memoryview(head + pixels)
        while rest:
            rest = rest[os.write(pipe, rest) :]
        os._exit(0)


_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS = 1, 4, 38


def confine(max_bytes: int, seconds: float) -> None:
    """Give up all rights that decoding does not need. Skip those steps that the system does not offer.

    With no descriptor allowed, neither a file nor a socket can be opened. The kernel ends the process when
    its time is over. If memory runs out, the kernel ends this process before all others.
    """
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w", encoding="ascii") as score:
        score.write("1000")
    with contextlib.suppress(AttributeError):
        prctl = ctypes.CDLL(None).prctl
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        prctl(_PR_SET_DUMPABLE, 0)
        prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    # Threads decode at the same time, so this process may take more than one second in each.
    processor_seconds = int(seconds * 2) + 1
    for kind, limit in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CPU, processor_seconds),
        (resource.RLIMIT_AS, _size() + max_bytes),
        (resource.RLIMIT_NOFILE, 0),
    ):
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(kind, (limit, limit))


def _size() -> int:
    """Return the bytes of address space in use."""
    with contextlib.suppress(OSError), open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[0]) * resource.getpagesize()
    return 0


def block_other_loaders() -> None:
    """Let libvips read the kinds of files in `LOADERS`, and write none."""
    for each in ("VipsForeignLoad", "VipsForeignSave"):
        pyvips.operation_block_set(each, True)  # noqa: FBT003 - C's signature
    for _, each in LOADERS.values():
        pyvips.operation_block_set(each, False)  # noqa: FBT003


def main() -> None:
    """Serve the service that started this process."""
    # Requests for stored pictures have a higher priority.
    os.nice(5)
    block_other_loaders()
    pyvips.cache_set_max(0)
    pyvips.concurrency_set(1)
    serve(socket.socket(fileno=sys.stdin.fileno()))


if __name__ == "__main__":
    main()
