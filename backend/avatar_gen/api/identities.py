"""`/api/identities/{hash}`: the links from hashes of e-mail addresses to stored avatars."""

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic_core import PydanticCustomError
from starlette.requests import Request
from starlette.responses import Response

from avatar_gen.api.access import needs
from avatar_gen.api.error_responses import fails
from avatar_gen.api.libravatar import read_hash
from avatar_gen.api.openapi import EXAMPLE_HASH, HASH_PARAMETER, LINKS_TO_IDENTITY
from avatar_gen.api.operation_ids import operation_id
from avatar_gen.api.responses import EXAMPLE_ID, UNCACHED, Answer, Message
from avatar_gen.api.strict_routes import StrictRoute
from avatar_gen.avatar import stored_id
from avatar_gen.services.identities import Identities
from avatar_gen.services.validation import StrictModel

router = APIRouter(
    prefix="/api/identities",
    tags=["identities"],
    route_class=StrictRoute,
    generate_unique_id_function=operation_id,
)

_IN_PATH = {"parameters": [HASH_PARAMETER]}


class IdentityBody(StrictModel):
    """The avatar that a hash is linked to."""

    model_config = ConfigDict(strict=True, json_schema_extra={"examples": [{"avatarId": EXAMPLE_ID}]})

    avatarId: str = Field(  # noqa: N815 - JSON's spelling
        description="The id of a stored avatar.", json_schema_extra={"format": "uuid"}
    )

    @field_validator("avatarId")
    @classmethod
    def _canonical(cls, value: str) -> str:
        try:
            return stored_id(value)
        except ValueError:
            raise PydanticCustomError("uuid", "must be the id of a stored avatar, a UUID") from None


class IdentityData(BaseModel):
    """An identity link."""

    hash: str = Field(examples=[EXAMPLE_HASH])
    avatarId: str = Field(examples=[EXAMPLE_ID])  # noqa: N815


@router.put(
    "/{hash}",
    responses={200: {"links": LINKS_TO_IDENTITY}, **fails(400, 404, 413, 415, 500, 503, 507)},
    openapi_extra=_IN_PATH,
)
@needs("write")
async def link_identity(request: Request, body: IdentityBody) -> Answer[IdentityData]:
    """Link the hash of an e-mail address to a stored avatar, whose picture `/avatar/{hash}` then shows."""
    identities, identity = _read(request)
    await identities.link(identity, body.avatarId)
    return Answer(message="Identity linked", data=IdentityData(hash=identity, avatarId=body.avatarId))


@router.get("/{hash}", responses=fails(400, 404, 500, 503), openapi_extra=_IN_PATH)
@needs("list")
async def get_identity(request: Request, response: Response) -> Answer[IdentityData]:
    """Return the id of the avatar that the hash of an e-mail address is linked to."""
    identities, identity = _read(request)
    response.headers.update(UNCACHED)
    data = IdentityData(hash=identity, avatarId=await identities.linked_avatar(identity))
    return Answer(message="Identity found", data=data)


@router.delete("/{hash}", responses=fails(400, 404, 503), openapi_extra=_IN_PATH)
@needs("delete")
async def unlink_identity(request: Request) -> Message:
    """Remove the link of the hash of an e-mail address."""
    identities, identity = _read(request)
    await identities.unlink(identity)
    return Message(message="Identity unlinked")


def _read(request: Request) -> tuple[Identities, str]:
    identities: Identities = request.app.state.identities
    return identities, read_hash(request.path_params["hash"])
