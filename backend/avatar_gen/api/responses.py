"""The envelope that every JSON answer comes in, and what can be inside."""

from http import HTTPStatus
from typing import Generic, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, JsonValue
from starlette.responses import JSONResponse, Response

from avatar_gen.avatar import Avatar, format_time
from avatar_gen.drawing.palettes import CuratedPalette
from avatar_gen.errors import AvatarError, InvalidRequest, KeyNeeded
from avatar_gen.services.style_families import StyleDescription

D = TypeVar("D")

EXAMPLE_ID = "0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d"

UNCACHED = {"Cache-Control": "no-store"}

INTERNAL_ERROR = "The service has failed; see its log."
"""All that is said of a fault of our own."""


def _like(**example: JsonValue) -> ConfigDict:
    """Show an example in the OpenAPI document."""
    return ConfigDict(json_schema_extra={"examples": [example]})


class Message(BaseModel):
    """An answer that is a sentence alone."""

    statusCode: int = 200  # noqa: N815 - JSON's spelling, here and below
    message: str = Field(examples=["Avatar generated"])


class Answer(Message, Generic[D]):
    """An answer with data."""

    data: D


class ProblemData(BaseModel):
    """One field that was refused."""

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


class AvatarData(BaseModel):
    """A stored avatar; null for what was not given."""

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
    )

    id: str = Field(description="A UUID 4.")
    name: str = Field(description="The same as id.")
    createdAt: str = Field(description="ISO 8601, UTC, milliseconds.")  # noqa: N815
    version: str
    primaryColor: str | None  # noqa: N815
    foreignColor: str | None  # noqa: N815
    colorScheme: str | None  # noqa: N815
    seed: str | None
    generatorType: str  # noqa: N815

    @classmethod
    def of(cls, avatar: Avatar) -> "AvatarData":
        """An avatar as the API spells it."""
        return cls(
            id=avatar.id,
            name=avatar.id,
            createdAt=format_time(avatar.created_ms),
            version=avatar.version,
            primaryColor=avatar.primary_color,
            foreignColor=avatar.foreign_color,
            colorScheme=avatar.color_scheme,
            seed=avatar.seed,
            generatorType=avatar.generator_type,
        )


class Pagination(BaseModel):
    """Where a page lies in the whole list."""

    model_config = _like(total=11, offset=0, pick=10, hasMore=True, next=f"1769860800000-{EXAMPLE_ID}")

    total: int
    offset: int
    pick: int
    hasMore: bool  # noqa: N815
    next: str | None = Field(description="What `after` takes to go on here; null at the end.")


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
    """A colour scheme as something to choose: `key` is what generate takes as colorScheme."""

    model_config = _like(name="Ocean", primaryColor="#0077BE", foreignColor="#00A8CC", key="ocean")

    key: str


class CuratedPaletteData(BaseModel):
    """A curated palette: `key` is what pictures by URL take as palette."""

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
    """The palettes that pictures by URL take as `palette`."""


class StyleData(BaseModel):
    """A style that avatars are drawn in."""

    model_config = _like(
        name="lorelei",
        title="Lorelei",
        license="CC0 1.0",
        creator="Lisa Wischofsky",
        options=["filter", "backgroundColor", "earringsVariant"],
        formats=["svg", "png", "webp", "avif", "jpeg"],
        sample="/api/render/lorelei/sample.png",
    )

    name: str
    title: str
    license: str | None = Field(description="Of the artwork; null for styles that this service itself draws.")
    creator: str | None = Field(description="Of the artwork, likewise.")
    options: list[str] = Field(description="The parameters that make a difference, beside size and shape.")
    formats: list[str] = Field(description="What a picture by URL may be in: svg only where there are lines.")
    sample: str = Field(description="The path of a picture.")

    @classmethod
    def of(cls, style: StyleDescription) -> "StyleData":
        """Return a style in the API's spelling."""
        return cls(
            name=style.name,
            title=style.title,
            license=style.licence,
            creator=style.creator,
            options=list(style.options),
            formats=list(style.formats),
            sample=f"/api/render/{style.name}/sample.png",
        )


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


class Health(BaseModel):
    """Whether the service can do its work."""

    model_config = _like(
        status="healthy",
        database=1,
        version="0.1.0",
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
    """An error in the envelope."""
    body: dict[str, object] = {"statusCode": status, "message": message, "error": status.phrase}
    if isinstance(error, InvalidRequest) and error.problems:
        body["details"] = [{"field": problem.field, "message": problem.message} for problem in error.problems]
    extra = dict(UNCACHED, **(headers or {}))
    if error and error.retry_after is not None:
        extra["Retry-After"] = str(error.retry_after)
    if isinstance(error, KeyNeeded):
        extra["WWW-Authenticate"] = "Bearer"
    return JSONResponse(body, status, extra)
