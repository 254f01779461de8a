"""Lines of a text file of any size, in any encoding and with any line ends."""

import codecs
import re
from collections.abc import Iterator
from typing import BinaryIO, Protocol

from avatar_gen.errors import StartupError

_MAX_LINE = 1_000_000
"""Characters. A file with a longer line is not a list, and must not fill the memory."""

_CHUNK = 65_536
_END = re.compile(r"\r\n|\n|\r(?!\Z)")
"""A line end. A carriage return at the end of what was read may be half of one."""

_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    # Before UTF-16, whose mark is the beginning of this one.
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


class Readable(Protocol):
    """A stream of bytes that can be read once."""

    def read(self, size: int, /) -> bytes:
        """Return at most `size` bytes, none at the end."""


class TextLines:
    """The lines of a stream, with their ends. A byte order mark decides the encoding."""

    def __init__(self, stream: BinaryIO | Readable, name: str, encoding: str) -> None:
        self._stream = stream
        self._name = name
        self._encoding = encoding
        self.number = 0
        """The number of the last line that was read."""
        self.position = 0
        """Bytes that were read."""
        self.remedy = "save the list as UTF-8 or give its encoding: --encoding cp1252"
        """What to do about a list in another encoding."""
        self.remedy_of_nul = "if it is UTF-16, give --encoding utf-16-le"
        """What to do about a list with a NUL character."""

    def read(self) -> Iterator[str]:
        """Yield the lines. Raises `StartupError` with the number of a line that cannot be read."""
        text = ""
        for part in self._parts():
            text += part
            start = 0
            for end in _END.finditer(text):
                yield self._checked(text[start : end.end()])
                start = end.end()
            text = text[start:]
            if len(text) > _MAX_LINE:
                raise self._unreadable(f"it has more than {_MAX_LINE:,} characters")
        if text:
            yield self._checked(text)

    def _parts(self) -> Iterator[str]:
        data = self._read()
        encoding = next((each for mark, each in _MARKS.items() if data.startswith(mark)), self._encoding)
        decoder = codecs.getincrementaldecoder(encoding)()
        while True:
            try:
                part = decoder.decode(data, final=not data)
            except UnicodeError as error:
                readable = error.object[: error.start] if isinstance(error, UnicodeDecodeError) else b""
                yield readable.decode(encoding, errors="ignore")
                raise self._unreadable(f"it is not {self._encoding}; {self.remedy}") from None
            yield part
            if not data:
                return
            data = self._read()

    def _read(self) -> bytes:
        # What is there: a pipe may be open for long.
        data = self._stream.read1(_CHUNK) if hasattr(self._stream, "read1") else self._stream.read(_CHUNK)
        self.position += len(data)
        return data

    def _checked(self, line: str) -> str:
        if "\0" in line:
            raise self._unreadable(f"it has a NUL character; {self.remedy_of_nul}")
        if len(line) > _MAX_LINE:
            raise self._unreadable(f"it has more than {_MAX_LINE:,} characters")
        self.number += 1
        return line

    def _unreadable(self, reason: str) -> StartupError:
        return StartupError(f"{self._name}: line {self.number + 1}: {reason}")
