"""The options of a DiceBear style, read from a query string.

DiceBear's HTTP API accepts every option as text: commas separate several values, an empty value is an empty
list, and a variant can have a weight (`eyesVariant=happy:3,wink:1`). This module differs in three points:
every number, text and list has a limit; an unknown name is an error, not ignored; and there is no
`idRandomization`, which would make equal requests give different answers.
"""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

Value = str | int | float | list[str] | list[int | float] | dict[str, int | float]
"""The value of an option, as DiceBear's core accepts it."""

_MAX_TEXT_LENGTH = 256
_MAX_VALUES = 128
_MAX_VALUES_OF = {"flip": 4, "animation": 32}
"""Options with a lower maximum in DiceBear's core: `options.json` of the package dicebear-schema."""

_MAX_WEIGHT = 1_000_000

_NUMBER = re.compile(r"-?[0-9]{1,7}(\.[0-9]{1,30})?")
"""Its decimals suffice for each number that JavaScript writes without an exponent."""
_COLOUR = re.compile(r"#?([0-9a-fA-F]{3}|[0-9a-fA-F]{4}|[0-9a-fA-F]{6}|[0-9a-fA-F]{8})")
_TAG = re.compile(r"!?[a-z][a-zA-Z0-9]{0,63}(:[a-z][a-zA-Z0-9]{0,63})?")
_FONT = re.compile(r"[a-zA-Z0-9_-]{1,64}( [a-zA-Z0-9_-]{1,64}){0,3}")
_NOT_XML = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
"""Characters that XML 1.0 cannot contain, not even escaped: https://www.w3.org/TR/xml/#charsets"""

Json = dict[str, Any]


class InvalidOption(ValueError):
    """An option is invalid. `option` is its name, or None if the style has no such option."""

    def __init__(self, option: str | None, reason: str) -> None:
        super().__init__(reason)
        self.option = option


@dataclass(frozen=True, slots=True)
class Text:
    """One text, which may contain commas."""

    def read(self, values: Sequence[str]) -> Value:
        """Return the text. Raises `ValueError` with what is accepted, like every `read` here."""
        if len(values) != 1 or len(values[0]) > _MAX_TEXT_LENGTH or _NOT_XML.search(values[0]):
            raise ValueError(f"must be one text of at most {_MAX_TEXT_LENGTH} characters that XML can hold")
        return values[0]


@dataclass(frozen=True, slots=True)
class Numbers:
    """Up to `max_values` numbers. Two are the ends of a range from which the seed chooses."""

    lowest: float
    highest: float
    whole: bool = False
    max_values: int = 1

    def read(self, values: Sequence[str]) -> Value:
        """Return the number, or a list if the option accepts several."""
        numbers = [_number(value) for value in _split(values)]
        fewest = 1 if self.max_values == 1 else 0
        if not fewest <= len(numbers) <= self.max_values or not all(map(self._fits, numbers)):
            raise ValueError(self._takes())
        return numbers[0] if self.max_values == 1 else numbers

    def _fits(self, number: float) -> bool:
        # `_number` returns NaN for other text, which is in no range.
        return self.lowest <= number <= self.highest and not (self.whole and isinstance(number, float))

    def _takes(self) -> str:
        kind = "whole number" if self.whole else "number"
        bounds = f"from {self.lowest:g} to {self.highest:g}"
        if self.max_values == 1:
            return f"must be a {kind} {bounds}"
        return f"must be at most {self.max_values} {kind}s {bounds}, separated by commas"


@dataclass(frozen=True, slots=True)
class Words:
    """Words that match a pattern."""

    pattern: re.Pattern[str]
    description: str

    def read(self, values: Sequence[str]) -> Value:
        """Return the words."""
        words = _split(values)
        if len(words) > _MAX_VALUES or not all(self.pattern.fullmatch(word) for word in words):
            raise ValueError(f"must be at most {_MAX_VALUES} {self.description}, separated by commas")
        return words


@dataclass(frozen=True, slots=True)
class Choice:
    """Names from a list."""

    names: tuple[str, ...]
    many: bool = True
    weighted: bool = False
    """Whether a name may have a weight after a colon: how often it is chosen, relative to the others."""
    max_values: int = _MAX_VALUES

    def read(self, values: Sequence[str]) -> Value:
        """Return the names, with weights if any name has one; or the name, if the option accepts one only."""
        words = _split(values)
        pairs = [word.partition(":") for word in words] if self.weighted else [(w, "", "") for w in words]
        if len(pairs) > self.max_values or not all(name in self.names for name, _, _ in pairs):
            raise ValueError(self._takes())
        if any(colon for _, colon, _ in pairs):
            return {name: self._weight(weight) if colon else 1 for name, colon, weight in pairs}
        names = [name for name, _, _ in pairs]
        if self.many:
            return names
        if len(names) != 1:
            raise ValueError(self._takes())
        return names[0]

    def _weight(self, text: str) -> int | float:
        # DiceBear reads an empty weight as JavaScript does: as 0.
        weight = _number(text or "0")
        if not 0 <= weight <= _MAX_WEIGHT:
            raise ValueError(f"must have weights from 0 to {_MAX_WEIGHT}")
        return weight

    def _takes(self) -> str:
        several = f"at most {self.max_values} of" if self.many else "one of"
        return f"must be {several} {', '.join(self.names)}"


Option = Text | Numbers | Words | Choice


def options_of(descriptor: Mapping[str, Json]) -> dict[str, Option]:
    """Return the options in DiceBear's own descriptor of a style, by name."""
    readers = {
        "string": _text,
        "number": _numbers,
        "range": _range,
        "color": lambda _name, _field: Words(_COLOUR, "colours in 3, 4, 6 or 8 hexadecimal digits"),
        "enum": _names,
    }
    return {
        name: readers[field["type"]](name, field)
        for name, field in descriptor.items()
        if field["type"] in readers
    }


def _text(name: str, _field: Json) -> Option:
    return Words(_FONT, "names of fonts") if name == "fontFamily" else Text()


def _numbers(name: str, field: Json) -> Option:
    max_values = _MAX_VALUES if field.get("list") else 1
    return Numbers(field["min"], field["max"], name in {"size", "fontWeight"}, max_values)


def _range(_name: str, field: Json) -> Option:
    # Only the number of colours in a gradient has no maximum, and it is a whole number.
    return Numbers(field["min"], field.get("max", _MAX_VALUES), "max" not in field, max_values=2)


def _names(name: str, field: Json) -> Option:
    if field.get("open"):
        return Words(_TAG, "tags such as hairLength:long or !hat")
    max_values = _MAX_VALUES_OF.get(name, _MAX_VALUES)
    return Choice(tuple(field["values"]), field.get("list", False), field.get("weighted", False), max_values)


def read_options(options: Mapping[str, Option], pairs: Iterable[tuple[str, str]]) -> dict[str, Value]:
    """Return the options in the pairs of a query string, sorted by name. Raises `InvalidOption`."""
    given: dict[str, list[str]] = {}
    for name, value in pairs:
        given.setdefault(name.removesuffix("[]"), []).append(value)
    read = {}
    for name in sorted(given):
        if name not in options:
            # The unknown name is the client's text and must not be echoed.
            raise InvalidOption(None, f"has an option that is not known here; known: {', '.join(options)}")
        try:
            read[name] = options[name].read(given[name])
        except ValueError as error:
            raise InvalidOption(name, str(error)) from None
    return read


def pairs_of(known: Mapping[str, Option], options: Mapping[str, object]) -> list[tuple[str, str]]:
    """Return options that are given as JSON like the pairs of a query string.

    A value is a text, a number, a list of these, or an object of names and their weights. Raises
    `InvalidOption` for any other value, and for a kind of value that the option does not take.
    """
    for name, value in options.items():
        option = known.get(name.removesuffix("[]"))
        if isinstance(option, Text) and not isinstance(value, str):
            raise InvalidOption(name, "must be text")
        if isinstance(value, dict) and option is not None and not getattr(option, "weighted", False):
            raise InvalidOption(name, "must not be an object, because it has no weights")
    return [(name, text) for name, value in options.items() for text in _texts_of(value)]


def _texts_of(value: object) -> list[str]:
    if isinstance(value, dict):
        return [f"{name}:{_text_of(weight)}" for name, weight in value.items()] or [""]
    if isinstance(value, list):
        return [_text_of(each) for each in value] or [""]
    return [_text_of(value)]


def _text_of(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        # Without the exponent that `str` writes, so that a stored number is read again.
        return format(Decimal(str(value)), "f")
    raise InvalidOption(None, "has a value that is not a text, a number, a list of these, or weights by name")


def _split(values: Sequence[str]) -> list[str]:
    """Return the values between commas that are not empty."""
    return [part for value in values for part in value.split(",") if part]


def _number(text: str) -> int | float:
    """Return a decimal number, as an int if it has no fraction. Return NaN for other text."""
    if not _NUMBER.fullmatch(text):
        return math.nan
    number = float(text)
    return int(number) if number.is_integer() else number
