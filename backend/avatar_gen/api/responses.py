"""The models of JSON answers, and the envelope around each."""

from http import HTTPStatus
from typing import Any, Generic, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, JsonValue
from starlette.responses import JSONResponse, Response

from avatar_gen import __version__
from avatar_gen.avatar import Avatar, add_missing_options, avatar_as_json
from avatar_gen.drawing.palettes import CuratedPalette
from avatar_gen.errors import AvatarError, InvalidRequest
from avatar_gen.services.found_style import StyleDescription

D = TypeVar("D")

EXAMPLE_ID = "0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d"

UNCACHED = {"Cache-Control": "no-store"}

INTERNAL_ERROR = "The service has failed; see its log."
"""The message of an answer to a request that failed because of an error in the service."""


def _like(**example: JsonValue) -> ConfigDict:
    """Return a configuration that shows an example in the OpenAPI document."""
    return ConfigDict(json_schema_extra={"examples": [example]})


class Message(BaseModel):
    """An answer of one sentence."""

    statusCode: int = 200  # noqa: N815 - JSON's spelling, here and below
    message: str = Field(examples=["Avatar generated"])


class Answer(Message, Generic[D]):
    """An answer with data."""

    data: D


class ProblemData(BaseModel):
    """One field of an invalid request."""

    field: str
    message: str


class Failure(BaseModel):
    """Any error."""

    statusCode: int  # noqa: N815
    message: str = Field(description="One sentence that a person can act on.")
    error: str = Field(description="The status in words.")
    details: list[ProblemData] | None = Field(
        default=None, description="For a request that failed validation."
    )


# The contract leaves the angle out.
@add_missing_options("angle")
class AvatarData(BaseModel):
    """A stored avatar. Options that were not given are null."""

    model_config = _like(
        id=EXAMPLE_ID,
        name=EXAMPLE_ID,
        createdAt="2026-01-31T12:00:00.000Z",
        version="0.0.1",
        primaryColor="#0077BE",
        foreignColor="gold",
        colorScheme="ocean",
        seed="ada",
        generatorType="wave",
        palette=None,
        options=None,
    )

    id: str = Field(description="A UUID 4.")
    name: str = Field(description="The same as id.")
    createdAt: str = Field(description="ISO 8601, UTC, milliseconds.")  # noqa: N815
    version: str
    # An object. The database stores the options as text.
    options: dict[str, JsonValue] | None = Field(
        default=None, description="Those of DiceBear's styles; null for the service's own styles."
    )

    @classmethod
    def of(cls, avatar: Avatar) -> "AvatarData":
        """Return an avatar in the API's spelling."""
        fields: dict[str, Any] = {**avatar_as_json(avatar), "name": avatar.id}
        return cls.model_construct(**{name: fields[name] for name in cls.model_fields})


class Pagination(BaseModel):
    """The place of a page in the list."""

    model_config = _like(total=11, offset=0, pick=10, hasMore=True, next=f"1769860800000-{EXAMPLE_ID}")

    total: int
    offset: int
    pick: int
    hasMore: bool  # noqa: N815
    next: str | None = Field(description="The value of `after` for the next page; null on the last one.")


class AvatarList(BaseModel):
    """A page of the list."""

    avatars: list[AvatarData]
    pagination: Pagination


class SchemeData(BaseModel):
    """A colour scheme."""

    model_config = _like(name="ocean", primaryColor="#0077BE", foreignColor="#00A8CC")

    name: str
    primaryColor: str  # noqa: N815
    foreignColor: str  # noqa: N815


class PaletteData(SchemeData):
    """A colour scheme with a name to show. Generate takes its `key` as `colorScheme`."""

    model_config = _like(name="Ocean", primaryColor="#0077BE", foreignColor="#00A8CC", key="ocean")

    key: str


class CuratedPaletteData(BaseModel):
    """A curated palette. Generate and pictures by URL take its `key` as `palette`."""

    model_config = _like(
        name="Lagoon", key="lagoon", colors=["#e8fbf6", "#7fe0d0", "#12848a", "#1f5fa8", "#0b2545"]
    )

    name: str
    key: str
    colors: list[str]

    @classmethod
    def of(cls, palette: CuratedPalette) -> Self:
        """Describe a palette."""
        colors = [f"#{bytes(colour).hex()}" for colour in palette.colours]
        return cls(name=palette.name.title(), key=palette.name, colors=colors)


class PaletteList(BaseModel):
    """All colour schemes and palettes."""

    palettes: list[PaletteData]
    """The colour schemes that generate takes."""
    curated: list[CuratedPaletteData]
    """The palettes that generate and pictures by URL take as `palette`."""


_LORELEI: dict[str, JsonValue] = {
    "name": "lorelei",
    "title": "Lorelei",
    "license": "CC0 1.0",
    "creator": "Lisa Wischofsky",
    "options": ["filter", "backgroundColor", "earringsVariant"],
    "formats": ["svg", "png", "webp", "avif", "jpeg"],
    "sample": "/api/render/lorelei/sample.png",
}


class StyleData(BaseModel):
    """A style that avatars are drawn in."""

    model_config = _like(**_LORELEI)

    name: str
    title: str
    license: str | None = Field(
        description="The licence of the artwork. Null for the service's own styles, and if an operator's"
        " style has none."
    )
    creator: str | None = Field(description="The artist. Null as for `license`.")
    options: list[str] = Field(description="The options that change the picture, beside size and shape.")
    formats: list[str] = Field(description="The formats of its pictures by URL: svg only for line drawings.")
    sample: str = Field(description="The path of a picture.")

    @classmethod
    def of(cls, style: StyleDescription, root: str) -> "StyleData":
        """Return a style in the API's spelling, for a client that sees the service below `root`."""
        return cls(
            name=style.name,
            title=style.title,
            license=style.licence,
            creator=style.creator,
            options=list(style.options),
            formats=list(style.formats),
            sample=f"{root}/api/render/{style.name}/sample.png",
        )


class ComponentData(BaseModel):
    """A part of a style's pictures. The options `{name}Variant` and `{name}Probability` choose it."""

    name: str
    variants: list[str] = Field(description="The values of its variant.")
    optional: bool = Field(description="Whether some pictures do not have it.")


class StyleDetails(StyleData):
    """A style, with the parts of its pictures."""

    model_config = _like(
        **_LORELEI, components=[{"name": "eyes", "variants": ["variant01", "variant02"], "optional": False}]
    )

    components: list[ComponentData]

    @classmethod
    def of(cls, style: StyleDescription, root: str) -> Self:
        """Return a style in the API's spelling, for a client that sees the service below `root`."""
        components = [ComponentData(**each._asdict()) for each in style.components]
        return cls(**StyleData.of(style, root).model_dump(), components=components)


class Check(BaseModel):
    """The state of one dependency."""

    model_config = _like(status="up", type="sqlite")

    status: Literal["up", "down"]
    type: str


class Checks(BaseModel):
    """The dependencies by name."""

    database: Check
    storage: Check = Field(description="Whether stored pictures can be read.")
    storage_write: Check = Field(alias="storage-write", description="Whether avatars can be stored.")
    redis: Check | None = Field(
        default=None,
        exclude_if=lambda check: check is None,
        description="Only if processes share limits or pictures by Redis. The service is healthy without it.",
    )
    broker: Check | None = Field(
        default=None,
        exclude_if=lambda check: check is None,
        description="Only if workers work on jobs. Without it, the service is healthy and jobs wait.",
    )


class Health(BaseModel):
    """The state of the service."""

    model_config = _like(
        status="healthy",
        database=1,
        version=__version__,
        uptime=12.345,
        checks={
            "database": {"status": "up", "type": "sqlite"},
            "storage": {"status": "up", "type": "local"},
            "storage-write": {"status": "up", "type": "local"},
        },
    )

    status: Literal["healthy", "unhealthy"]
    database: int | None = Field(description="Avatars stored; null while the database is down.")
    version: str
    uptime: float = Field(description="Seconds since start.")
    checks: Checks


def failure(
    status: HTTPStatus, message: str, error: AvatarError | None = None, headers: dict[str, str] | None = None
) -> Response:
    """Return an error in the envelope."""
    body: dict[str, object] = {"statusCode": status, "message": message, "error": status.phrase}
    if isinstance(error, InvalidRequest) and error.problems:
        body["details"] = [{"field": problem.field, "message": problem.message} for problem in error.problems]
    extra = dict(UNCACHED, **(headers or {}))
    if error and error.retry_after is not None:
        extra["Retry-After"] = str(error.retry_after)
    if status == HTTPStatus.UNAUTHORIZED:
        extra["WWW-Authenticate"] = "Bearer"
    return JSONResponse(body, status, extra)
