"""The letters that the `initials` style can draw, and the letters that it draws for others."""

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
"""Four national standards, whose ideographs Python's codecs list."""

_DIGRAPHS = "ǄǅǆǇǈǉǊǋǌǱǲǳ"
_JAMO = "".join(map(chr, range(0x3131, 0x3164)))
_KEPT = frozenset(_DIGRAPHS + _JAMO)
"""Code points that are drawn as they are, although Unicode has a compatible form of them. The form of a
digraph is two letters. The form of a Korean letter only occurs within syllables."""

_OWN = {
    "ß": "ẞ",  # Unicode's title case is two letters, Ss.
    "ﾞ": "\u3099",  # The half-width voicing marks. The full-width marks compose with their kana.
    "ﾟ": "\u309a",
}

_NUKTA = "\u093c"
_VOWEL_SIGNS = "ािीुूृॅेैॉोौ"
_CONSONANTS = [chr(code) for code in range(0x915, 0x93A)]
_NUKTA_CONSONANTS = [letter + _NUKTA for letter in "कखगजडढफय"]
_CONJUNCTS = """
    क्य क्र क्ल क्व क्ष ख्य ख्व ग्य ग्र ग्ल ग्व घ्र च्य छ्य ज्ञ ज्य ज्व झ्य ट्र ठ्य ड्य ड्र ढ्य त्य त्र त्व
    थ्य द्य द्र द्व ध्य ध्र ध्व न्य न्र न्व प्य प्र प्ल फ्र फ्ल ब्य ब्र ब्ल भ्य भ्र भ्ल म्य म्र म्ल य्व ल्य
    ल्व व्य व्र श्च श्म श्य श्र श्ल श्व स्क स्ट स्त स्त्र स्थ स्न स्प स्फ स्म स्य स्र स्ल स्व ह्य ह्र ह्ल ह्व
"""
"""The conjuncts that words start with."""


def aksharas() -> list[str]:
    """Return the syllables that Devanagari words start with: a consonant or a conjunct, and a vowel sign."""
    heads = [*_CONSONANTS, *_NUKTA_CONSONANTS, *_CONJUNCTS.split()]
    return [head + sign for head in heads for sign in ("", *_VOWEL_SIGNS) if len(head + sign) > 1]


BLOCKS = {
    # Name, code points of consonants, code points of vowel signs.
    "Bengali": (range(0x995, 0x9BA), range(0x9BE, 0x9CD)),
    "Gurmukhi": (range(0xA15, 0xA3A), range(0xA3E, 0xA4D)),
    "Gujarati": (range(0xA95, 0xABA), range(0xABE, 0xACD)),
    "Tamil": (range(0xB95, 0xBBA), range(0xBBE, 0xBCC)),  # Without au, which is wider than three letters.
    "Telugu": (range(0xC15, 0xC3A), range(0xC3E, 0xC4D)),
    "Kannada": (range(0xC95, 0xCBA), range(0xCBE, 0xCCD)),
    "Malayalam": (range(0xD15, 0xD3A), range(0xD3E, 0xD4D)),
    "Sinhala": (range(0xD9A, 0xDC7), range(0xDCF, 0xDE0)),
    "Khmer": (range(0x1780, 0x17A3), range(0x17B6, 0x17C6)),
    "Myanmar": (range(0x1000, 0x1021), range(0x102B, 0x1033)),
}
"""The scripts, besides Devanagari, whose words start with syllables."""


def syllables(script: str) -> list[str]:
    """Return the syllables of a consonant and a vowel sign, for one of `BLOCKS`."""
    consonants, signs = (
        [chr(code) for code in codes if unicodedata.category(chr(code)) in categories]
        for codes, categories in zip(BLOCKS[script], ({"Lo"}, {"Mc", "Mn"}), strict=True)
    )
    pairs = (consonant + sign for consonant in consonants for sign in signs)
    return sorted({unicodedata.normalize("NFC", pair) for pair in pairs})


def ideographs(norm: str) -> set[str]:
    """Return the ideographs of one of `NORMS`, in their normal form."""
    codec, firsts, seconds = NORMS[norm]
    pairs = (bytes((first, second)) for first in firsts for second in seconds)
    found = (unicodedata.normalize("NFC", pair.decode(codec, errors="replace")) for pair in pairs)
    return {character for character in found if len(character) == 1 and character != "\ufffd"}


def general_table(unihan: Path) -> set[str]:
    """Return China's general table of 2013.

    It has 1,600 characters that GB 2312 lacks, many of them in names.
    """
    lines = bz2.decompress(unihan.read_bytes()).decode().splitlines()
    return {chr(int(line[2:].split("\t")[0], 16)) for line in lines if "\tkTGH\t" in line}


def is_letter(character: str) -> bool:
    """Return whether a name may start with the character."""
    return unicodedata.category(character) in {"Lu", "Ll", "Lt", "Lo", "Nd", "Nl"}


def is_drawn(character: str) -> bool:
    """Return whether the character has an outline: a letter in its normal form, in capitals or not."""
    normal = unicodedata.normalize("NFC" if character in _KEPT else "NFKC", character)
    return is_letter(character) and (is_capital(character) or normal == character)


def is_capital(letter: str) -> bool:
    """Return whether a letter or a syllable is its own capital."""
    return capital(letter) == letter


def capital(character: str) -> str:
    """Return the form at the start of a name. It may be several characters."""
    normal = unicodedata.normalize("NFC" if character in _KEPT else "NFKC", character)
    return unicodedata.normalize("NFC", normal.title())


def folded(letters: Iterable[str]) -> dict[str, str]:
    """Map code points to the letters that stand for them: their capitals and compatible forms.

    If the capital is several letters, as for the ligature `ﬁ`, the first drawable letter stands for it.
    """
    known, found = set(letters) | _OWN.keys(), dict(_OWN)
    for character in map(chr, range(0x110000)):
        # Reading a name normalises it, so the map omits what normalisation alone changes.
        if is_letter(character) and character not in known:
            drawn = [letter for letter in capital(character) if letter in known]
            if drawn and capital(character) != unicodedata.normalize("NFC", character):
                found[character] = drawn[0]
    return found
