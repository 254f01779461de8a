"""`/api/identities/{hash}`: whose picture is shown at `/avatar/{hash}`."""

from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic_core import PydanticCustomError
from starlette.requests import Request
from starlette.responses import Response

from avatar_gen.api.access import needs
from avatar_gen.api.error_responses import fails
from avatar_gen.api.libravatar import read_hash
from avatar_gen.api.openapi import EXAMPLE_HASH, HASH_PARAMETER, LINKS_TO_IDENTITY, takes_body
from avatar_gen.api.requests import Parameters, parse_body, parse_query
from avatar_gen.api.responses import EXAMPLE_ID, UNCACHED, Answer, Message
from avatar_gen.services.identities import Identities

router = APIRouter(prefix="/api/identities", tags=["identities"])

_IN_PATH = {"parameters": [HASH_PARAMETER]}


class IdentityBody(BaseModel):
    """What a hash is to be tied to."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    avatarId: str = Field(  # noqa: N815 - JSON's spelling
        description="The id of a stored avatar.", json_schema_extra={"format": "uuid"}
    )

    @field_validator("avatarId")
    @classmethod
    def _canonical(cls, value: str) -> str:
        try:
            return str(UUID(value))
        except ValueError:
            raise PydanticCustomError("uuid", "must be the id of a stored avatar, a UUID") from None


class IdentityData(BaseModel):
    """A tie."""

    hash: str = Field(examples=[EXAMPLE_HASH])
    avatarId: str = Field(examples=[EXAMPLE_ID])  # noqa: N815


@router.put(
    "/{hash}",
    operation_id="link_identity",
    responses={200: {"links": LINKS_TO_IDENTITY}, **fails(400, 404, 413, 415, 500, 503, 507)},
    openapi_extra=_IN_PATH | takes_body(IdentityBody, {"avatarId": EXAMPLE_ID}, required=True),
)
@needs("write")
async def link_identity(request: Request) -> Answer[IdentityData]:
    """Have the picture of a stored avatar shown for the hash of an address."""
    identities, identity = _read(request)
    body = await parse_body(request, IdentityBody)
    await identities.link(identity, body.avatarId)
    return Answer(message="Identity linked", data=IdentityData(hash=identity, avatarId=body.avatarId))


@router.get(
    "/{hash}", operation_id="get_identity", responses=fails(400, 404, 500, 503), openapi_extra=_IN_PATH
)
@needs("list")
async def get_identity(request: Request, response: Response) -> Answer[IdentityData]:
    """Tell which avatar the hash of an address is tied to."""
    identities, identity = _read(request)
    response.headers.update(UNCACHED)
    data = IdentityData(hash=identity, avatarId=await identities.linked_avatar(identity))
    return Answer(message="Identity found", data=data)


@router.delete(
    "/{hash}", operation_id="unlink_identity", responses=fails(400, 404, 503), openapi_extra=_IN_PATH
)
@needs("delete")
async def unlink_identity(request: Request) -> Message:
    """Have no stored avatar shown for the hash of an address any more."""
    identities, identity = _read(request)
    await identities.unlink(identity)
    return Message(message="Identity unlinked")


def _read(request: Request) -> tuple[Identities, str]:
    parse_query(request.scope["query_string"], Parameters)
    identities: Identities = request.app.state.identities
    return identities, read_hash(request.path_params["hash"])
