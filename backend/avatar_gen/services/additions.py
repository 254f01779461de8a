"""The palettes and styles that an operator adds to the built-in ones."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from avatar_gen.avatar import PHOTO
from avatar_gen.drawing import dicebear
from avatar_gen.drawing.styles import STYLES
from avatar_gen.errors import SettingsError
from avatar_gen.objects.files import OddFile, read
from avatar_gen.services.palettes import serve_palettes

_NAME = re.compile(r"[a-z][a-z0-9-]{0,31}")


class Additions(NamedTuple):
    """What the settings add. It can be sent to another process."""

    palettes: Mapping[str, Sequence[str]]
    """Five colours for each name."""
    definitions: Mapping[str, bytes]
    """The JSON of style definitions by name."""


def read_additions(palettes: Mapping[str, Sequence[str]], styles: Path | None) -> Additions:
    """Return the palettes, and the style definitions in the files `*.json` of a folder, if there is one.

    Raises `SettingsError` with one line for each file that cannot be used.
    """
    return Additions(palettes, _read_definitions(styles) if styles else {})


def serve_additions(additions: Additions) -> None:
    """Serve the additions in this process, instead of those of an earlier call.

    Raises `SettingsError` for a palette that cannot be used.
    """
    serve_palettes(additions.palettes)
    dicebear.serve_definitions(additions.definitions)


def _read_definitions(folder: Path) -> Mapping[str, bytes]:
    try:
        files = sorted(path for path in folder.iterdir() if path.suffix == ".json")
    except OSError as error:
        raise SettingsError(f"styles.path: {error.filename}: {error.strerror}") from None
    read = {path: _read(path) for path in files}
    problems = {path: _problem_of(path.stem, definition) for path, definition in read.items()}
    lines = [f"{path}: {problem}" for path, problem in problems.items() if problem]
    if lines:
        raise SettingsError("\n".join(lines))
    return {path.stem: definition for path, definition in read.items() if isinstance(definition, bytes)}


def _read(path: Path) -> bytes | OSError | OddFile:
    try:
        return read(str(path))
    except (OSError, OddFile) as error:
        return error


def _problem_of(name: str, definition: bytes | OSError | OddFile) -> str | None:
    if isinstance(definition, OddFile):
        return f"cannot be read: {definition}"
    if isinstance(definition, OSError):
        return f"cannot be read: {definition.strerror}"
    if not _NAME.fullmatch(name):
        return "a name has lower-case letters, digits and dashes, begins with a letter, and has at most 32"
    if name == PHOTO:
        return "is the type of uploaded photographs; choose another name"
    if name in STYLES or name in dicebear.built_in_names() or name.startswith("dicebear-"):
        return "is the name of a built-in style; choose another one"
    return dicebear.problem_of(definition)
