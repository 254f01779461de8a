"""The routes of stored avatars, colour schemes and styles."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Path, Query
from starlette.requests import Request

from avatar_gen.api.access import needs
from avatar_gen.api.avatar_spec import read_spec
from avatar_gen.api.error_responses import fails
from avatar_gen.api.openapi import ID_PARAMETER, LINKS_TO_AVATAR
from avatar_gen.api.operation_ids import operation_id
from avatar_gen.api.requests import ListParameters
from avatar_gen.api.responses import (
    Answer,
    AvatarData,
    AvatarList,
    CuratedPaletteData,
    Message,
    Pagination,
    PaletteData,
    PaletteList,
    SchemeData,
    StyleData,
    StyleDetails,
)
from avatar_gen.api.root_path import root_of
from avatar_gen.api.strict_routes import StrictRoute
from avatar_gen.drawing.palette import SCHEMES
from avatar_gen.errors import StyleNotServed
from avatar_gen.services.avatar_options import AvatarOptions, GradientOptions
from avatar_gen.services.avatars import Avatars
from avatar_gen.services.palettes import served_palettes
from avatar_gen.services.style_families import describe_styles, find_style, has_style

router = APIRouter(
    prefix="/api", tags=["avatars"], route_class=StrictRoute, generate_unique_id_function=operation_id
)

_GENERATE_ANSWERS = {201: {"links": LINKS_TO_AVATAR}, **fails(400, 413, 415, 503, 507)}

StyleName = Annotated[str, Path(examples=["lorelei"])]

_NOTHING_GIVEN = AvatarOptions()


@router.post("/generate", status_code=201, responses=_GENERATE_ANSWERS)
@router.post("/v1/generate", status_code=201, operation_id="generateAvatarV1", responses=_GENERATE_ANSWERS)
@needs("write")
async def generate_avatar(request: Request, body: AvatarOptions = _NOTHING_GIVEN) -> Answer[AvatarData]:
    """Draw an avatar in all six sizes and store it."""
    return await _generate(request, body)


@router.post("/v2/generate", status_code=201, responses=_GENERATE_ANSWERS)
@needs("write")
async def generate_gradient(request: Request, body: GradientOptions) -> Answer[AvatarData]:
    """Draw a gradient along an angle in all six sizes and store it."""
    return await _generate(request, body)


@router.get("/list", responses=fails(400, 503))
@needs("list")
async def list_avatars(request: Request, query: Annotated[ListParameters, Query()]) -> Answer[AvatarList]:
    """List stored avatars, by default the oldest first."""
    newest_first = query.order == "newest"
    page = await _avatars(request).page(query.pick, query.offset, query.cursor, newest_first=newest_first)
    pagination = Pagination(
        total=page.total,
        offset=query.offset,
        pick=query.pick,
        hasMore=page.has_more,
        next=str(page.avatars[-1].cursor) if page.has_more else None,
    )
    avatars = [AvatarData.of(avatar) for avatar in page.avatars]
    return Answer(message="Avatars listed", data=AvatarList(avatars=avatars, pagination=pagination))


@router.get("/color-schemes", responses=fails(400))
async def list_color_schemes() -> Answer[list[SchemeData]]:
    """List the colour schemes that generate takes."""
    schemes = [
        SchemeData(name=name, primaryColor=primary, foreignColor=foreign)
        for name, primary, foreign in SCHEMES.values()
    ]
    return Answer(message="Colour schemes listed", data=schemes)


@router.get("/palettes", responses=fails(400))
async def list_palettes() -> Answer[PaletteList]:
    """List the colour schemes that generate takes, and the curated palettes."""
    palettes = [
        PaletteData(name=name.title(), key=name, primaryColor=primary, foreignColor=foreign)
        for name, primary, foreign in SCHEMES.values()
    ]
    curated = [CuratedPaletteData.of(palette) for palette in served_palettes().values()]
    return Answer(message="Palettes listed", data=PaletteList(palettes=palettes, curated=curated))


@router.get("/styles", responses=fails(400))
async def list_styles(request: Request) -> Answer[list[StyleData]]:
    """List the styles that avatars are drawn in: the service's own, and DiceBear's as far as served."""
    # Describing DiceBear's styles reads their files, which must not block the event loop.
    styles = await asyncio.to_thread(describe_styles, request.app.state.dicebear_licences)
    root = root_of(request)
    return Answer(message="Styles listed", data=[StyleData.of(style, root) for style in styles])


@router.get("/styles/{style}", responses=fails(400, 404))
async def get_style(request: Request, style: StyleName) -> Answer[StyleDetails]:
    """Describe a style, its parts and their variants."""
    licences: frozenset[str] = request.app.state.dicebear_licences
    if not has_style(style):
        raise StyleNotServed("There is no style of this name. /api/styles lists the styles.")
    found = find_style(style)
    # Loading reads files, which must not block the event loop.
    await asyncio.to_thread(found.prepare, licences)
    described = await asyncio.to_thread(found.describe)
    return Answer(message="Style described", data=StyleDetails.of(described, root_of(request)))


@router.delete(
    "/{id:uuid}",
    responses=fails(400, 404, 503, 507),
    openapi_extra={"parameters": [ID_PARAMETER]},
)
@needs("delete")
async def delete_avatar(request: Request) -> Message:
    """Delete a stored avatar for good."""
    await _avatars(request).delete(str(request.path_params["id"]))
    return Message(message="Avatar deleted")


async def _generate(request: Request, body: AvatarOptions) -> Answer[AvatarData]:
    avatar = await _avatars(request).create(await read_spec(request, body))
    return Answer(statusCode=201, message="Avatar generated", data=AvatarData.of(avatar))


def _avatars(request: Request) -> Avatars:
    avatars: Avatars = request.app.state.avatars
    return avatars
