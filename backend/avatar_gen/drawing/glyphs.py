"""The outlines of letters, from the file that `tools/glyphs.py` extracts from fonts.

Drawing a letter needs neither a font nor a text engine, so a letter has the same path on every machine. The
file also maps letters to capitals, because Python's own tables grow with every release. Letters that are not
in the file are not drawn.

The file starts with the length of the index in four bytes and the index as compressed JSON. Blocks of `BLOCK`
glyphs follow, each compressed separately, so that reading a letter decompresses 30 KB instead of the whole
file.
"""

import json
import unicodedata
import zlib
from bisect import bisect_left
from collections.abc import Iterator
from functools import cache, lru_cache
from itertools import accumulate, islice, zip_longest
from pathlib import Path
from typing import Literal, NamedTuple

Weight = Literal["bold", "regular"]

FILES: dict[Weight, Path] = {
    "bold": Path(__file__).parent / "fonts" / "bold.glyphs",
    "regular": Path(__file__).parent / "fonts" / "regular.glyphs",
}
"""The letters are from Inter and Noto. Their licence is beside the files. `regular` has alphabets only."""

EM = 1000
"""The height of a line in font units, which outlines use. A capital is 714 units high."""

BLOCK = 128
"""The number of glyphs in a block. Smaller blocks are faster to decompress but make a larger file."""

COMMANDS = (("m", 1, 1), ("l", 1, 1), ("l", 1, 0), ("l", 0, 1), ("q", 2, 2), ("c", 3, 3))
"""SVG's relative path commands, at the index of the byte that encodes them, with the number of horizontal and
vertical steps. Horizontal and vertical lines have one step."""

WIDE = 240
"""Numbers from here on take two bytes."""


class Glyph(NamedTuple):
    """A letter on a baseline that starts at (0, 0). x points right, y points down."""

    advance: int
    """The x coordinate at which the next letter starts."""
    top: int
    bottom: int
    """The bottom of the part that is centred. `top` to `bottom` excludes accents and descenders."""
    box: tuple[int, int, int, int]
    """The left, top, right and bottom of the ink."""
    start: tuple[int, int]
    outline: str
    """The path after its start point, as SVG's relative commands."""

    def at(self, x: int, y: int) -> str:
        """Return the letter's path on a baseline that starts at (x, y)."""
        return f"M{x + self.start[0]} {y + self.start[1]}{self.outline}"


class Typeface:
    """All letters of a glyph file."""

    def __init__(self, file: bytes) -> None:
        blocks = 4 + int.from_bytes(file[:4])
        index = json.loads(zlib.decompress(file[4:blocks]))
        self._file = file
        self._letters: str = index["letters"]
        first = len(self._letters)
        self._clusters = {cluster: number for number, cluster in enumerate(index["clusters"], first)}
        self._longest = max(map(len, self._clusters), default=1)
        self._folded = str.maketrans(index["folded"])
        self._ends = list(accumulate(index["blocks"], initial=blocks))
        self.right_to_left = frozenset(index["right_to_left"])

    def __iter__(self) -> Iterator[str]:
        """Iterate over the letters that can be drawn."""
        yield from self._letters
        yield from self._clusters

    def __contains__(self, letter: str) -> bool:
        """Return whether a letter can be drawn."""
        return letter in self._clusters or self._index(letter) is not None

    def fold(self, text: str) -> str:
        """Return text in capitals, in Unicode's composed form."""
        return unicodedata.normalize("NFC", text.translate(self._folded))

    def compose(self, text: str) -> str:
        """Return text in Unicode's composed form. Letters that cannot be drawn become capitals."""
        composed = unicodedata.normalize("NFC", text)
        return "".join(each if each in self else self.fold(each) for each in composed)

    def first(self, folded: str) -> str | None:
        """Return the first letter of folded text that can be drawn: one code point or one Indic syllable."""
        for at, character in enumerate(folded):
            if self._index(character) is not None:
                starts = (folded[at : at + length] for length in range(self._longest, 1, -1))
                return next((start for start in starts if start in self._clusters), character)
        return None

    def glyph(self, letter: str) -> Glyph:
        """Return the outline of a letter that `first` returned."""
        number = self._clusters.get(letter, self._index(letter))
        if number is None:
            raise KeyError(letter)
        block, place = divmod(number, BLOCK)
        content = zlib.decompress(self._file[self._ends[block] : self._ends[block + 1]])
        count = min(BLOCK, len(self._letters) + len(self._clusters) - block * BLOCK)
        lengths = [int.from_bytes(content[at : at + 2]) for at in range(0, 2 * count, 2)]
        start = 2 * count + sum(lengths[:place])
        return _decode(content[start : start + lengths[place]])

    def _index(self, character: str) -> int | None:
        place = bisect_left(self._letters, character)
        return place if self._letters[place : place + 1] == character else None


@cache
def typeface(weight: Weight = "bold") -> Typeface:
    """Return the typeface of a weight. The first call reads its file."""
    return Typeface(FILES[weight].read_bytes())


@lru_cache(maxsize=1024)  # About 1 KB each.
def glyph(letter: str, weight: Weight = "bold") -> Glyph:
    """Return the outline of a letter of a typeface."""
    return typeface(weight).glyph(letter)


def _decode(record: bytes) -> Glyph:
    """Decode a glyph that `tools/glyphs.py` encoded.

    A glyph is its commands, the unit of all numbers that follow, its metrics, all horizontal steps, and all
    vertical steps. In this order similar numbers are adjacent, so the file compresses better.
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
            # A closed path continues from its start point.
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
    """Decode integers of one or two bytes. The lowest bit is the sign."""
    rest = iter(packed)
    for first in rest:
        number = first if first < WIDE else WIDE + ((first - WIDE) << 8 | next(rest))
        yield ~(number >> 1) if number & 1 else number >> 1
