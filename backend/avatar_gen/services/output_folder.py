"""Folders of pictures, with a manifest of their files."""

import contextlib
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from secrets import token_hex

from avatar_gen.errors import StartupError
from avatar_gen.objects.files import write_synced
from avatar_gen.services.checkpoint import Checkpoint

MANIFEST = "manifest.jsonl"

_TEMPORARY = re.compile(r"[0-9a-f]{16}")

_INCOMING = ".incoming"
"""The folder of files that are not complete yet."""


@contextlib.contextmanager
def open_folder(
    path: Path, key: str, check: Callable[[Checkpoint], object] | None = None
) -> Iterator[Checkpoint]:
    """Open a new folder or one of an earlier run, for one process at a time; yield its manifest.

    `check` may refuse the manifest before anything is changed. Raises `StartupError` for a folder with other
    files in it, which must not be overwritten.
    """
    path.mkdir(parents=True, exist_ok=True)
    if not (path / MANIFEST).exists() and any(path.iterdir()):
        raise StartupError(
            f"{path}: there are files in it and no {MANIFEST} of an earlier run. Choose another folder"
        )
    with Checkpoint(path / MANIFEST, key, "inputsHash") as manifest:
        if check:
            check(manifest)
        incoming = path / _INCOMING
        make_folder(incoming)
        for entry in os.scandir(incoming):
            # A run that was killed has left it. Anything else is not ours.
            if _TEMPORARY.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
                os.unlink(entry.path)
        yield manifest
        with contextlib.suppress(OSError):
            incoming.rmdir()
        manifest.tidy()


def make_folder(path: Path) -> None:
    """Make a folder unless it exists. Raises `StartupError` for a link: nothing behind it is touched."""
    if path.is_symlink():
        raise StartupError(f"{path}: it is a link. Remove it, or choose another folder")
    path.mkdir(exist_ok=True)


def write_into(folder: str | Path, name: str, data: bytes) -> None:
    """Write a file of an open folder, whole or not at all, over one of that name. Raises `OSError`.

    It is not synced. If a crash of the machine takes it, the next run finds that and writes it again.
    """
    replace_file(f"{folder}/{name}", f"{folder}/{_INCOMING}/{token_hex(8)}", data)


def replace_file(path: str, temporary: str, data: bytes) -> None:
    """Write a file under a temporary name on the same file system, then give it its own.

    Raises `OSError` with `path` as its file name.
    """
    try:
        write_synced([(temporary, data)], wait=False)
        os.replace(temporary, path)
    except BaseException as error:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        if isinstance(error, OSError):
            raise OSError(error.errno, error.strerror, path) from None
        raise
