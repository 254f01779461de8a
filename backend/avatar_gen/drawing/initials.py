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
dr doctor prof professor mr mister mrs ms miss mx madam madame sir dame lord lady rev reverend hon capt
captain cpt sgt cpl pvt lt maj cdr cmdr ing dipl dipling diplinf diplkfm diplpsych dring profdr mudr phdr judr
herr frau mme mlle mgr sra srta dra dott dottssa sigra maga mevr dhr hr
др доктор проф профессор доц доцент акад академик гн гжа господин госпожа δρ ד״ר डॉ श्री श्रीमती
"""
"""The titles before a name, in lower case without dots and hyphens."""

_DOTTED_TITLES = """
gen col adm sr fr br mag lic sig sen rep gov pres eng arq amb rt med phil rer nat jur iur vet theol oec
pol techn hc eh mult habil univ univprof assoc asst د
"""
"""Titles that are names without a dot: Gen Urobuchi, Amartya Sen."""

_SUFFIXES = """
jr junior sr senior ii iii iv vi vii viii 2nd 3rd 4th phd dphil edd md dds dvm jd llm llb esq msc bsc
mba mphil meng beng cpa frcs obe cbe mbe kbe dbe frs inc ltd llc gmbh
"""
"""The suffixes after a name, likewise."""

_CAPITAL_SUFFIXES = """
ba bs ma ms rn pe pmp kc qc mp mpa mph mfa bfa bba dba cfa dnp msw lcsw jp aia bed med pharmd jun sen
"""
"""Suffixes that are also names: Yo-Yo Ma. They count with a dot, or in capitals after a comma."""

_SPACED = re.compile(r"\b(Ph\.|[BM]\.) (D|A|Sc|Eng|Ed)\b(?=\.?\s*(?:,|$))")
"""A suffix with a space: Ph. D."""

_TITLE_WORDS, _DOTTED_TITLE_WORDS = frozenset(_TITLES.split()), frozenset(_DOTTED_TITLES.split())
_SUFFIX_WORDS, _CAPITAL_SUFFIX_WORDS = frozenset(_SUFFIXES.split()), frozenset(_CAPITAL_SUFFIXES.split())

_SINGLE = re.compile(
    "[\u0900-\u0dff\u1000-\u109f\u1780-\u17ff\u3131-\u3163\u3007\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3]"
)
"""Letters that are too dense to be read beside others: those of India, Burma and Cambodia, Hangul,
ideographs."""

DEFAULT_LENGTH = 2


def initials(name: str, letters: Letters = DEFAULT_LETTERS) -> tuple[str, ...]:
    """Return the letters of a name that can be drawn. Without a length there are at most two."""
    outside = _E_MAIL.sub(" ", name)
    without_pronouns = _ASIDES.sub(lambda aside: " " if "/" in aside[0] else aside[0], outside)
    texts = (_ASIDES.sub(" ", outside), without_pronouns, " ".join(_E_MAIL.findall(name)), name)
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
    parts = [part.split() for part in _COMMAS.split(_SPACED.sub(r"\1\2", text))]
    named = [
        part for at, part in enumerate(parts) if not all(_is_suffix(word, apart=at > 0) for word in part)
    ]
    parts = named or parts
    if len(parts) == 2:
        parts.reverse()
    words = [word for part in parts for word in part]
    first = next((at for at, word in enumerate(words) if not _is_title(word)), 0)
    last = max((at for at, word in enumerate(words) if not _is_suffix(word)), default=len(words))
    return words[first : last + 1] or words


def _is_title(word: str) -> bool:
    return _bare(word) in _TITLE_WORDS or (word.endswith(".") and _bare(word) in _DOTTED_TITLE_WORDS)


def _is_suffix(word: str, *, apart: bool = False) -> bool:
    """Return whether a word is a suffix. `apart`: it has a comma before it."""
    bare = _bare(word)
    telling = "." in word or (apart and word.isupper())
    return bare in _SUFFIX_WORDS or (telling and bare in _CAPITAL_SUFFIX_WORDS)


def _bare(word: str) -> str:
    return word.replace(".", "").replace("-", "").lower()


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
