"""Folders that pictures are written into, with a manifest that says what is in them."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from secrets import token_hex

from avatar_gen.errors import StartupError
from avatar_gen.objects.files import write_synced
from avatar_gen.services.checkpoint import Checkpoint

MANIFEST = "manifest.jsonl"

_INCOMING = ".incoming"
"""Where files are until they are whole."""


@contextlib.contextmanager
def open_folder(path: Path, key: str) -> Iterator[Checkpoint]:
    """The manifest of a folder that is made, or that an earlier run made; for one process at a time.

    Raises `StartupError` where there are files of others, which are not to be overwritten.
    """
    path.mkdir(parents=True, exist_ok=True)
    if not (path / MANIFEST).exists() and any(path.iterdir()):
        raise StartupError(
            f"{path}: there are files in it, and no {MANIFEST} of an earlier run: choose another folder"
        )
    with Checkpoint(path / MANIFEST, key, "madeOf") as manifest:
        incoming = path / _INCOMING
        incoming.mkdir(exist_ok=True)
        for entry in os.scandir(incoming):
            # A run that was killed has left it.
            os.unlink(entry.path)
        yield manifest
        incoming.rmdir()
        manifest.tidy()


def write_into(folder: str | Path, name: str, data: bytes) -> None:
    """Write a file of an open folder, whole or not at all, over one of that name. Raises `OSError`.

    Not synced: what the machine's crash takes is missed by the next run, and made again.
    """
    path, temporary = f"{folder}/{name}", f"{folder}/{_INCOMING}/{token_hex(8)}"
    try:
        write_synced([(temporary, data)], wait=False)
        os.replace(temporary, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise OSError(error.errno, error.strerror, path) from None
