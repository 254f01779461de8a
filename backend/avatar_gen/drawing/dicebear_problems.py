"""What is wrong with a style definition, in words for its author."""

from collections.abc import Mapping, Sequence
from typing import Any

_WORDS = {
    "required": "lacks a required field",
    "additionalProperties": "has an unknown field",
    "type": "has the wrong type",
    "enum": "is not one of the accepted values",
    "not": "has text that is not accepted, such as a URL",
    "pattern": "has a character that is not accepted",
    "minItems": "has too few entries",
    "maxItems": "has too many entries",
    "minProperties": "has too few entries",
    "maxProperties": "has too many entries",
    "minLength": "is too short",
    "maxLength": "is too long",
    "minimum": "is too small",
    "exclusiveMinimum": "is too small",
    "maximum": "is too large",
    "uniqueItems": "has an entry twice",
}
"""Clauses for the keywords of JSON schema that the schema of definitions uses."""


def describe_problems(details: Sequence[Mapping[str, Any]]) -> str:
    """Return the most useful of the problems that DiceBear's validator found, in a clause.

    For an invalid element, the validator lists a problem with each of the four forms of elements. The deepest
    problem is about the intended form. A problem `const` says only that the form is another one. A problem
    `not` tells more than a problem `type`, which the other form of the same value has.
    """
    telling = [each for each in details if each.get("message") != "const"] or details
    # max() returns the first of equals, and the forms of elements come before the general one.
    worst = max(reversed(telling), key=_precision)
    keyword = worst.get("message", "")
    where = worst.get("instancePath") or "the definition"
    return f"{where} {_WORDS.get(keyword) or keyword or 'is invalid'}"


def _precision(problem: Mapping[str, Any]) -> tuple[int, bool]:
    return problem.get("instancePath", "").count("/"), problem.get("message") == "not"
