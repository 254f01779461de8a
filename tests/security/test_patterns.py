"""No text takes long to be matched, however long it is and whatever it was made for."""

import ast
import re
import time
from collections.abc import Iterator
from importlib import import_module
from itertools import product
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import pytest

import avatar_gen

SOURCE = Path(avatar_gen.__file__).parent

LONG = 64 * 1024
"""Characters: no text that a client sends is longer."""

SHORT = {"_ASIDES": 256, "_E_MAIL": 256}
"""What is matched against names alone, which are cut to so many, and may take the square of them."""

MOST = 1.0
"""Seconds of processor time: what is linear takes milliseconds, what is not, minutes."""


class Used(NamedTuple):
    """A regular expression of the source, and how it is used."""

    name: str
    pattern: str
    anchored: bool


def used_in(path: Path) -> Iterator[Used]:
    source = path.read_text(encoding="utf-8")
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Assign(
                targets=[ast.Name(name)],
                value=ast.Call(ast.Attribute(ast.Name("re"), "compile"), [value, *_]),
            ):
                anchored = not re.search(rf"{name}\.(?!fullmatch|match)", source)
                compiled = getattr(_module(path), name, None)
                if compiled:
                    yield Used(name, _text(compiled.pattern), anchored)
                elif isinstance(value, ast.Constant):
                    yield Used(name, _text(value.value), anchored)
            case ast.Call(ast.Attribute(ast.Name("re"), call), [ast.Constant(value), *_]):
                if call != "compile":
                    yield Used(f"re.{call}", _text(value), call in {"fullmatch", "match"})


def _module(path: Path) -> ModuleType:
    return import_module(".".join(path.relative_to(SOURCE.parent).with_suffix("").parts))


def _text(value: object) -> str:
    assert isinstance(value, str | bytes)
    return value.decode("latin-1") if isinstance(value, bytes) else value


PATTERNS = sorted({each for path in SOURCE.rglob("*.py") for each in used_in(path)})


def hostile_to(pattern: str, length: int) -> list[str]:
    """Long texts of what a pattern names, one or two by turns, that end in what it does not expect."""
    plain = re.sub(r"\\[dwsb]|[\\^$.|?*+(){}\[\]]", "", pattern)
    letters = sorted({*plain, "a", "0", " ", "("}, key=plain.find)[:12]
    return [(one + other) * (length // 2) + "\0!" for one, other in product(letters, repeat=2)]


def test_all_are_found() -> None:
    calls = sum(
        len(re.findall(r"\bre\.[a-z]+\(", path.read_text(encoding="utf-8"))) for path in SOURCE.rglob("*.py")
    )
    # The others are equal, are put together inside a function, or split text of the service itself.
    assert calls - 9 <= len(PATTERNS) <= calls


@pytest.mark.parametrize("used", PATTERNS, ids=str)
def test_none_takes_long(used: Used) -> None:
    compiled = re.compile(used.pattern)
    match = compiled.fullmatch if used.anchored else compiled.search
    for text in hostile_to(used.pattern, SHORT.get(used.name, LONG)):
        started = time.process_time()
        match(text)
        assert time.process_time() - started < MOST, f"{text[:20]}..."
