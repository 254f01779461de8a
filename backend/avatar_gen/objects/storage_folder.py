"""The folder of objects at the start: what is wrong with it, and what the operator can do."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shlex import quote

from avatar_gen.errors import AvatarError, StartupError
from avatar_gen.objects.local import INCOMING


@contextmanager
def storage_folder(path: Path) -> Iterator[None]:
    """Raise what goes wrong in a folder of objects as a `StartupError` that says what to do."""
    try:
        yield
    except AvatarError as error:
        if isinstance(error.__cause__, FileNotFoundError) and path.is_dir():
            incoming = path / INCOMING
            raise StartupError(
                f"{incoming}: there is no such folder, so the volume may not be mounted. If it is mounted,"
                f" run: mkdir {quote(str(incoming))}"
            ) from error
        if isinstance(error.__cause__, FileNotFoundError):
            raise StartupError(
                f"{path}: there are no objects here. Run this in the folder of the service or set"
                " storage.local.save_path"
            ) from error
        raise StartupError(f"{path}: objects cannot be stored here: {remedy(error.__cause__)}") from error


def _owner(path: str) -> int:
    """Return the user id of a path's owner, or of the nearest folder above it that exists."""
    present = next(each for each in (Path(path), *Path(path).parents) if os.path.exists(each))
    return present.stat().st_uid


def remedy(cause: BaseException | None) -> str:
    """Return why a folder cannot be written, and what to do about it."""
    if isinstance(cause, PermissionError):
        user, group = os.geteuid(), os.getegid()
        if _owner(cause.filename) == user:
            return f"{cause}; user {user} owns the folder, but may not write it: chmod u+rwx FOLDER"
        return (
            f"{cause}; user {user} must be able to write there: chown -R {user}:{group} FOLDER,"
            " or run it as the folder's owner"
        )
    if isinstance(cause, OSError) and cause.errno == errno.EROFS:
        return f"{cause}; mount a folder there that can be written"
    return str(cause)
