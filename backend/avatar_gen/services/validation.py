"""Strict models of what clients and commands give, and the one error that reports all that is invalid.

No value that was given is part of an error, so that no answer can reflect it and no encoder can fail on it.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, NoReturn, TypeVar

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, ValidationError
from pydantic_core import CoreSchema, ErrorDetails, PydanticCustomError, core_schema

from avatar_gen.drawing.palette import Colour, UnknownColour, parse_colour
from avatar_gen.errors import InvalidRequest, Problem

M = TypeVar("M", bound=BaseModel)

_DIGITS = re.compile(r"0|-?[1-9][0-9]*")
_DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]{1,6})?")

_MAX_NUMBER_LENGTH = 18
"""Digits and a sign. A longer number is beyond the bounds of every field."""


_BARE_HEX = re.compile(r"[0-9a-fA-F]{3}|[0-9a-fA-F]{6}")


class StrictModel(BaseModel):
    """A model that refuses unknown fields."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class OneOf:
    """Annotate a text field that takes one of the names of a registry, which the JSON schema then lists."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = list(names)

    def __get_pydantic_core_schema__(self, _source: object, _handler: GetCoreSchemaHandler) -> CoreSchema:
        """Compare the text with the names."""
        return core_schema.literal_schema(self._names)


def whole_number(value: int | str) -> int:
    """Read digits alone: not `1_000`, ` 5`, `+5` or digits of other scripts, all of which int() accepts."""
    if isinstance(value, int):
        return value
    if not _DIGITS.fullmatch(value):
        raise PydanticCustomError("digits", "must be a whole number in digits")
    # `int` refuses thousands of digits.
    return int(value[:_MAX_NUMBER_LENGTH])


def decimal_number(value: float | str) -> float:
    """Read digits with an optional fraction: not `1e2`, `nan` or `+5`, all of which float() accepts."""
    if not isinstance(value, str):
        return value
    if not _DECIMAL.fullmatch(value):
        raise PydanticCustomError("decimal", "must be a number in digits, such as 45 or 22.5")
    # Without the sign of -0.
    return float(value) + 0.0


def colour(value: Colour | str) -> Colour:
    """Read a colour, with or without `#`."""
    try:
        return value if isinstance(value, Colour) else parse_colour(value)
    except UnknownColour as error:
        raise PydanticCustomError("colour", "{reason}", {"reason": str(error)}) from None


def background(value: Colour | str) -> Colour | Literal["transparent"]:
    """Read a colour or `transparent`, in any case."""
    if isinstance(value, str) and value.lower() == "transparent":
        return "transparent"
    return colour(value)


def boolean(value: bool | str) -> bool:  # noqa: FBT001 - a validator has one argument
    """Read `true` or `false`: not `1`, `yes` or `on`, all of which pydantic accepts."""
    if isinstance(value, bool):
        return value
    if value not in {"true", "false"}:
        raise invalid("must be true or false")
    return value == "true"


def invalid(reason: str) -> PydanticCustomError:
    """Return the error that a validator raises, with a sentence that starts after the field's name."""
    return PydanticCustomError("invalid", "{reason}", {"reason": reason})


def check_colour(text: str) -> str:
    """Return the text of a colour, with `#` if it is hexadecimal, so that CSS understands it."""
    colour(text)
    return f"#{text}" if _BARE_HEX.fullmatch(text) else text


def unique_parameters(pairs: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Return the values of a query by their names. Raises `InvalidRequest` if it names one twice."""
    values = dict(pairs)
    if len(values) < len(pairs):
        problem = Problem("query", "has a parameter that is given more than once")
        raise InvalidRequest("A query parameter is given more than once.", (problem,))
    return values


def read_pairs(pairs: Sequence[tuple[str, str]], model: type[M]) -> M:
    """Return the model of named values, each given at most once. Raises `InvalidRequest`."""
    return read_fields(unique_parameters(pairs), model, part="query")


def read_fields(fields: Mapping[str, object], model: type[M], *, part: str = "body") -> M:
    """Return the model of these fields. Raises `InvalidRequest`, which calls their whole `part`."""
    if not fields.keys() <= model.model_fields.keys():
        # Before pydantic makes an error of each unknown field, of which there may be thousands.
        refuse(part, _unknown(model, part))
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        errors = error.errors(include_url=False, include_input=False)
        raise invalid_request(errors, model, part) from None


def refuse(field: str, message: str) -> NoReturn:
    """Raise `InvalidRequest` for one field."""
    raise InvalidRequest(f"{field} {message}.", (Problem(field, message),))


def unique_fields(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object of a JSON body from its fields. Raises `InvalidRequest` if it names one twice.

    Parsers differ in which value they take, so a proxy and this service could read different requests.
    """
    fields = dict(pairs)
    if len(fields) < len(pairs):
        refuse("body", "has a field more than once")
    return fields


def invalid_request(errors: Sequence[ErrorDetails], model: type[BaseModel], part: str) -> InvalidRequest:
    """Return the error that reports a model's errors in the service's words."""
    problems = tuple(dict.fromkeys(_problem(error, model, part) for error in errors))
    first = problems[0]
    return InvalidRequest(f"{first.field} {first.message}.", problems)


_MESSAGES = {
    "missing": "is required",
    "bool_type": "must be true or false",
    "list_type": "must be a list",
    "string_type": "must be text",
    "too_short": "must not be empty",
    "too_long": "must have at most {max_length} entries",
    "string_unicode": "must be valid Unicode text",
    "string_too_long": "must have at most {max_length} characters",
    "dict_type": "must be a JSON object",
    "float_type": "must be a number",
    "int_type": "must be a whole number",
    "finite_number": "must be a finite number",
    "greater_than_equal": "must be at least {ge:.15g}",
    "less_than_equal": "must be at most {le:.15g}",
    "json_invalid": "is not valid JSON",
    "model_type": "must be a JSON object",
}
"""The service's messages for pydantic's types of errors, with the fields of their context."""


def _problem(error: ErrorDetails, model: type[BaseModel], part: str) -> Problem:
    if error["type"] == "extra_forbidden":
        return Problem(part, _unknown(model, part))
    field = str(error["loc"][0]) if error["loc"] else part
    return Problem(field, _message(error["type"], error.get("ctx", {})) or error["msg"])


def _message(kind: str, context: Mapping[str, Any]) -> str | None:
    if kind == "literal_error":
        return f"must be one of {context['expected'].replace(chr(39), '')}"
    return _MESSAGES[kind].format(**context) if kind in _MESSAGES else None


def _unknown(model: type[BaseModel], part: str) -> str:
    """Return a message that lists the known names. The unknown one is the client's text."""
    noun = "field" if part == "body" else "parameter"
    return f"has a {noun} that is not known here; known: {', '.join(model.model_fields) or 'none at all'}"
