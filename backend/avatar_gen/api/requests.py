"""What a client sends, read strictly: every parameter and field is known, bounded and of its type."""

from functools import lru_cache
from typing import Annotated, ClassVar, Literal, Self, TypeVar
from urllib.parse import parse_qsl

from pydantic import BaseModel, BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError, from_json
from starlette.requests import Request

from avatar_gen.avatar import Cursor
from avatar_gen.drawing.filters import DESCRIPTION as FILTER_DESCRIPTION
from avatar_gen.errors import BodyTooLarge, InvalidRequest, NotJson
from avatar_gen.imaging import MEDIA_TYPES
from avatar_gen.services.avatars import EXPONENTS
from avatar_gen.services.render_options import FilterName
from avatar_gen.services.validation import OneOf, StrictModel, read_fields, read_pairs, refuse, whole_number

BODY_LIMIT = 64 * 1024
"""Bytes. The largest body that makes sense has some 4,000."""

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"

M = TypeVar("M", bound=BaseModel)
Q = TypeVar("Q", bound="Parameters")


class Parameters(StrictModel):
    """Query parameters. A model without fields takes none."""

    max_bytes: ClassVar[int] = 1024
    """Of a query string."""


class PictureParameters(Parameters):
    """The parameter that every picture takes."""

    v: str | None = Field(
        default=None,
        max_length=64,
        description="Ignored. A page changes it to have the picture fetched again.",
        examples=["2"],
    )


class StoredPictureParameters(PictureParameters):
    """How a stored picture is served."""

    size: Annotated[int, Field(ge=EXPONENTS[0], le=EXPONENTS[-1]), BeforeValidator(whole_number)] = Field(
        default=6, description="An exponent: the picture is 2^size px wide, 16 to 512."
    )
    filter: FilterName | None = Field(default=None, description=FILTER_DESCRIPTION)
    format: Annotated[str, OneOf(MEDIA_TYPES)] = Field(
        default="png", description="PNG and WebP are lossless."
    )


def _cursor(text: str) -> Cursor:
    try:
        return Cursor.parse(text)
    except ValueError:
        raise PydanticCustomError("cursor", "must be the next of a page's pagination") from None


class ListParameters(Parameters):
    """Which part of the list."""

    pick: Annotated[int, Field(ge=1, le=100), BeforeValidator(whole_number)] = Field(
        default=10, description="The maximum number of avatars."
    )
    offset: Annotated[int, Field(ge=0, le=2**31 - 1), BeforeValidator(whole_number)] = Field(
        default=0,
        description="How many avatars to skip. The higher, the slower: `after` is equally fast everywhere.",
    )
    order: Literal["oldest", "newest"] = Field(default="oldest", description="Which avatars come first.")
    after: Annotated[Cursor | None, BeforeValidator(_cursor)] = Field(
        default=None,
        description="Continue after a page: the `next` of its pagination. Avatars that are added or deleted"
        " in between cause no repetition and no gap.",
        json_schema_extra={"anyOf": [{"type": "string"}, {"type": "null"}]},
        examples=["1769860800000-0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d"],
    )

    @model_validator(mode="after")
    def _one_way_to_continue(self) -> Self:
        if self.after and self.offset:
            refuse("offset", "and after exclude each other")
        return self


def split_query(query: bytes, max_bytes: int) -> list[tuple[str, str]]:
    """Return the names and values in a query string. Raises `InvalidRequest`."""
    if len(query) > max_bytes:
        raise InvalidRequest(f"The query string is longer than {max_bytes} bytes.")
    try:
        return parse_qsl(query.decode(), keep_blank_values=True, errors="strict")
    except UnicodeDecodeError:
        raise InvalidRequest("The query string is not UTF-8.") from None


@lru_cache(maxsize=256)
def parse_query(query: bytes, model: type[Q]) -> Q:
    """Return the parameters in a query string, each given at most once. Raises `InvalidRequest`.

    Clients send few different ones, so the result is cached.
    """
    return read_pairs(split_query(query, model.max_bytes), model)


async def parse_body(request: Request, model: type[M]) -> M:
    """Return the JSON body of a request; an absent one is `{}`.

    Raises `InvalidRequest`, `NotJson`, and `BodyTooLarge` without reading the rest.
    """
    body = (await _read(request)).removeprefix(_BYTE_ORDER_MARK)
    if body and not _is_json(request.headers.get("content-type", "application/json")):
        raise NotJson("The body must be JSON, sent with Content-Type: application/json.")
    try:
        fields = from_json(body or b"{}")
    except ValueError:
        refuse("body", "is not valid JSON")
    if not isinstance(fields, dict):
        refuse("body", "must be a JSON object")
    return read_fields(fields, model)


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
