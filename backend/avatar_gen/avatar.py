"""The one list of an avatar's fields, and its place in the list of avatars.

`AvatarSpec` names each field once, with its JSON name and its limits. Objects, rows, imports, exports and
HTTP models derive their fields from it.
"""

import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Annotated, Any, NamedTuple, TypeVar, get_type_hints
from uuid import UUID

from pydantic import AfterValidator, BaseModel, Field, TypeAdapter, ValidationError, create_model
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

M = TypeVar("M", bound=BaseModel)

VERSION = "0.0.1"
"""The version of the record, as the old service answered it and its clients expect it."""

CANONICAL_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
"""A UUID in lower case, with dashes."""

GIVEN_ID = r"[0-9a-fA-F]{8}(?:-?[0-9a-fA-F]{4}){3}-?[0-9a-fA-F]{12}"
"""The pattern of a UUID as clients may write it: in any case, without dashes or with them."""

PHOTO = "photo"
"""The type of a photograph, which no style draws."""

MAX_NAME_LENGTH = 32
"""Code points of a type, a colour, a scheme or a palette."""

ANY_PALETTE = "any"
"""The name of a palette that means: the seed chooses one of the built-in palettes."""

MAX_SEED_LENGTH = 256
"""Code points of a seed, as Python and PostgreSQL count them. One flag or family emoji has several."""

MAX_OPTIONS_LENGTH = 8192
"""Code points of a style's options as JSON."""

MAX_VERSION_LENGTH = 16

_MAX_MS = 253_402_300_799_999
"""The end of the year 9999, the last that ISO 8601 and Python can write."""


def _without_nul(text: str) -> str:
    """Return a text that can be stored. PostgreSQL cannot store NUL, and UTF-8 has no surrogates."""
    if "\0" in text:
        raise PydanticCustomError("nul", "must not contain the NUL character")
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise PydanticCustomError("surrogate", "must be valid Unicode text") from None
    return text


def _printable(text: str) -> str:
    """Return a text that a header can carry: a line break in it would begin another header."""
    if not (text.isascii() and text.isprintable()):
        raise PydanticCustomError("printable", "must be printable ASCII characters")
    return text


def write_options(options: Mapping[str, Any]) -> str:
    """Return a style's options as JSON: the same text for equal options. Raises `ValueError` for NaN."""
    return json.dumps(options, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))


def _options_as_text(value: object) -> str | None:
    if value is None:
        return None
    if not isinstance(value, dict):
        raise PydanticCustomError("options", "is not a JSON object")
    return write_options(value)


Name = Annotated[str, Field(strict=True, max_length=MAX_NAME_LENGTH), AfterValidator(_without_nul)]
Seed = Annotated[str, Field(strict=True, max_length=MAX_SEED_LENGTH), AfterValidator(_without_nul)]
OptionsText = Annotated[
    str,
    Field(strict=True, max_length=MAX_OPTIONS_LENGTH),
    AfterValidator(_without_nul),
]
Angle = Annotated[float, Field(strict=True, ge=0, le=360, allow_inf_nan=False)]


@dataclass(frozen=True, slots=True)
class AvatarSpec:
    """The options of an avatar: what a client can ask for. None means "not given".

    The constructor checks nothing. `read_avatar` checks types and limits; the HTTP models also check that
    styles, schemes and colours are known. The JSON name of a field is its name in camelCase.
    """

    generator_type: Name = "pixelize"
    primary_color: Name | None = None
    foreign_color: Name | None = None
    color_scheme: Name | None = None
    seed: Seed | None = None
    angle: Angle | None = None
    """Degrees, for the style gradient: 0 to the right, 90 downwards."""
    palette: Name | None = None
    """The curated palette that the seed chooses colours from, or `ANY_PALETTE`. The palette of a stored
    avatar may be one that the settings no longer have."""
    options: OptionsText | None = None
    """The options of one of DiceBear's styles, as JSON: see `write_options`."""

    def as_avatar(self, avatar_id: str, created_ms: int | None = None) -> "Avatar":
        """Return an avatar with these options that is created at this time, by default now."""
        options = {name: getattr(self, name) for name in SPEC_FIELDS}
        moment = time.time_ns() // 1_000_000 if created_ms is None else created_ms
        return Avatar(id=avatar_id, created_ms=moment, **options)


@dataclass(frozen=True, slots=True, kw_only=True)
class Avatar(AvatarSpec):
    """A stored avatar: its options, and what the service adds to them."""

    id: Annotated[str, Field(strict=True, pattern=rf"^{CANONICAL_ID.pattern}$")]
    """A UUID 4 in its canonical, lower-case form."""
    created_ms: Annotated[int, Field(strict=True, ge=0, le=_MAX_MS)]
    """Milliseconds since 1970, UTC."""
    version: Annotated[str, Field(strict=True, max_length=MAX_VERSION_LENGTH), AfterValidator(_printable)] = (
        VERSION
    )

    @property
    def cursor(self) -> "Cursor":
        """Return the avatar's place in the list, which is ordered by time of creation, then by id."""
        return Cursor(self.created_ms, self.id)


def stored_id(given: str) -> str:
    """Return an id in its canonical form. Raises `ValueError` for what `GIVEN_ID` does not match.

    Python's UUID alone also takes braces and `urn:uuid:`.
    """
    if not re.fullmatch(GIVEN_ID, given):
        raise ValueError("not a UUID")
    return str(UUID(given))


SPEC_FIELDS = tuple(field.name for field in fields(AvatarSpec))
AVATAR_FIELDS = tuple(field.name for field in fields(Avatar))

JSON_NAMES: Mapping[str, str] = {name: to_camel(name) for name in AVATAR_FIELDS if name != "created_ms"}
"""The JSON name of each field of an `Avatar`, except its time: JSON has `createdAt`, in ISO 8601."""


def add_missing_options(*without: str) -> Callable[[type[M]], type[M]]:
    """Return a decorator that adds to a model the options that it does not list, with None as the default.

    The fields have JSON names. `without` holds JSON names to leave out.
    """

    def decorate(model: type[M]) -> type[M]:
        types = get_type_hints(AvatarSpec, include_extras=True)
        missing: dict[str, Any] = {
            JSON_NAMES[name]: (types[name] | None, None)
            for name in SPEC_FIELDS
            if JSON_NAMES[name] not in {*model.model_fields, *without}
        }
        if not missing:
            return model
        return create_model(
            model.__name__, __base__=model, __module__=model.__module__, __doc__=model.__doc__, **missing
        )

    return decorate


_REQUIRED = ("id", "createdAt", "generatorType")
"""The fields that are in every record. Records of an earlier release may lack others."""

_AVATAR = TypeAdapter(Avatar)

_MESSAGES = {
    "string_too_long": "has more than {max_length} characters",
    "string_type": "is not text",
    "string_unicode": "must be valid Unicode text",
    "string_pattern_mismatch": "is not a UUID in lower case",
    "float_type": "is not a number",
    "finite_number": "is not a finite number",
    "greater_than_equal": "is less than {ge:g}",
    "less_than_equal": "is more than {le:.15g}",
}


def avatar_as_json(avatar: Avatar) -> dict[str, object]:
    """Return the fields of an avatar by their JSON names."""
    values = {json_name: getattr(avatar, name) for name, json_name in JSON_NAMES.items()}
    values["options"] = json.loads(avatar.options) if avatar.options else None
    return {"createdAt": format_time(avatar.created_ms), **values}


def read_avatar(values: Mapping[str, Any]) -> Avatar:
    """Return the avatar whose fields are given by their JSON names; unknown names are ignored.

    Raises `ValueError` with one clause that names the first field that is missing, of the wrong type or
    beyond its limit.
    """
    for name in _REQUIRED:
        if name not in values:
            raise ValueError(f"it has no {name}")
    try:
        created_ms = parse_time(values["createdAt"])
    except (TypeError, ValueError, OverflowError):
        raise ValueError("its createdAt is not an ISO 8601 time") from None
    if created_ms < 0:
        raise ValueError("its createdAt is before 1970")
    known = {name: values[json_name] for name, json_name in JSON_NAMES.items() if json_name in values}
    try:
        known["options"] = _options_as_text(values.get("options"))
        return _AVATAR.validate_python({**known, "created_ms": created_ms})
    except ValidationError as error:
        raise ValueError(_describe(error)) from None
    except PydanticCustomError as error:
        raise ValueError(f"its options {error.message()}") from None


def _describe(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    field = str(first["loc"][0])
    name = JSON_NAMES.get(field, "createdAt")
    template = _MESSAGES.get(first["type"])
    return f"its {name} {template.format(**first.get('ctx', {})) if template else first['msg']}"


class Cursor(NamedTuple):
    """A place in the list of avatars. The avatar that it was made from may have been deleted."""

    created_ms: int
    id: str

    def __str__(self) -> str:
        """Return the form that clients send back as `after`."""
        return f"{self.created_ms}-{self.id}"

    @classmethod
    def parse(cls, text: str) -> "Cursor":
        """Return the cursor that `str` wrote. Raises `ValueError`."""
        if not _CURSOR.fullmatch(text):
            raise ValueError("not a cursor")
        created_ms, _, avatar_id = text.partition("-")
        return cls(int(created_ms), avatar_id)


_CURSOR = re.compile(rf"[0-9]{{1,15}}-{CANONICAL_ID.pattern}")


def format_time(ms: int) -> str:
    """Return a time in ISO 8601, in UTC, with milliseconds and `Z`."""
    moment = datetime.fromtimestamp(ms // 1000, UTC).replace(microsecond=ms % 1000 * 1000)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_time(text: str) -> int:
    """Return the milliseconds since 1970 of an ISO 8601 time. Raises `ValueError` or `OverflowError`."""
    moment = datetime.fromisoformat(text).astimezone(UTC)
    return int(moment.replace(microsecond=0).timestamp()) * 1000 + moment.microsecond // 1000
