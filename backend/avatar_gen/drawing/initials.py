"""The letters that stand for a name: docs/initials.md lists the rules and their reasons."""

import re
from collections.abc import Sequence

from avatar_gen.drawing.glyphs import typeface

_ADDRESS = re.compile(r"\s*([^\s@+]++)[^\s@]*+@\S+\s*")
"""Of e-mail; before the at sign, and before the plus sign by which people sort what they get."""

_ASIDES = re.compile(r"\([^)]*\)|\[[^]]*\]|<[^>]*>|\{[^}]*\}|\uff08[^\uff09]*\uff09|\u3010[^\u3011]*\u3011")
"""What stands in brackets, Chinese ones too: pronouns, a company, an address."""

_BREAKS = re.compile(
    r"[\s!-&(-/:-@[-_{-~"  # Spaces, and ASCII's punctuation but for ' and `: O'Brien is one word.
    r"\u00b7\u05be\u060c\u200b\u2010-\u2015\u2022"  # Middle dot, Hebrew hyphen, Arabic comma, dashes, bullet.
    r"\u3001\u3002\u30a0\u30fb\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65]+"  # Those of CJK.
)
"""What stands between words."""


def initials(name: str) -> tuple[str, ...]:
    """The letters of a name that can be drawn, two at most, each one of the typeface's."""
    address = _ADDRESS.fullmatch(name)
    said = address[1] if address else name
    return _of_words(_ASIDES.sub(" ", said)) or _of_words(name)


def _of_words(text: str) -> tuple[str, ...]:
    face = typeface()
    firsts = [letter for word in _BREAKS.split(face.fold(text)) if (letter := face.first(word))]
    return (firsts[0], firsts[-1]) if len(firsts) > 1 else tuple(firsts)


def apart(letters: str) -> str:
    """A name that begins with these letters, two at most: `AL` becomes `A L`; empty if none can be drawn."""
    face = typeface()
    folded, found = face.fold(letters), list[str]()
    while len(found) < 2 and (letter := face.first(folded)):
        found.append(letter)
        folded = folded[folded.index(letter) + len(letter) :]
    return " ".join(found)


def in_writing_order(letters: Sequence[str]) -> Sequence[str]:
    """Letters from left to right as they are written: digits go the way of the letter beside them."""
    directed = next((letter for letter in letters if not letter.isdigit()), "")
    return letters[::-1] if directed in typeface().right_to_left else letters
