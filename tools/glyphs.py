"""Take the outlines of letters out of fonts, for the `initials` style: `make glyphs`.

It needs the folder into which Debian's packages fonts-inter, fonts-noto-core, fonts-noto-cjk and
unicode-data were unpacked, and refuses other versions of the fonts than those that it was written for:
what a release draws, the next one draws as well.
"""

import hashlib
import json
import sys
import unicodedata
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import uharfbuzz
from fontTools.pens.basePen import BasePen
from fontTools.pens.transformPen import TransformPen
from fontTools.ttLib import TTCollection, TTFont

from avatar_gen.drawing.glyphs import BLOCK, COMMANDS, EM, FILE, WIDE
from tools import repertoire

TRUETYPE = "usr/share/fonts/truetype/noto"
INTER = "usr/share/fonts/opentype/inter/Inter-Bold.otf"
CJK = "usr/share/fonts/opentype/noto/NotoSansCJK-Bold.ttc"
UNIHAN = "usr/share/unicode/Unihan_OtherMappings.txt.bz2"

Body = tuple[int, int] | None
"""What a letter is centred by, from top to bottom; None: its ink."""

CAPITALS: Body = (-714, 0)
IDEOGRAPHS: Body = (-880, 120)

SMALL_FORMS = 1.15
"""How much larger letters of scripts without capitals are drawn, to be as large as capitals to the eye."""

COARSE = 2
"""The unit of ideographs and the like: in units of 1 their file would be 0.4 MB larger, and look the same."""


FONTS = {
    "Inter-Bold.otf": "1e9dfd6a6e33ac63a8fe3b4ed7ae0df9eac2d0b25e444e8e7daef4ac77943fc1",
    "NotoSans-Bold.ttf": "e83493c945848ecd4a9ad0f6d19164541a0d3e23a9c952304a00a46e00272ac5",
    "NotoSansArmenian-Bold.ttf": "a0f398d0205f0b96d6637ac66d92e6e42b230f8ed3853a050d0aa5792eb9b7f7",
    "NotoSansGeorgian-Bold.ttf": "2cee22513f5c94b5577fe1a91df94836dc9825ac78e5b3a9f3c49d1f038a5f11",
    "NotoSansHebrew-Bold.ttf": "d3b01343f71e8a93fffb84c345a1aecbaf4694b98d0eaace916cb9eac9e6dcd3",
    "NotoSansArabic-Bold.ttf": "ded6fc7359ca36d15d7aab9ef0c066e21ce48b26a069994d6602fa2cb9a1b952",
    "NotoSansDevanagari-Bold.ttf": "77ad688cfe1dc55185bf4edb4db3c614202c65dd23a1463ad0e23fc52bcc9a5c",
    "NotoSansThai-Bold.ttf": "97bbc8ea98328325285f2f552228c7aac1db39d8f38f0096a61ba7df1f1f780e",
    "NotoSansCJK-Bold.ttc": "faa5f3656a78b2e2d450d27fe8382c778bc2b6bb5ea29c986664a6a435056ceb",
}
"""The SHA-256 of each file."""


class Source(NamedTuple):
    """Letters of one font."""

    path: str
    number: int
    """Of the font in its file."""
    letters: list[str]
    body: Body = None
    scale: float = 1
    unit: int = 1


def between(*ranges: tuple[int, int]) -> list[str]:
    """All code points of some ranges, both ends included."""
    return [chr(code) for first, last in ranges for code in range(first, last + 1)]


def sources(folder: Path) -> list[Source]:
    """Where each letter comes from; of two sources of one letter the first one has it."""

    def noto(script: str, letters: list[str], body: Body = None, scale: float = 1) -> Source:
        return Source(f"{TRUETYPE}/NotoSans{script}-Bold.ttf", 0, letters, body, scale)

    def cjk(number: int, letters: Iterable[str]) -> Source:
        return Source(CJK, number, sorted(letters), IDEOGRAPHS, unit=COARSE)

    western = between(
        (0x30, 0x39), (0x41, 0x24F), (0x370, 0x52F), (0x1E00, 0x1FFF), (0x2C60, 0x2C7F), (0xA640, 0xA7FF)
    )
    syllabaries = between(
        (0x3007, 0x3007), (0x3041, 0x3096), (0x30A1, 0x30FA), (0x3131, 0x3163), (0xAC00, 0xD7A3)
    )
    simplified = repertoire.ideographs("GB 2312") | repertoire.general_table(folder / UNIHAN)
    return [
        Source(INTER, 0, western, CAPITALS, 714 / 727),
        noto("", western, CAPITALS),
        noto("Armenian", between((0x531, 0x556)), CAPITALS),
        noto("Georgian", between((0x10D0, 0x10FF)), scale=SMALL_FORMS),
        noto("Hebrew", between((0x5D0, 0x5EA), (0x5F0, 0x5F2)), scale=SMALL_FORMS),
        noto("Arabic", between((0x620, 0x673), (0x675, 0x6FF), (0x750, 0x77F)), scale=SMALL_FORMS),
        noto("Devanagari", [*between((0x904, 0x96F)), *repertoire.aksharas()], scale=SMALL_FORMS),
        noto("Thai", between((0xE01, 0xE2E), (0xE50, 0xE59)), scale=SMALL_FORMS),
        cjk(0, syllabaries),
        cjk(2, simplified),
        cjk(3, repertoire.ideographs("Big5, level 1")),
        cjk(0, repertoire.ideographs("JIS X 0208")),
        cjk(1, repertoire.ideographs("KS X 1001")),
    ]


class Outline(BasePen):  # type: ignore[misc] # it carries no types
    """Takes down what is drawn with it in the commands of the file."""

    def __init__(self, glyphs: object) -> None:
        super().__init__(glyphs)
        self.commands = bytearray()
        self.across: list[int] = []
        self.down: list[int] = []
        self.heights: list[int] = []
        self._at = self._start = (0, 0)

    def _draw(self, name: str, *points: tuple[float, float]) -> None:
        steps = [(round(x) - self._at[0], round(y) - self._at[1]) for x, y in points]
        right, down = ([x for x, _ in steps], [y for _, y in steps])
        if name == "l":
            right, down = [x for x in right if x], [y for y in down if y]
            if not right + down:
                return
        self.commands.append(COMMANDS.index((name, len(right), len(down))))
        self.across += right
        self.down += down
        self.heights += [self._at[1] + y for _, y in steps]
        self._at = (self._at[0] + steps[-1][0], self._at[1] + steps[-1][1])

    def _moveTo(self, point: tuple[float, float]) -> None:  # noqa: N802 - the pen protocol's name
        self._draw("m", point)
        self._start = self._at

    def _lineTo(self, point: tuple[float, float]) -> None:  # noqa: N802
        self._draw("l", point)

    def _qCurveToOne(self, *points: tuple[float, float]) -> None:  # noqa: N802
        self._draw("q", *points)

    def _curveToOne(self, *points: tuple[float, float]) -> None:  # noqa: N802
        self._draw("c", *points)

    def _closePath(self) -> None:  # noqa: N802
        self._at = self._start


def packed(value: int) -> bytes:
    """One byte, or two for a number that is far from zero; the lowest bit is the sign."""
    folded = value << 1 if value >= 0 else ~value << 1 | 1
    return bytes([folded]) if folded < WIDE else ((WIDE << 8) + folded - WIDE).to_bytes(2)


class Face:
    """A font, and HarfBuzz to join its glyphs where a letter is several of them."""

    def __init__(self, path: Path, number: int) -> None:
        font = TTCollection(path).fonts[number] if path.suffix == ".ttc" else TTFont(path)
        self._scale = EM / font["head"].unitsPerEm
        self._glyphs, self._names, self._map = font.getGlyphSet(), font.getGlyphOrder(), font.getBestCmap()
        self._shaper = uharfbuzz.Font(uharfbuzz.Face(path.read_bytes(), number))

    def has(self, letter: str) -> bool:
        """Whether it has all of a letter's code points."""
        return all(ord(character) in self._map for character in letter)

    def record(self, letter: str, source: Source) -> bytes:
        """A letter as it stands in the file."""
        buffer = uharfbuzz.Buffer()
        buffer.add_str(letter)
        buffer.guess_segment_properties()
        buffer.language = "und"  # Not that of whoever runs this: fonts have forms for some.
        uharfbuzz.shape(self._shaper, buffer)
        scale = self._scale * source.scale / source.unit
        pen, advance = Outline(self._glyphs), 0
        for info, place in zip(buffer.glyph_infos, buffer.glyph_positions, strict=True):
            move = ((advance + place.x_offset) * scale, -place.y_offset * scale)
            glyph = self._glyphs[self._names[info.codepoint]]
            glyph.draw(TransformPen(pen, (scale, 0, 0, -scale, *move)))
            advance += place.x_advance
        ink = (min(pen.heights), max(pen.heights))
        body = ink if source.body is None else [height // source.unit for height in source.body]
        numbers = (source.unit, round(advance * scale), *body, *pen.across, *pen.down)
        return len(pen.commands).to_bytes(2) + pen.commands + b"".join(map(packed, numbers))


def records(folder: Path) -> dict[str, bytes]:
    """All letters and their outlines."""
    found: dict[str, bytes] = {}
    for source in sources(folder):
        path = folder / source.path
        if hashlib.sha256(path.read_bytes()).hexdigest() != FONTS[path.name]:
            raise SystemExit(f"{path.name} is of another version")
        face = Face(path, source.number)
        for letter in source.letters:
            new = len(letter) > 1 or (repertoire.is_letter(letter) and repertoire.capital(letter) == letter)
            if new and letter not in found and face.has(letter):
                found[letter] = face.record(letter, source)
    return found


def pack(found: dict[str, bytes]) -> bytes:
    """The file: an index, and blocks of glyphs, each compressed for itself."""
    letters = sorted(letter for letter in found if len(letter) == 1)
    clusters = sorted(letter for letter in found if len(letter) > 1)
    order = [*letters, *clusters]
    blocks = []
    for start in range(0, len(order), BLOCK):
        chosen = [found[letter] for letter in order[start : start + BLOCK]]
        lengths = b"".join(len(record).to_bytes(2) for record in chosen)
        blocks.append(zlib.compress(lengths + b"".join(chosen), 9))
    index = {
        "letters": "".join(letters),
        "clusters": clusters,
        "folded": repertoire.folded(letters),
        "right_to_left": "".join(c for c in letters if unicodedata.bidirectional(c) in {"R", "AL"}),
        "blocks": [len(block) for block in blocks],
    }
    head = zlib.compress(json.dumps(index, ensure_ascii=False, separators=(",", ":")).encode(), 9)
    return len(head).to_bytes(4) + head + b"".join(blocks)


if __name__ == "__main__":
    found = records(Path(sys.argv[1]))
    FILE.write_bytes(pack(found))
    print(f"{len(found):,} letters, {FILE.stat().st_size:,} bytes")
