"""What a DiceBear style may be asked for, and how that is read from a query string.

DiceBear's HTTP API takes every option as text: several values are separated by commas, an empty one stands
for an empty list, and a variant can carry a weight (`eyesVariant=happy:3,wink:1`). So does this, but for
three things: every number, text and list has an end, a name that the style does not have is refused, not
passed over, and there is no `idRandomization`, by which no answer would be like another.
"""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Value = str | int | float | list[str] | list[int | float] | dict[str, int | float]
"""An option as DiceBear's core takes it."""

MAX_SEED_LENGTH = 256
"""Characters."""

_TITLE_LENGTH = 256
_MOST_VALUES = 128
_MOST_WEIGHT = 1_000_000

_NUMBER = re.compile(r"-?[0-9]{1,7}(\.[0-9]{1,9})?")
_COLOUR = re.compile(r"#?([0-9a-fA-F]{3}|[0-9a-fA-F]{4}|[0-9a-fA-F]{6}|[0-9a-fA-F]{8})")
_TAG = re.compile(r"!?[a-z][a-zA-Z0-9]{0,63}(:[a-z][a-zA-Z0-9]{0,63})?")
_FONT = re.compile(r"[a-zA-Z0-9_-]{1,64}( [a-zA-Z0-9_-]{1,64}){0,3}")
_NOT_XML = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
"""What XML 1.0 can hold in no way, not even escaped: https://www.w3.org/TR/xml/#charsets"""

Json = dict[str, Any]


class OptionRefused(ValueError):
    """An option that cannot be taken: `option` is its name, or None for one that there is not."""

    def __init__(self, option: str | None, reason: str) -> None:
        super().__init__(reason)
        self.option = option


@dataclass(frozen=True, slots=True)
class Text:
    """One text, commas and all."""

    most: int

    def read(self, values: Sequence[str]) -> Value:
        """The text. Raises `ValueError` with what it must be, as `read` of the others does."""
        if len(values) != 1 or len(values[0]) > self.most or _NOT_XML.search(values[0]):
            raise ValueError(f"must be one text of at most {self.most} characters that XML can hold")
        return values[0]


@dataclass(frozen=True, slots=True)
class Numbers:
    """A number, or as many as `most_values`: two are the ends of a range from which the seed chooses."""

    least: float
    most: float
    whole: bool = False
    most_values: int = 1

    def read(self, values: Sequence[str]) -> Value:
        """The number; a list where there may be several."""
        numbers = [_number(value) for value in _split(values)]
        fewest = 1 if self.most_values == 1 else 0
        if not fewest <= len(numbers) <= self.most_values or not all(map(self._fits, numbers)):
            raise ValueError(self._takes())
        return numbers[0] if self.most_values == 1 else numbers

    def _fits(self, number: float) -> bool:
        # NaN, which stands for what is no number, is in no range.
        return self.least <= number <= self.most and not (self.whole and isinstance(number, float))

    def _takes(self) -> str:
        kind = "whole number" if self.whole else "number"
        bounds = f"from {self.least:g} to {self.most:g}"
        if self.most_values == 1:
            return f"must be a {kind} {bounds}"
        return f"must be at most {self.most_values} {kind}s {bounds}, separated by commas"


@dataclass(frozen=True, slots=True)
class Words:
    """Words that fit a pattern."""

    pattern: re.Pattern[str]
    takes: str

    def read(self, values: Sequence[str]) -> Value:
        """The words."""
        words = _split(values)
        if len(words) > _MOST_VALUES or not all(self.pattern.fullmatch(word) for word in words):
            raise ValueError(f"must be at most {_MOST_VALUES} {self.takes}, separated by commas")
        return words


@dataclass(frozen=True, slots=True)
class Choice:
    """Names out of a few."""

    names: tuple[str, ...]
    many: bool = True
    weighted: bool = False
    """Whether a name may be followed by a colon and how often it shall come up, beside the others."""

    def read(self, values: Sequence[str]) -> Value:
        """The names, with their weights if one of them has one; alone where there is but one."""
        words = _split(values)
        pairs = [word.partition(":") for word in words] if self.weighted else [(w, "", "") for w in words]
        if len(pairs) > _MOST_VALUES or not all(name in self.names for name, _, _ in pairs):
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
        # DiceBear reads no digits at all as JavaScript does: as nought.
        weight = _number(text or "0")
        if not 0 <= weight <= _MOST_WEIGHT:
            raise ValueError(f"must have weights from 0 to {_MOST_WEIGHT}")
        return weight

    def _takes(self) -> str:
        several = f"at most {_MOST_VALUES} of" if self.many else "one of"
        return f"must be {several} {', '.join(self.names)}"


Option = Text | Numbers | Words | Choice


def options_of(descriptor: Mapping[str, Json]) -> dict[str, Option]:
    """The options that DiceBear's own descriptor of a style has, by name."""
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
    if name == "fontFamily":
        return Words(_FONT, "names of fonts")
    return Text(MAX_SEED_LENGTH if name == "seed" else _TITLE_LENGTH)


def _numbers(name: str, field: Json) -> Option:
    most_values = _MOST_VALUES if field.get("list") else 1
    return Numbers(field["min"], field["max"], name in {"size", "fontWeight"}, most_values)


def _range(_name: str, field: Json) -> Option:
    # Without an end is how many colours a gradient has, which is a whole number.
    return Numbers(field["min"], field.get("max", _MOST_VALUES), "max" not in field, most_values=2)


def _names(_name: str, field: Json) -> Option:
    if field.get("open"):
        return Words(_TAG, "tags such as hairLength:long or !hat")
    return Choice(tuple(field["values"]), field.get("list", False), field.get("weighted", False))


def read_options(options: Mapping[str, Option], pairs: Iterable[tuple[str, str]]) -> dict[str, Value]:
    """The options in the names and values of a query string, sorted by name. Raises `OptionRefused`."""
    given: dict[str, list[str]] = {}
    for name, value in pairs:
        given.setdefault(name.removesuffix("[]"), []).append(value)
    read = {}
    for name in sorted(given):
        if name not in options:
            # The name is the client's text: say what there is instead.
            raise OptionRefused(None, f"has an option that is not known here; known: {', '.join(options)}")
        try:
            read[name] = options[name].read(given[name])
        except ValueError as error:
            raise OptionRefused(name, str(error)) from None
    return read


def _split(values: Sequence[str]) -> list[str]:
    """The values between the commas, those that are not empty."""
    return [part for value in values for part in value.split(",") if part]


def _number(text: str) -> int | float:
    """A decimal number, an int if it has no fraction; NaN if it is none."""
    if not _NUMBER.fullmatch(text):
        return math.nan
    number = float(text)
    return int(number) if number.is_integer() else number
