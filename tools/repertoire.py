"""Which letters the `initials` style can draw, and what is drawn for those that it folds into others."""

import bz2
import unicodedata
from collections.abc import Iterable
from pathlib import Path

NORMS = {
    # Name, codec, first and second bytes of its ideographs.
    "GB 2312": ("gb2312", range(0xB0, 0xF8), range(0xA1, 0xFF)),
    "Big5, level 1": ("big5", range(0xA4, 0xC7), range(0x40, 0xFF)),
    "JIS X 0208": ("euc_jp", range(0xB0, 0xF5), range(0xA1, 0xFF)),
    "KS X 1001": ("euc_kr", range(0xCA, 0xFE), range(0xA1, 0xFF)),
}
"""The ideographs of four national standards, read from Python's codecs."""

_DIGRAPHS = "ǄǅǆǇǈǉǊǋǌǱǲǳ"
_JAMO = "".join(map(chr, range(0x3131, 0x3164)))
_KEPT = frozenset(_DIGRAPHS + _JAMO)
"""Code points that are drawn as they are, not as those that Unicode calls compatible: a digraph's are two
letters, a Korean letter's is one that stands only within a syllable."""

_OWN = {
    "ß": "ẞ",  # Unicode's title case is two letters, Ss.
    "ﾞ": "\u3099",  # Half-width voicing marks: the full-width ones compose with their kana.
    "ﾟ": "\u309a",
}

_NUKTA = "\u093c"
_VOWEL_SIGNS = "ािीुूृॅेैॉोौ"
_CONSONANTS = [chr(code) for code in range(0x915, 0x93A)]
_NUKTA_CONSONANTS = [letter + _NUKTA for letter in "कखगजडढफय"]
_CONJUNCTS = """
    क्य क्र क्ल क्व क्ष ख्य ख्व ग्य ग्र ग्ल ग्व घ्र च्य छ्य ज्ञ ज्य ज्व झ्य ट्र ठ्य ड्य ड्र ढ्य त्य त्र त्व थ्य द्य द्र द्व
    ध्य ध्र ध्व न्य न्र न्व प्य प्र प्ल फ्र फ्ल ब्य ब्र ब्ल भ्य भ्र भ्ल म्य म्र म्ल य्व ल्य ल्व व्य व्र श्च श्म श्य श्र श्ल श्व
    स्क स्ट स्त स्त्र स्थ स्न स्प स्फ स्म स्य स्र स्ल स्व ह्य ह्र ह्ल ह्व
"""
"""Those that words begin with."""


def aksharas() -> list[str]:
    """The syllables that Devanagari words begin with: a consonant or a conjunct, and a vowel sign or none."""
    heads = [*_CONSONANTS, *_NUKTA_CONSONANTS, *_CONJUNCTS.split()]
    return [head + sign for head in heads for sign in ("", *_VOWEL_SIGNS) if len(head + sign) > 1]


def ideographs(norm: str) -> set[str]:
    """The ideographs of one of `NORMS`, each in its normal form."""
    codec, firsts, seconds = NORMS[norm]
    pairs = (bytes((first, second)) for first in firsts for second in seconds)
    found = (unicodedata.normalize("NFC", pair.decode(codec, errors="replace")) for pair in pairs)
    return {character for character in found if len(character) == 1 and character != "\ufffd"}


def general_table(unihan: Path) -> set[str]:
    """China's Table of General Standard Characters of 2013: GB 2312 lacks 1,600 of them, many in names."""
    lines = bz2.decompress(unihan.read_bytes()).decode().splitlines()
    return {chr(int(line[2:].split("\t")[0], 16)) for line in lines if "\tkTGH\t" in line}


def is_letter(character: str) -> bool:
    """Whether a name may begin with it."""
    return unicodedata.category(character) in {"Lu", "Ll", "Lt", "Lo", "Nd", "Nl"}


def capital(character: str) -> str:
    """The form that names begin with: of a few characters, several."""
    normal = unicodedata.normalize("NFC" if character in _KEPT else "NFKC", character)
    return unicodedata.normalize("NFC", normal.title())


def folded(letters: Iterable[str]) -> dict[str, str]:
    """Each code point that stands for one of the letters, and that letter: capitals, and compatible forms.

    Where the capital is several letters, as of the ligature `ﬁ`, it is the first that can be drawn.
    """
    known, found = set(letters) | _OWN.keys(), dict(_OWN)
    for character in map(chr, range(0x110000)):
        # What only Unicode's normal form changes, the reader of names will change.
        if is_letter(character) and character not in known:
            drawn = [letter for letter in capital(character) if letter in known]
            if drawn and capital(character) != unicodedata.normalize("NFC", character):
                found[character] = drawn[0]
    return found
