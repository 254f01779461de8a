"""`/api/picker-links` and `/api/picker`: links with which a user chooses the picture of one identity.

The page `/pick` calls `/api/picker` with the token of its link in `Authorization: Bearer TOKEN`.
"""

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from pydantic.functional_validators import AfterValidator
from pydantic_core import PydanticCustomError
from starlette.requests import Request
from starlette.responses import Response

from avatar_gen.api.access import bearer, needs
from avatar_gen.api.avatar_spec import read_spec
from avatar_gen.api.error_responses import fails
from avatar_gen.api.libravatar import HASH
from avatar_gen.api.openapi import EXAMPLE_HASH
from avatar_gen.api.operation_ids import operation_id
from avatar_gen.api.responses import EXAMPLE_ID, UNCACHED, Answer, Message
from avatar_gen.api.root_path import root_of
from avatar_gen.api.strict_routes import StrictRoute, before_body
from avatar_gen.api.uploads import FORM, receive_form
from avatar_gen.avatar import MAX_SEED_LENGTH, Seed, format_time
from avatar_gen.drawing.styles import STYLES
from avatar_gen.errors import PickerLinkInvalid
from avatar_gen.security.picker_tokens import PickerGrant
from avatar_gen.services.avatar_options import AvatarOptions
from avatar_gen.services.picker import DEFAULT_SECONDS, MAX_SECONDS, MIN_SECONDS, Picker, Saved
from avatar_gen.services.validation import OneOf, StrictModel, refuse
from avatar_gen.settings.schema import Picker as PickerSettings

if TYPE_CHECKING:
    from avatar_gen.services.photos import Photos

router = APIRouter(
    prefix="/api", tags=["picker"], route_class=StrictRoute, generate_unique_id_function=operation_id
)

_EXAMPLE_TIME = "2026-01-31T12:00:00.000Z"
_EXAMPLE_TOKEN = "eyJpZGVudGl0eSI6ImNmZTAwZGRlIn0.dGhlIHNpZ25hdHVyZQ"  # noqa: S105 - no secret


def _identity(value: str) -> str:
    if not HASH.fullmatch(value):
        raise PydanticCustomError(
            "hash", "must be the MD5 or SHA-256 of an e-mail address, in 32 or 64 hexadecimal digits"
        )
    return value.lower()


class PickerLinkOptions(StrictModel):
    """What a picker link allows."""

    model_config = ConfigDict(
        strict=True,
        json_schema_extra={
            "examples": [{"identity": EXAMPLE_HASH, "expiresIn": 600, "styles": ["smile", "bloom"]}]
        },
    )

    identity: Annotated[str, AfterValidator(_identity)] = Field(
        description="The MD5 or SHA-256 of a trimmed, lower-case e-mail address, in hexadecimal digits."
    )
    expiresIn: int = Field(  # noqa: N815 - JSON's spelling, here and below
        default=DEFAULT_SECONDS, ge=MIN_SECONDS, le=MAX_SECONDS, description="Seconds."
    )
    seed: Seed | None = Field(
        default=None,
        min_length=1,
        description=f"The seed of the drawings: any text of at most {MAX_SEED_LENGTH} code points. By"
        " default the identity.",
    )
    styles: list[Annotated[str, OneOf(STYLES)]] | None = Field(
        default=None,
        min_length=1,
        max_length=len(STYLES),
        description="Styles to choose from. By default all.",
    )
    photos: bool = Field(default=True, description="Whether a photograph may be uploaded.")
    returnOrigin: str | None = Field(  # noqa: N815
        default=None,
        max_length=256,
        description="The site that opens the page: one of the setting picker.origins. By default all.",
    )


class PickerLinkData(BaseModel):
    """A picker link. It is secret: the link alone is enough to choose the picture."""

    url: str = Field(examples=[f"https://avatars.example.org/pick#{_EXAMPLE_TOKEN}"])
    expiresAt: str = Field(examples=[_EXAMPLE_TIME])  # noqa: N815


class PickerStyle(BaseModel):
    """A style to choose from."""

    name: str = Field(examples=["wave"])
    title: str = Field(examples=["Waves"])


class PickerData(BaseModel):
    """What the page needs to show."""

    hash: str = Field(examples=[EXAMPLE_HASH])
    avatarId: str | None = Field(examples=[EXAMPLE_ID], description="Null if nothing is linked.")  # noqa: N815
    seed: str = Field(examples=["ada"])
    styles: list[PickerStyle] = Field(examples=[[{"name": "wave", "title": "Waves"}]])
    photos: bool = Field(examples=[True])
    origins: list[str] = Field(
        examples=[["https://www.example.org"]], description="The sites that receive the user's choice."
    )
    returnOrigin: str | None = Field(examples=["https://www.example.org"])  # noqa: N815
    expiresAt: str = Field(examples=[_EXAMPLE_TIME])  # noqa: N815


class SavedData(BaseModel):
    """An avatar that was stored and linked."""

    avatarId: str = Field(examples=[EXAMPLE_ID])  # noqa: N815
    url: str = Field(
        examples=[f"/avatar/{EXAMPLE_HASH}?v={EXAMPLE_ID}"],
        description="The path of the picture. `v` lets browsers fetch the new picture at once.",
    )
    token: str = Field(examples=[_EXAMPLE_TOKEN], description="The token for the next request.")


@router.post("/picker-links", status_code=201, responses=fails(400, 403, 413, 415, 500, 503))
@needs("write")
async def create_picker_link(
    request: Request, response: Response, body: PickerLinkOptions
) -> Answer[PickerLinkData]:
    """Make a link to the page on which a user chooses the picture of one identity."""
    grant = PickerGrant(
        identity=body.identity,
        state="",
        expires=0,
        seed=body.seed or body.identity,
        styles=None if body.styles is None else tuple(body.styles),
        photos=body.photos,
        return_origin=_known_origin(request, body.returnOrigin),
    )
    link = await _picker(request).issue(grant, body.expiresIn)
    response.headers.update(UNCACHED)
    origin = _settings(request).url or str(request.base_url).rstrip("/")
    url = f"{origin}{root_of(request)}/pick#{link.token}"
    data = PickerLinkData(url=url, expiresAt=format_time(link.expires * 1000))
    return Answer(statusCode=201, message="Picker link made", data=data)


@router.get("/picker", responses=fails(401, 403, 500, 503))
async def get_picker(request: Request, response: Response) -> Answer[PickerData]:
    """Return what a picker link allows."""
    grant = await _picker(request).open(_token(request))
    response.headers.update(UNCACHED)
    data = PickerData(
        hash=grant.identity,
        avatarId=await _picker(request).linked_avatar(grant),
        seed=grant.seed,
        styles=[
            PickerStyle(name=name, title=style.title)
            for name, style in STYLES.items()
            if grant.styles is None or name in grant.styles
        ],
        photos=grant.photos,
        origins=[grant.return_origin] if grant.return_origin else _settings(request).origins,
        returnOrigin=grant.return_origin,
        expiresAt=format_time(grant.expires * 1000),
    )
    return Answer(message="Picker link found", data=data)


async def _open_grant(request: Request) -> None:
    """Note in the scope what the token of a request allows. Raises as `Picker.open` does."""
    request.scope["picker_grant"] = await _picker(request).open(_token(request))


@router.post("/picker/generate", status_code=201, responses=fails(400, 401, 403, 413, 415, 500, 503, 507))
@before_body(_open_grant)
async def generate_by_picker(request: Request, response: Response, body: AvatarOptions) -> Answer[SavedData]:
    """Draw an avatar, store it, and link the identity of a picker link to it."""
    grant: PickerGrant = request.scope["picker_grant"]
    saved = await _picker(request).save_drawn(grant, await read_spec(request, body))
    return _saved(request, response, saved)


@router.post(
    "/picker/upload",
    status_code=201,
    responses=fails(400, 401, 403, 413, 415, 500, 503, 507),
    openapi_extra=FORM,
)
async def upload_by_picker(request: Request, response: Response) -> Answer[SavedData]:
    """Store a photograph, the field `file` of a form, and link the identity of a picker link to it."""
    picker = _picker(request)
    # Before the body is read, because a large body costs time and disk space.
    grant = await picker.open_for_photo(_token(request))
    photos: Photos = request.app.state.photos
    with photos.place():
        async with receive_form(request, photos.settings.max_bytes) as (file, fields):
            return _saved(request, response, await picker.save_photo(grant, file, fields))


@router.delete("/picker", responses=fails(401, 403, 404, 500, 503, 507))
async def unlink_by_picker(request: Request) -> Message:
    """Remove the picture of the identity of a picker link. The link is then no longer valid."""
    await _picker(request).remove(_token(request))
    return Message(message="Picture removed")


def _saved(request: Request, response: Response, saved: Saved) -> Answer[SavedData]:
    response.headers.update(UNCACHED)
    url = f"{root_of(request)}/avatar/{saved.identity}?v={saved.avatar.id}"
    data = SavedData(avatarId=saved.avatar.id, url=url, token=saved.token)
    return Answer(statusCode=201, message="Avatar linked", data=data)


def _token(request: Request) -> str:
    token = bearer(request.scope)
    if token is None:
        raise PickerLinkInvalid
    return token.decode("ascii")


def _known_origin(request: Request, origin: str | None) -> str | None:
    """Return an origin if the settings list it. Raises `InvalidRequest`."""
    if origin is not None and origin not in _settings(request).origins:
        refuse("returnOrigin", "must be one of the sites in the setting picker.origins")
    return origin


def _picker(request: Request) -> Picker:
    picker: Picker = request.app.state.picker
    return picker


def _settings(request: Request) -> PickerSettings:
    settings: PickerSettings = request.app.state.picker_settings
    return settings
