"""What a client sent, read strictly: every parameter and field is known, bounded and of its type.

Nothing that was sent is ever part of an answer, so nothing can be reflected, and no encoder can stumble over
it.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Annotated, Any, ClassVar, Literal, NoReturn, Self, TypeVar
from urllib.parse import parse_qsl

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails, PydanticCustomError
from starlette.requests import Request

from avatar_gen.avatar import MAX_SEED_LENGTH, AvatarSpec, Cursor
from avatar_gen.drawing.palette import SCHEMES, UnknownColour, parse_colour
from avatar_gen.drawing.styles import STYLES
from avatar_gen.errors import BodyTooLarge, InvalidRequest, NotJson, Problem
from avatar_gen.services.avatars import EXPONENTS

BODY_LIMIT = 64 * 1024
"""Bytes. The largest body that makes sense has some 600."""

M = TypeVar("M", bound=BaseModel)
Q = TypeVar("Q", bound="Parameters")

LONGEST = 8192
"""Bytes of a query string in which a seed may stand, of which 256 characters can have 3,072."""

_DIGITS = re.compile(r"0|[1-9][0-9]{0,17}")


class Parameters(BaseModel):
    """Query parameters; a model without fields takes none."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    longest: ClassVar[int] = 1024
    """Bytes of a query string; the longest that makes sense for most has some 50."""


def whole_number(text: str) -> int:
    """Digits alone: not `1_000`, ` 5`, `+5` or other scripts' digits, all of which int() would take."""
    if not _DIGITS.fullmatch(text):
        raise PydanticCustomError("digits", "must be a whole number in digits")
    return int(text)


def _cursor(text: str) -> Cursor:
    try:
        return Cursor.parse(text)
    except ValueError:
        raise PydanticCustomError("place", "must be the next of a page's pagination") from None


class PictureParameters(Parameters):
    """How a stored picture is served."""

    size: Annotated[int, Field(ge=EXPONENTS[0], le=EXPONENTS[-1]), BeforeValidator(whole_number)] = Field(
        default=6, description="An exponent: the picture is 2^size px wide, 16 to 512."
    )
    filter: Literal["grayscale", "sepia", "negative"] | None = Field(
        default=None, description="As CSS's grayscale(1), sepia(1) and invert(1)."
    )
    format: Literal["png", "webp", "avif", "jpeg"] = Field(
        default="png", description="PNG and WebP are lossless."
    )


class ListParameters(Parameters):
    """Which part of the list."""

    pick: Annotated[int, Field(ge=1, le=100), BeforeValidator(whole_number)] = Field(
        default=10, description="How many avatars at most."
    )
    offset: Annotated[int, Field(ge=0, le=2**31 - 1), BeforeValidator(whole_number)] = Field(
        default=0,
        description="How many are left out. The more, the slower: `after` is as fast anywhere.",
    )
    order: Literal["oldest", "newest"] = Field(default="oldest", description="Which come first.")
    after: Annotated[Cursor | None, BeforeValidator(_cursor)] = Field(
        default=None,
        description="Goes on behind a page: the `next` of its pagination. Avatars that come and go in between"
        " make none come twice, and none be left out.",
        json_schema_extra={"anyOf": [{"type": "string"}, {"type": "null"}]},
        examples=["1769860800000-0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d"],
    )

    @model_validator(mode="after")
    def _one_way_to_go_on(self) -> Self:
        if self.after and self.offset:
            refuse("offset", "and after exclude each other")
        return self


class GenerateBody(BaseModel):
    """What to draw. Every field may be left out or null."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    type: str | None = Field(
        default=None,
        description="In any case; without it pixelize.",
        json_schema_extra={"enum": [*STYLES, None]},
    )
    primaryColor: str | None = Field(  # noqa: N815 - JSON's spelling
        default=None,
        description="A CSS colour: #rgb, #rrggbb or a name; without it #3B82F6.",
        examples=["#0077BE"],
    )
    foreignColor: str | None = Field(  # noqa: N815
        default=None,
        description="Likewise; without it #60A5FA.",
        examples=["orange"],
    )
    colorScheme: str | None = Field(  # noqa: N815
        default=None,
        description="It wins over the two colours.",
        json_schema_extra={"enum": [*SCHEMES, None]},
    )
    seed: str | None = Field(
        default=None,
        max_length=MAX_SEED_LENGTH,
        description=f"Any text of at most {MAX_SEED_LENGTH} code points. The same type, colours, seed and"
        " angle always give the same picture; without a seed it is random.",
        examples=["ada"],
    )
    angle: float | None = Field(
        default=None,
        ge=0,
        le=360,
        allow_inf_nan=False,
        description="Degrees, for gradient alone: 0 to the right, 90 (the default) downwards.",
    )

    @field_validator("type")
    @classmethod
    def _known_type(cls, value: str | None) -> str | None:
        return value if value is None else known(value.lower() if value.isascii() else value, STYLES)

    @field_validator("primaryColor", "foreignColor")
    @classmethod
    def _known_colour(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                parse_colour(value)
            except UnknownColour as error:
                raise PydanticCustomError("colour", "{reason}", {"reason": str(error)}) from None
        return value

    @field_validator("colorScheme")
    @classmethod
    def _known_scheme(cls, value: str | None) -> str | None:
        return value if value is None else known(value, SCHEMES)

    @field_validator("seed")
    @classmethod
    def _storable(cls, value: str | None) -> str | None:
        if value and "\0" in value:
            raise PydanticCustomError("nul", "must not contain the NUL character")
        return value

    @field_validator("angle")
    @classmethod
    def _angle_has_a_use(cls, value: float | None, info: ValidationInfo) -> float | None:
        # A type that is wrong itself is not there to be asked about.
        style = STYLES.get(info.data.get("type", "gradient") or "pixelize")
        if value is not None and style and "angle" not in style.options:
            users = ", ".join(name for name, style in STYLES.items() if "angle" in style.options)
            raise PydanticCustomError("angle", "is for the type {users} alone", {"users": users})
        return value

    def spec(self) -> AvatarSpec:
        """What is to be drawn."""
        return AvatarSpec(
            generator_type=self.type or "pixelize",
            primary_color=self.primaryColor,
            foreign_color=self.foreignColor,
            color_scheme=self.colorScheme,
            seed=self.seed,
            angle=self.angle,
        )


class GenerateGradientBody(GenerateBody):
    """What to draw in version 2: a gradient, whose angle is required."""

    type: str | None = Field(
        default="gradient",
        description="In any case, or left out.",
        json_schema_extra={"enum": ["gradient", None]},
    )
    angle: float = Field(
        ge=0,
        le=360,
        allow_inf_nan=False,
        description="Degrees: 0 to the right, 90 downwards.",
        examples=[45],
    )

    @field_validator("type")
    @classmethod
    def _gradient(cls, value: str | None) -> str:
        return known((value or "gradient").lower(), ("gradient",))


def split_query(query: bytes, longest: int) -> list[tuple[str, str]]:
    """The names and values in a query string of at most so many bytes. Raises `InvalidRequest`."""
    if len(query) > longest:
        raise InvalidRequest(f"The query string is longer than {longest} bytes.")
    try:
        return parse_qsl(query.decode(), keep_blank_values=True, errors="strict")
    except UnicodeDecodeError:
        raise InvalidRequest("The query string is not UTF-8.") from None


@lru_cache(maxsize=256)
def parse_query(query: bytes, model: type[Q]) -> Q:
    """The parameters in a query string, each given once. Raises `InvalidRequest`.

    Few different ones are asked for, over and over: remembered, they cost 0.1 us instead of 10.
    """
    pairs = split_query(query, model.longest)
    values = dict(pairs)
    if len(values) < len(pairs):
        raise InvalidRequest("A query parameter is given more than once.")
    try:
        return model.model_validate(values)
    except ValidationError as error:
        _refuse(error, model, "query")


async def parse_body(request: Request, model: type[M]) -> M:
    """The JSON body of a request; none at all is as good as `{}`.

    Raises `InvalidRequest`, `BodyTooLarge` as soon as it is known to be, `NotJson`.
    """
    body = await _read(request)
    if body and not _is_json(request.headers.get("content-type", "application/json")):
        raise NotJson("The body must be JSON, sent with Content-Type: application/json.")
    try:
        return model.model_validate_json(body or b"{}")
    except ValidationError as error:
        _refuse(error, model, "body")


def read_fields(fields: Mapping[str, object], model: type[M]) -> M:
    """The same fields where they were not sent but given. Raises `InvalidRequest`."""
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        _refuse(error, model, "body")


async def _read(request: Request) -> bytes:
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared[:20]) > BODY_LIMIT:
        raise _too_large()
    body = bytearray()
    while True:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise InvalidRequest("The body did not arrive.")
        body += message.get("body", b"")
        if len(body) > BODY_LIMIT:
            raise _too_large()
        if not message.get("more_body", False):
            return bytes(body)


def _too_large() -> BodyTooLarge:
    return BodyTooLarge(f"The body is larger than {BODY_LIMIT // 1024} KB.")


def _is_json(content_type: str) -> bool:
    media_type = content_type.partition(";")[0].strip().lower()
    return media_type == "application/json" or media_type.endswith("+json")


def known(value: str, names: Any) -> str:  # noqa: ANN401 - any collection with an order
    """The value if it is one of the names. Raises what pydantic makes a refusal of."""
    if value not in names:
        choices = ", ".join(names)
        raise PydanticCustomError("choice", "must be one of {choices}", {"choices": choices})
    return value


def refuse(field: str, message: str) -> NoReturn:
    """Say what is wrong with a parameter that a model alone cannot judge."""
    raise InvalidRequest(f"{field} {message}.", (Problem(field, message),))


def _refuse(error: ValidationError, model: type[BaseModel], part: str) -> NoReturn:
    details = error.errors(include_url=False, include_input=False)
    problems = tuple(dict.fromkeys(_problem(each, model, part) for each in details))
    first = problems[0]
    raise InvalidRequest(f"{first.field} {first.message}.", problems) from None


_MESSAGES = {
    "missing": "is required",
    "string_type": "must be text",
    "string_unicode": "must be text that UTF-8 can write",
    "string_too_long": "must have at most {max_length} characters",
    "float_type": "must be a number",
    "int_type": "must be a whole number",
    "finite_number": "must be a finite number",
    "greater_than_equal": "must be at least {ge:.15g}",
    "less_than_equal": "must be at most {le:.15g}",
    "literal_error": "must be one of {expected}",
    "json_invalid": "is not valid JSON",
    "model_type": "must be a JSON object",
}
"""pydantic's kinds of errors in our words, with the fields of its context."""


def _problem(error: ErrorDetails, model: type[BaseModel], part: str) -> Problem:
    kind = error["type"]
    if kind == "extra_forbidden":
        # The name of the unknown field is the client's text: say what there is instead.
        known = ", ".join(model.model_fields) or "none at all"
        noun = "field" if part == "body" else "parameter"
        return Problem(part, f"has a {noun} that is not known here; known: {known}")
    field = str(error["loc"][0]) if error["loc"] else part
    template = _MESSAGES.get(kind)
    message = template.format(**error.get("ctx", {})) if template else error["msg"]
    return Problem(field, message)
