"""Extract the outlines of letters from fonts, for the `initials` style: `make glyphs`.

The argument is the folder into which Debian's packages fonts-inter, fonts-noto-core, fonts-noto-cjk and
unicode-data were unpacked. The command accepts only the versions of fonts that it was written for, because a
letter must look the same in every release.
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

from avatar_gen.drawing.glyphs import BLOCK, COMMANDS, EM, FILES, WIDE, Weight
from tools import repertoire

TRUETYPE = "usr/share/fonts/truetype/noto"
INTER = "usr/share/fonts/opentype/inter/Inter"
CJK = "usr/share/fonts/opentype/noto/NotoSansCJK-Bold.ttc"
UNIHAN = "usr/share/unicode/Unihan_OtherMappings.txt.bz2"

Body = tuple[int, int] | None
"""The top and bottom of the part that is centred. None for the ink."""

CAPITALS: Body = (-714, 0)
IDEOGRAPHS: Body = (-880, 120)

SMALL_FORMS = 1.15
"""The scale of letters of scripts without capitals, so that they look as large as capitals."""

COARSE = 2
"""The unit of ideographs and syllables. It keeps the file small, and the letters look the same."""


FONTS = {
    "Inter-Bold.otf": "1e9dfd6a6e33ac63a8fe3b4ed7ae0df9eac2d0b25e444e8e7daef4ac77943fc1",
    "Inter-Regular.otf": "a7e791e8f5a0fb02b65663f7fca73e1d1ca9543f772ad480cbd76f4e3fe3f8cc",
    "NotoSans-Bold.ttf": "e83493c945848ecd4a9ad0f6d19164541a0d3e23a9c952304a00a46e00272ac5",
    "NotoSans-Regular.ttf": "89c3c497f618fdaa0b2d1e98fef93582f28c71debd2c4a8cdf41f190ced2909d",
    "NotoSansArmenian-Bold.ttf": "a0f398d0205f0b96d6637ac66d92e6e42b230f8ed3853a050d0aa5792eb9b7f7",
    "NotoSansArmenian-Regular.ttf": "9636c32c121f4fc1fc6963dfad60ea32c41889507118a46f83a818eacf40348e",
    "NotoSansGeorgian-Bold.ttf": "2cee22513f5c94b5577fe1a91df94836dc9825ac78e5b3a9f3c49d1f038a5f11",
    "NotoSansGeorgian-Regular.ttf": "ba75f2154fef9beac8439f94c631dc37ef9c708d32f9254bb019afdfa9aa3138",
    "NotoSansHebrew-Bold.ttf": "d3b01343f71e8a93fffb84c345a1aecbaf4694b98d0eaace916cb9eac9e6dcd3",
    "NotoSansHebrew-Regular.ttf": "436900d5ad77d33e4234247f3076eaecd25b92b9bea0519514f684140e3566a7",
    "NotoSansArabic-Bold.ttf": "ded6fc7359ca36d15d7aab9ef0c066e21ce48b26a069994d6602fa2cb9a1b952",
    "NotoSansArabic-Regular.ttf": "504d7407d86875acf7d04dfaa0fd7524d0b8797723bc4aa18022f29db25b0b6e",
    "NotoLoopedThai-Bold.ttf": "63112a2b7bb342442993c71c0e8d52e3dacd9606eabfa344a436c9578cb74f35",
    "NotoLoopedThai-Regular.ttf": "a13ebdee881ce1dcc84067c266345c86d2ace50cb599d2df02a1aa835552c1aa",
    "NotoSansLao-Bold.ttf": "b87a8592f1cdd8b15e1e827967afd45a8c5ffc1123773bc4bd023fe1ccecd321",
    "NotoSansLao-Regular.ttf": "6c3de7db369e85cba20255d161eeeb3d934ea3c4c51e2574c2ddcce79a25025c",
    "NotoSansEthiopic-Bold.ttf": "cc16f0c43be76a2ecb5f6d08de4fe6705886b9be90251bfb5959a90955be7f1d",
    "NotoSansEthiopic-Regular.ttf": "58bc43b062961b38ee45757d2e74e6a991a12011aa0399fb03004ac432e5c852",
    "NotoSansDevanagari-Bold.ttf": "77ad688cfe1dc55185bf4edb4db3c614202c65dd23a1463ad0e23fc52bcc9a5c",
    "NotoSansBengali-Bold.ttf": "22c9ff99baca4d31c531ce450a1369beed889467e1ad964f4b8a6f810aa46955",
    "NotoSansGurmukhi-Bold.ttf": "ded9c1f56a7ed0b835cfef5dd642f26cfc0f41a16fbc08008d376ddcc91d606e",
    "NotoSansGujarati-Bold.ttf": "db2b642c28b021da8cb0f3463bf41376549c850aa718ca863ec3ff5d5df0f2f7",
    "NotoSansTamil-Bold.ttf": "7ef7071ba2fad67dcae397dc7f5bfd4dbce69d86cdc453c2cc4abe640df0b442",
    "NotoSansTelugu-Bold.ttf": "34e3a81c02ea8474f00b1046cbb183461648fd253a56475140d6b025db828b5b",
    "NotoSansKannada-Bold.ttf": "fcb9918669a24e33b1464b33eeac24e9a0f54a50393dfdaeb1e596cfcf2dac47",
    "NotoSansMalayalam-Bold.ttf": "abe54dff7c6539899f1208672ae4235207b3e6b8d49594e9ff02d972d5975a81",
    "NotoSansSinhala-Bold.ttf": "9ac3c2da2562fd3ce449e600a9954a3c5dad982145c85159449fe1c31f648a6e",
    "NotoSansKhmer-Bold.ttf": "cc74e7ac685da9a84e18b773ec8d80d06765aa1754bb14acc390c3620023c4dc",
    "NotoSansMyanmar-Bold.ttf": "e37e2ef189431020b1eaf4fb8d43252666dc24265d628145fff119613afea174",
    "NotoSansCJK-Bold.ttc": "faa5f3656a78b2e2d450d27fe8382c778bc2b6bb5ea29c986664a6a435056ceb",
}
"""The SHA-256 of each file."""


class Source(NamedTuple):
    """The letters to take from one font."""

    path: str
    number: int
    """The index of the font in its file."""
    letters: list[str]
    body: Body = None
    scale: float = 1
    unit: int = 1


def between(*ranges: tuple[int, int]) -> list[str]:
    """Return all code points of some ranges. Both ends are included."""
    return [chr(code) for first, last in ranges for code in range(first, last + 1)]


def sources(folder: Path, weight: Weight) -> list[Source]:
    """Return the letters of a weight and their fonts. If two sources have a letter, the first one counts."""

    def noto(script: str, letters: list[str], body: Body = None, scale: float = SMALL_FORMS) -> Source:
        return Source(f"{TRUETYPE}/Noto{script}-{weight.title()}.ttf", 0, letters, body, scale)

    def cjk(number: int, letters: Iterable[str]) -> Source:
        return Source(CJK, number, sorted(letters), IDEOGRAPHS, unit=COARSE)

    western = between(
        (0x30, 0x39), (0x41, 0x24F), (0x370, 0x52F), (0x1E00, 0x1FFF), (0x2C60, 0x2C7F), (0xA640, 0xA7FF)
    )
    alphabets = [
        Source(f"{INTER}-{weight.title()}.otf", 0, western, CAPITALS, 714 / 727),
        noto("Sans", western, CAPITALS, 1),
        noto("SansArmenian", between((0x531, 0x556), (0x561, 0x587)), CAPITALS, 1),
        noto("SansGeorgian", between((0x10D0, 0x10FF))),
        noto("SansHebrew", between((0x5D0, 0x5EA), (0x5F0, 0x5F2))),
        noto("SansArabic", between((0x620, 0x673), (0x675, 0x6FF), (0x750, 0x77F))),
        noto("LoopedThai", between((0xE01, 0xE2E), (0xE50, 0xE59))),
        noto("SansLao", between((0xE81, 0xEAE), (0xED0, 0xED9), (0xEDC, 0xEDF))),
        noto("SansEthiopic", between((0x1200, 0x137C))),
    ]
    if weight == "regular":
        return alphabets
    syllabaries = between(
        (0x3007, 0x3007), (0x3041, 0x3096), (0x30A1, 0x30FA), (0x3131, 0x3163), (0xAC00, 0xD7A3)
    )
    simplified = repertoire.ideographs("GB 2312") | repertoire.general_table(folder / UNIHAN)
    return [
        *alphabets,
        noto("SansDevanagari", [*between((0x904, 0x96F)), *repertoire.aksharas()]),
        *(noto(f"Sans{script}", _letters_of(script))._replace(unit=COARSE) for script in repertoire.BLOCKS),
        cjk(0, syllabaries),
        cjk(2, simplified),
        cjk(3, repertoire.ideographs("Big5, level 1")),
        cjk(0, repertoire.ideographs("JIS X 0208")),
        cjk(1, repertoire.ideographs("KS X 1001")),
    ]


def _letters_of(script: str) -> list[str]:
    """Return the letters and digits of a script's block, and its syllables."""
    block = repertoire.BLOCKS[script][0].start & ~0x7F
    return [*between((block, block + 0x7F)), *repertoire.syllables(script)]


class Outline(BasePen):  # type: ignore[misc] # it carries no types
    """A pen that records what is drawn as the commands of the file."""

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
    """Encode an integer in one byte, or in two if it is far from zero. The lowest bit is the sign."""
    folded = value << 1 if value >= 0 else ~value << 1 | 1
    return bytes([folded]) if folded < WIDE else ((WIDE << 8) + folded - WIDE).to_bytes(2)


class Face:
    """A font, with HarfBuzz to place the glyphs of a letter that has several."""

    def __init__(self, path: Path, number: int) -> None:
        font = TTCollection(path).fonts[number] if path.suffix == ".ttc" else TTFont(path)
        self._scale = EM / font["head"].unitsPerEm
        self._glyphs, self._names, self._map = font.getGlyphSet(), font.getGlyphOrder(), font.getBestCmap()
        self._shaper = uharfbuzz.Font(uharfbuzz.Face(path.read_bytes(), number))

    def has(self, letter: str) -> bool:
        """Return whether the font has all code points of a letter."""
        return all(ord(character) in self._map for character in letter)

    def record(self, letter: str, source: Source) -> bytes:
        """Encode a letter."""
        buffer = uharfbuzz.Buffer()
        buffer.add_str(letter)
        buffer.guess_segment_properties()
        buffer.language = (
            "und"  # Fonts have other forms for some languages. The default is the user's language.
        )
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


def records(folder: Path, weight: Weight) -> dict[str, bytes]:
    """Return the letters of a weight and their encoded outlines."""
    found: dict[str, bytes] = {}
    for source in sources(folder, weight):
        path = folder / source.path
        if hashlib.sha256(path.read_bytes()).hexdigest() != FONTS[path.name]:
            raise SystemExit(f"{path.name} is of another version")
        face = Face(path, source.number)
        for letter in source.letters:
            new = len(letter) > 1 or repertoire.is_drawn(letter)
            if new and letter not in found and face.has(letter):
                found[letter] = face.record(letter, source)
    return found


def pack(found: dict[str, bytes]) -> bytes:
    """Return the content of the file: an index, and separately compressed blocks of glyphs."""
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
        "folded": repertoire.folded(filter(repertoire.is_capital, letters)),
        "right_to_left": "".join(c for c in letters if unicodedata.bidirectional(c) in {"R", "AL"}),
        "blocks": [len(block) for block in blocks],
    }
    head = zlib.compress(json.dumps(index, ensure_ascii=False, separators=(",", ":")).encode(), 9)
    return len(head).to_bytes(4) + head + b"".join(blocks)


if __name__ == "__main__":
    for weight, file in FILES.items():
        found = records(Path(sys.argv[1]), weight)
        file.write_bytes(pack(found))
        print(f"{weight}: {len(found):,} letters, {file.stat().st_size:,} bytes")
