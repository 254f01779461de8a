"""The letters that stand for a name: docs/initials.md lists the rules and their reasons."""

import re
from collections.abc import Iterable, Sequence

from avatar_gen.drawing.drawing import DEFAULT_LETTERS, Letters
from avatar_gen.drawing.glyphs import typeface

_AROUND = (
    r"\s<>()\[\]{},;:\"|\u00ab\u00bb\u2012-\u2015"
    r"\u3001-\u301b\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65"  # Those of CJK.
)
"""Spaces, brackets and separators: the characters around an e-mail address."""

_E_MAIL = re.compile(
    rf'(?:(?i:mailto|e-?mail):\s*)?("[^"]*+"|[^@+{_AROUND}]++)[^@{_AROUND}]*+@[^/{_AROUND}]++'
)
"""An e-mail address with its label. The group ends before a plus sign, which starts a tag for sorting."""

_ASIDES = re.compile(r"\([^)]*\)|\[[^]]*\]|<[^>]*>|\{[^}]*\}|\uff08[^\uff09]*\uff09|\u3010[^\u3011]*\u3011")
"""Text in brackets, also in Chinese ones: pronouns or a company."""

_HYPHENS = "-\u2010\u2011\u05be"

_BREAKS = re.compile(
    r"[\s!-&(-,./:-@[-_{-~"  # Spaces, and the punctuation of ASCII except -, ' and `: O'Brien is one word.
    r"\u00b7\u060c\u200b\u2012-\u2015\u2022"  # Middle dot, Arabic comma, dashes, bullet.
    r"\u3001\u3002\u30a0\u30fb\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65"  # Those of CJK.
    r"\u534d\u5350]+"  # Ideographs that are hooked crosses.
)
"""The characters between words, and those that are never drawn."""

_COMMAS = re.compile("[,\uff0c\u060c]")

_TITLES = """
dr prof professor mr mrs ms miss mx sir dame rev reverend hon capt captain sgt lt maj ing dipling dring profdr
herr frau mme mlle mgr sra srta dra dott dottssa mevr dhr hr др проф гн гжа
"""
"""The titles before a name, in lower case without dots and hyphens."""

_SUFFIXES = """
jr sr ii iii iv phd dphil edd md dds dvm jd llm esq msc bsc mba mphil cpa obe cbe mbe frs inc ltd llc gmbh
"""
"""The suffixes after a name, likewise."""

_TITLE_WORDS, _SUFFIX_WORDS = frozenset(_TITLES.split()), frozenset(_SUFFIXES.split())

_SINGLE = re.compile(
    "[\u0900-\u0dff\u1000-\u109f\u1780-\u17ff\u3131-\u3163\u3007\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3]"
)
"""Letters that are too dense to be read beside others: those of India, Burma and Cambodia, Hangul,
ideographs."""

DEFAULT_LENGTH = 2


def initials(name: str, letters: Letters = DEFAULT_LETTERS) -> tuple[str, ...]:
    """Return the letters of a name that can be drawn. Without a length there are at most two."""
    outside = _E_MAIL.sub(" ", name)
    texts = (_ASIDES.sub(" ", outside), outside, " ".join(_E_MAIL.findall(name)), name)
    firsts = next((found for text in texts if (found := _firsts(text, letters))), [])
    if letters.length is None and firsts and _SINGLE.match(firsts[0]):
        return (firsts[0],)
    return _chosen(firsts, letters.length or DEFAULT_LENGTH)


def _chosen(firsts: Sequence[str], length: int) -> tuple[str, ...]:
    """Return the first letters of words from the start, but the last one of the last word."""
    if len(firsts) <= length:
        return tuple(firsts)
    return (*firsts[: length - 1], firsts[-1]) if length > 1 else (firsts[0],)


def _firsts(text: str, letters: Letters) -> list[str]:
    """Return the first letter of each word. A single word is divided at its hyphens."""
    words = [part for word in _words(text) for part in _BREAKS.split(word)]
    found = _letters_of(words, letters)
    if len(found) > 1:
        return found
    parts = [part for word in words for part in re.split(f"[{_HYPHENS}]+", word)]
    return _letters_of(parts, letters)


def _letters_of(words: Iterable[str], letters: Letters) -> list[str]:
    face = typeface()
    prepare = face.fold if letters.uppercase else face.compose
    return [letter for word in words if (letter := face.first(prepare(word)))]


def _words(text: str) -> list[str]:
    """Return the words of a name in the order of speech, without titles and suffixes.

    `Lovelace, Ada` becomes `Ada Lovelace`.
    """
    parts = [part.split() for part in _COMMAS.split(text)]
    parts = [
        part for part in parts if part and not all(_bare(word) in _SUFFIX_WORDS for word in part)
    ] or parts
    if len(parts) == 2:
        parts.reverse()
    words = [word for part in parts for word in part]
    first = next((at for at, word in enumerate(words) if _bare(word) not in _TITLE_WORDS), 0)
    last = max((at for at, word in enumerate(words) if _bare(word) not in _SUFFIX_WORDS), default=len(words))
    return words[first : last + 1] or words


def _bare(word: str) -> str:
    return re.sub(r"[.\-]", "", word).lower()


def apart(letters: str) -> str:
    """Return a name that starts with these letters, two at most. `AL` becomes `A L`."""
    face = typeface()
    folded, found = face.fold(letters), list[str]()
    while len(found) < DEFAULT_LENGTH and (letter := face.first(folded)):
        found.append(letter)
        folded = folded[folded.index(letter) + len(letter) :]
    return " ".join(found)


def in_writing_order(letters: Sequence[str]) -> Sequence[str]:
    """Return letters from left to right. Digits follow the direction of the letter beside them."""
    directed = next((letter for letter in letters if not letter.isdigit()), "")
    return letters[::-1] if directed in typeface().right_to_left else letters
