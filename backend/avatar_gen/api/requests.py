"""The query parameters of requests, read strictly: each is known, bounded and of its type."""

import re
from functools import lru_cache
from typing import Annotated, ClassVar, Literal, Self, TypeVar
from urllib.parse import parse_qsl

from pydantic import AfterValidator, BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from avatar_gen.avatar import Cursor
from avatar_gen.drawing.filters import DESCRIPTION as FILTER_DESCRIPTION
from avatar_gen.errors import InvalidRequest, Problem
from avatar_gen.imaging import MEDIA_TYPES
from avatar_gen.services.avatars import EXPONENTS
from avatar_gen.services.render_options import FilterName
from avatar_gen.services.validation import (
    OneOf,
    StrictModel,
    read_pairs,
    refuse,
    unique_parameters,
    whole_number,
)

Q = TypeVar("Q", bound="Parameters")

MAX_QUERY_BYTES = 8192
"""The maximum of a query string that FastAPI reads. The name of a photograph may have 3072 of them."""


DEFAULT_SIZE = 6
"""An exponent: 64 px."""

MAX_PX = 1024
"""The largest width of a stored picture."""


class Parameters(StrictModel):
    """Query parameters."""

    max_bytes: ClassVar[int] = 1024
    """The maximum of a query string."""


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

    size: Annotated[int, Field(ge=EXPONENTS[0], le=EXPONENTS[-1]), BeforeValidator(whole_number)] | None = (
        # No default in the document: generated clients would send it beside `px`.
        Field(
            default=None,
            description=f"An exponent: the picture is 2^size px wide, 16 to 512. By default {DEFAULT_SIZE}.",
            examples=[DEFAULT_SIZE],
        )
    )
    filter: FilterName | None = Field(default=None, description=FILTER_DESCRIPTION)
    format: Annotated[str, OneOf(MEDIA_TYPES)] = Field(
        default="png",
        description="PNG is lossless, and so is WebP, except for photographs. An extension of the id also"
        " sets the format.",
    )

    px: Annotated[int, Field(ge=16, le=MAX_PX), BeforeValidator(whole_number)] | None = Field(
        default=None, description="The width in px, instead of `size`.", examples=[256]
    )

    @model_validator(mode="after")
    def _one_width(self) -> Self:
        if self.px and self.size is not None:
            refuse("px", "and size exclude each other")
        return self

    @property
    def width(self) -> int:
        """Return the width in px."""
        return self.px or 1 << (DEFAULT_SIZE if self.size is None else self.size)


def _check_cursor(text: str) -> str:
    try:
        Cursor.parse(text)
    except ValueError:
        raise PydanticCustomError("cursor", "must be the next of a page's pagination") from None
    return text


class ListParameters(Parameters):
    """Which part of the list to return."""

    pick: Annotated[int, Field(ge=1, le=100), BeforeValidator(whole_number)] = Field(
        default=10, description="The maximum number of avatars."
    )
    offset: Annotated[int, Field(ge=0, le=2**31 - 1), BeforeValidator(whole_number)] = Field(
        default=0,
        description="How many avatars to skip. The higher, the slower: `after` is equally fast everywhere.",
    )
    order: Literal["oldest", "newest"] = Field(default="oldest", description="Which avatars come first.")
    after: Annotated[str, AfterValidator(_check_cursor)] | None = Field(
        default=None,
        description="Continue after a page: the `next` of its pagination. Avatars that are added or deleted"
        " in between cause no repetition and no gap.",
        examples=["1769860800000-0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d"],
    )

    @model_validator(mode="after")
    def _one_way_to_continue(self) -> Self:
        if self.after and self.offset:
            refuse("offset", "and after exclude each other")
        return self

    @property
    def cursor(self) -> Cursor | None:
        """Return the place after which the page begins."""
        return Cursor.parse(self.after) if self.after else None


def lenient_number(text: str) -> int | None:
    """Return the number that decimal digits write, or 10**9 if it is larger; None for any other text.

    For URLs in which no number is an error. `int` refuses thousands of digits.
    """
    if not _DIGITS.fullmatch(text):
        return None
    return min(int(text.lstrip("0")[:10] or "0"), 10**9)


_DIGITS = re.compile(r"[0-9]+")


def split_query(query: bytes, max_bytes: int) -> list[tuple[str, str]]:
    """Return the names and values in a query string. Raises `InvalidRequest`."""
    if len(query) > max_bytes:
        problem = Problem("query", f"must have at most {max_bytes} bytes")
        raise InvalidRequest(f"The query string is longer than {max_bytes} bytes.", (problem,))
    try:
        return parse_qsl(query.decode(), keep_blank_values=True, errors="strict")
    except UnicodeDecodeError:
        problem = Problem("query", "must be UTF-8")
        raise InvalidRequest("The query string is not UTF-8.", (problem,)) from None


@lru_cache(maxsize=256)
def parse_query(query: bytes, model: type[Q]) -> Q:
    """Return the parameters in a query string, each given at most once. Raises `InvalidRequest`.

    Clients send few different ones, so the result is cached.
    """
    return read_pairs(split_query(query, model.max_bytes), model)


@lru_cache(maxsize=256)
def check_query(query: bytes, *, has_parameters: bool) -> None:
    """Raise `InvalidRequest` for a query that FastAPI would accept: too long, not UTF-8, or a name twice.

    A route that has no parameters refuses any. Clients send few different queries, so the result is cached.
    """
    pairs = split_query(query, MAX_QUERY_BYTES)
    if pairs and not has_parameters:
        read_pairs(pairs, Parameters)
    unique_parameters(pairs)
