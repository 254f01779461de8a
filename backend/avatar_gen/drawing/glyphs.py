"""The outlines of letters, from the file that `tools/glyphs.py` makes of fonts.

It takes neither a font nor an engine of text to draw a letter, so the same letter is the same path on every
machine, for ever. What the file does not have is not drawn: which capital belongs to a letter is in the file
too, not asked of Python, whose tables grow with every release.

The file is four bytes, the length of an index, compressed JSON; then blocks of `BLOCK` glyphs, each
compressed for itself, so that a letter costs the unpacking of 30 KB, not of 5 MB.
"""

import json
import unicodedata
import zlib
from bisect import bisect_left
from collections.abc import Iterator
from functools import cache, lru_cache
from itertools import accumulate, islice, zip_longest
from pathlib import Path
from typing import NamedTuple

FILE = Path(__file__).parent / "fonts" / "bold.glyphs"
"""Its letters are of Inter and Noto, whose licence is beside it."""

EM = 1000
"""The height of a line in the units of outlines, which are those of the fonts; a capital is 714 high."""

BLOCK = 128
"""Glyphs in a block: with half as many the file is 4 % larger, a letter unpacked in 0.15 ms, not 0.2."""

COMMANDS = (("m", 1, 1), ("l", 1, 1), ("l", 1, 0), ("l", 0, 1), ("q", 2, 2), ("c", 3, 3))
"""SVG's relative path commands by the byte that stands for them, and how many steps right and down each has;
a line that is upright or level has but one."""

WIDE = 240
"""From here on a number takes two bytes."""


class Glyph(NamedTuple):
    """A letter on a line that begins at (0, 0); x points right, y down."""

    advance: int
    """Where the next letter begins."""
    top: int
    bottom: int
    """What it is centred by: without an accent, or what hangs below the line."""
    box: tuple[int, int, int, int]
    """Left, top, right, bottom of the ink."""
    start: tuple[int, int]
    outline: str
    """The path after its start, in SVG's relative commands."""

    def at(self, x: int, y: int) -> str:
        """The path of the letter on a line that begins at (x, y)."""
        return f"M{x + self.start[0]} {y + self.start[1]}{self.outline}"


class Typeface:
    """All letters that there are."""

    def __init__(self, file: bytes) -> None:
        blocks = 4 + int.from_bytes(file[:4])
        index = json.loads(zlib.decompress(file[4:blocks]))
        self._file = file
        self._letters: str = index["letters"]
        first = len(self._letters)
        self._clusters = {cluster: number for number, cluster in enumerate(index["clusters"], first)}
        self._longest = max(map(len, self._clusters))
        self._folded = str.maketrans(index["folded"])
        self._ends = list(accumulate(index["blocks"], initial=blocks))
        self.right_to_left = frozenset(index["right_to_left"])

    def __iter__(self) -> Iterator[str]:
        """Every letter that can be drawn."""
        yield from self._letters
        yield from self._clusters

    def fold(self, text: str) -> str:
        """Text in capitals and the like, each letter and its accents in one code point where there is one."""
        return unicodedata.normalize("NFC", text.translate(self._folded))

    def first(self, folded: str) -> str | None:
        """The first letter of folded text that can be drawn: one code point, or a cluster of Devanagari."""
        for at, character in enumerate(folded):
            place = bisect_left(self._letters, character)
            if self._letters[place : place + 1] == character:
                starts = (folded[at : at + length] for length in range(self._longest, 1, -1))
                return next((start for start in starts if start in self._clusters), character)
        return None

    def glyph(self, letter: str) -> Glyph:
        """The outline of a letter that `first` gave."""
        number = self._clusters.get(letter)
        if number is None:
            number = bisect_left(self._letters, letter)
        block, place = divmod(number, BLOCK)
        content = zlib.decompress(self._file[self._ends[block] : self._ends[block + 1]])
        count = min(BLOCK, len(self._letters) + len(self._clusters) - block * BLOCK)
        lengths = [int.from_bytes(content[at : at + 2]) for at in range(0, 2 * count, 2)]
        start = 2 * count + sum(lengths[:place])
        return _decode(content[start : start + lengths[place]])


@cache
def typeface() -> Typeface:
    """The one that there is, read when it is first asked for: 3 MB."""
    return Typeface(FILE.read_bytes())


@lru_cache(maxsize=1024)  # Of 1 KB each.
def glyph(letter: str) -> Glyph:
    """The outline of a letter of the typeface."""
    return typeface().glyph(letter)


def _decode(record: bytes) -> Glyph:
    """Read a glyph as `tools/glyphs.py` wrote it.

    After its commands come the unit of all numbers that follow, its metrics, the steps right, and the steps
    down: so sorted, what is alike stands side by side, which makes the file a tenth smaller.
    """
    count = int.from_bytes(record[:2])
    commands = [COMMANDS[command] for command in record[2 : 2 + count]]
    unit, *rest = _numbers(record[2 + count :])
    numbers = (unit * number for number in rest)
    advance, top, bottom = islice(numbers, 3)
    right = [list(islice(numbers, steps)) for _, steps, _ in commands]
    down = [list(islice(numbers, steps)) for _, _, steps in commands]

    path: list[str] = []
    points: list[tuple[int, int]] = []
    contour = at = (0, 0)
    for (name, _, _), steps_right, steps_down in zip(commands, right, down, strict=True):
        steps = list(zip_longest(steps_right, steps_down, fillvalue=0))
        if name == "m":
            # A path that was closed goes on from where it began.
            at = contour = (contour[0] + steps[0][0], contour[1] + steps[0][1])
            points.append(at)
            path.append("z")
        else:
            points += [(at[0] + x, at[1] + y) for x, y in steps]
            at = points[-1]
        path.append(name + " ".join(f"{x} {y}" for x, y in steps))
    across, along = zip(*points, strict=True)
    box = (min(across), min(along), max(across), max(along))
    return Glyph(advance, top, bottom, box, points[0], "".join(path[2:]) + "z")


def _numbers(packed: bytes) -> Iterator[int]:
    """Whole numbers of one byte or two each; the lowest bit is the sign."""
    rest = iter(packed)
    for first in rest:
        number = first if first < WIDE else WIDE + ((first - WIDE) << 8 | next(rest))
        yield ~(number >> 1) if number & 1 else number >> 1
