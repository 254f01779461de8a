"""The state of a long job: a line of JSON for each item that was made. The next run skips these items."""

import errno
import fcntl
import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, suppress
from enum import Enum
from pathlib import Path
from types import TracebackType
from typing import IO, Any, NamedTuple, Self

from avatar_gen.errors import StartupError
from avatar_gen.objects.files import sync

Entry = Mapping[str, Any]


class Status(Enum):
    """The state of an item that a run is about to make."""

    NEW = 1
    MADE = 2
    """An earlier run made this item from the same inputs."""
    OTHER = 3
    """An earlier run made this item from other inputs."""
    REPEATED = 4
    """This run has claimed the item before, with the same inputs."""
    TAKEN = 5
    """This run has claimed the item before, with other inputs."""


class Claim(NamedTuple):
    """The answer to a claim."""

    status: Status
    sha256: str | None
    """The hash that an earlier run noted, if any."""


class Checkpoint:
    """A file of JSON Lines that grows by whole lines and belongs to one process at a time.

    `key` names the field that identifies an entry, `inputs_hash` the field with the hash of its inputs. The
    index of entries is on disk, so there may be any number. A line that a killed process cut off is removed.
    """

    def __init__(self, path: Path, key: str, inputs_hash: str) -> None:
        self._path = path
        self._fields = (key, inputs_hash)
        self._line = 0
        self._replaced = 0
        if path.exists() and not path.is_file():
            raise StartupError(f"{path}: it is not a regular file. Choose another one")
        self._file = open(path, "a+b")  # noqa: SIM115 - __exit__ closes it
        try:
            lock_file(self._file, path)
            # A temporary database. SQLite writes it to a file without a name if it does not fit its cache.
            self._index = sqlite3.connect("", isolation_level=None)
            for pragma in ("journal_mode = OFF", "cache_size = -32000"):
                self._index.execute(f"PRAGMA {pragma}")
            self._index.execute(
                "CREATE TABLE entries (key TEXT PRIMARY KEY, inputs_hash TEXT, sha256 TEXT, line INTEGER,"
                " fresh INTEGER NOT NULL) WITHOUT ROWID"
            )
            self._index.execute("BEGIN")
            self._load()
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._index.close()
        with closing(self._file):
            if kind is None:
                self.sync()

    @property
    def empty(self) -> bool:
        """Return whether it has no entries."""
        return self._line == 0

    def other_inputs(self, inputs_hash: str) -> str | None:
        """Return the hash of an entry that an earlier run made from other inputs, or None."""
        found = self._index.execute(
            "SELECT inputs_hash FROM entries WHERE inputs_hash != ? LIMIT 1", (inputs_hash,)
        ).fetchone()
        return found and str(found[0])

    def claim(self, key: str, inputs_hash: str) -> Claim:
        """Claim an item that this run is about to make."""
        found = self._index.execute(
            "SELECT inputs_hash, sha256, fresh FROM entries WHERE key = ?", (key,)
        ).fetchone()
        if found is None:
            self._index.execute("INSERT INTO entries VALUES (?, ?, NULL, NULL, 1)", (key, inputs_hash))
            return Claim(Status.NEW, None)
        known, sha256, fresh = found
        if fresh:
            return Claim(Status.REPEATED if known == inputs_hash else Status.TAKEN, None)
        self._index.execute("UPDATE entries SET inputs_hash = ?, fresh = 1 WHERE key = ?", (inputs_hash, key))
        return Claim(Status.MADE if known == inputs_hash else Status.OTHER, sha256)

    def add(self, entries: Iterable[Entry]) -> None:
        """Append entries. They survive the end of this process, including SIGKILL.

        Raises `OSError`.
        """
        lines = []
        for entry in entries:
            self._line += 1
            lines.append(json.dumps(entry, ensure_ascii=False).encode() + b"\n")
            self._note(entry, fresh=True)
        data = b"".join(lines)
        try:
            is_whole = os.write(self._file.fileno(), data) == len(data)
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(self._path)) from error
        if not is_whole:
            # The disk is full. The next run removes the line that is cut off.
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._path))

    def sync(self) -> None:
        """Make all entries and the file's name survive a crash of the machine."""
        os.fsync(self._file.fileno())
        sync(self._path.parent)

    def tidy(self) -> None:
        """Remove the lines that later lines replace. Afterwards this is a checkpoint of the new file."""
        if not self._replaced:
            return
        temporary = self._path.with_name(f"{self._path.name}.part")
        file = open(temporary, "w+b")  # noqa: SIM115 - it takes the place of the file that __exit__ closes
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.writelines(self._current_lines())
            file.flush()
            os.fsync(file.fileno())
            os.replace(temporary, self._path)
        except BaseException:
            file.close()
            with suppress(OSError):
                temporary.unlink()
            raise
        self._file.close()
        self._file = file
        self._replaced = 0

    def _current_lines(self) -> Iterator[bytes]:
        for number, line, entry in self._entries():
            key = (entry[self._fields[0]],)
            if self._index.execute("SELECT line FROM entries WHERE key = ?", key).fetchone() == (number,):
                yield line

    def _note(self, entry: Entry, *, fresh: bool) -> None:
        key, inputs_hash = (entry[field] for field in self._fields)
        before = self._index.execute("SELECT line FROM entries WHERE key = ?", (key,)).fetchone()
        if before and before[0]:
            self._replaced += 1
        row = (key, inputs_hash, entry.get("sha256"), self._line, fresh)
        self._index.execute("INSERT OR REPLACE INTO entries VALUES (?, ?, ?, ?, ?)", row)

    def _load(self) -> None:
        for number, _, entry in self._entries():
            self._line = number
            self._note(entry, fresh=False)

    def _entries(self) -> Iterator[tuple[int, bytes, Entry]]:
        self._file.seek(0)
        for number, line in enumerate(self._file, 1):
            if not line.endswith(b"\n"):
                if not _is_cut_off(line):
                    self._parse(line, number)
                self._file.truncate(self._file.tell() - len(line))
                return
            yield number, line, self._parse(line, number)

    def _parse(self, line: bytes, number: int) -> Entry:
        with suppress(ValueError):
            entry = json.loads(line)
            if isinstance(entry, dict) and all(isinstance(entry.get(field), str) for field in self._fields):
                return entry
        raise StartupError(
            f"{self._path}: line {number} is not a line of this command; move the file away and run again"
        )


def lock_file(file: IO[Any], path: Path) -> None:
    """Lock an open file until it is closed. Raises `StartupError` if that is impossible."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # The process that held the lock may have replaced or renamed the file since this one opened it.
        is_current = os.path.samestat(os.fstat(file.fileno()), os.stat(path))
    except (BlockingIOError, FileNotFoundError):
        is_current = False
    except OSError as error:
        raise StartupError(
            f"{path}: it cannot be locked ({error.strerror}). Choose a folder whose file system has locks"
        ) from error
    if not is_current:
        raise StartupError(f"{path}: another process uses it")


def _is_cut_off(line: bytes) -> bool:
    """Return whether this may be the beginning of a line that a checkpoint writes."""
    try:
        json.loads(line)
    except ValueError:
        return line.startswith(b'{"')
    return False
