"""The addresses under `/api`: what each takes, calls and answers."""

import asyncio
from typing import TypeVar

from fastapi import APIRouter
from starlette.requests import Request

from avatar_gen.api.access import needs
from avatar_gen.api.error_responses import fails
from avatar_gen.api.openapi import ID_PARAMETER, LINKS_TO_AVATAR, takes_body, takes_query
from avatar_gen.api.requests import ListParameters, Parameters, parse_body, parse_query
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
)
from avatar_gen.drawing.palette import SCHEMES
from avatar_gen.services.avatar_options import AvatarOptions, GradientOptions
from avatar_gen.services.avatars import Avatars
from avatar_gen.services.palettes import served_palettes
from avatar_gen.services.style_families import describe_styles

P = TypeVar("P", bound=Parameters)

router = APIRouter(prefix="/api", tags=["avatars"])

_GENERATE_ANSWERS = {201: {"links": LINKS_TO_AVATAR}, **fails(400, 413, 415, 503, 507)}
_TO_DRAW = {"type": "wave", "colorScheme": "ocean", "seed": "ada"}
_TO_DRAW_ALONG = {"primaryColor": "#FF6B35", "foreignColor": "gold", "angle": 45, "seed": "ada"}


@router.post(
    "/generate",
    status_code=201,
    responses=_GENERATE_ANSWERS,
    openapi_extra=takes_body(AvatarOptions, _TO_DRAW),
)
@router.post(
    "/v1/generate",
    status_code=201,
    responses=_GENERATE_ANSWERS,
    openapi_extra=takes_body(AvatarOptions, _TO_DRAW),
)
@needs("write")
async def generate(request: Request) -> Answer[AvatarData]:
    """Draw an avatar in all six sizes and store it."""
    return await _generate(request, AvatarOptions)


@router.post(
    "/v2/generate",
    status_code=201,
    responses=_GENERATE_ANSWERS,
    openapi_extra=takes_body(GradientOptions, _TO_DRAW_ALONG, required=True),
)
@needs("write")
async def generate_gradient(request: Request) -> Answer[AvatarData]:
    """Draw a gradient along an angle in all six sizes and store it."""
    return await _generate(request, GradientOptions)


@router.get(
    "/list",
    responses=fails(400, 503),
    openapi_extra=takes_query(ListParameters),
)
@needs("list")
async def list_avatars(request: Request) -> Answer[AvatarList]:
    """List stored avatars, by default the oldest first."""
    asked = _query(request, ListParameters)
    newest_first = asked.order == "newest"
    page = await _avatars(request).page(asked.pick, asked.offset, asked.after, newest_first=newest_first)
    pagination = Pagination(
        total=page.total,
        offset=asked.offset,
        pick=asked.pick,
        hasMore=page.has_more,
        next=str(page.avatars[-1].cursor) if page.has_more else None,
    )
    avatars = [AvatarData.of(avatar) for avatar in page.avatars]
    return Answer(message="Avatars listed", data=AvatarList(avatars=avatars, pagination=pagination))


@router.get("/color-schemes", responses=fails(400))
async def list_color_schemes(request: Request) -> Answer[list[SchemeData]]:
    """List the colour schemes that generate takes."""
    _query(request, Parameters)
    schemes = [
        SchemeData(name=name, primaryColor=primary, foreignColor=foreign)
        for name, primary, foreign in SCHEMES.values()
    ]
    return Answer(message="Colour schemes listed", data=schemes)


@router.get("/palettes", responses=fails(400))
async def list_palettes(request: Request) -> Answer[PaletteList]:
    """List the colour schemes that generate takes, and the curated palettes of pictures by URL."""
    _query(request, Parameters)
    palettes = [
        PaletteData(name=name.title(), key=name, primaryColor=primary, foreignColor=foreign)
        for name, primary, foreign in SCHEMES.values()
    ]
    curated = [CuratedPaletteData.of(palette) for palette in served_palettes().values()]
    return Answer(message="Palettes listed", data=PaletteList(palettes=palettes, curated=curated))


@router.get("/styles", responses=fails(400))
async def list_styles(request: Request) -> Answer[list[StyleData]]:
    """List the styles that avatars are drawn in: ours, and those of DiceBear's that are served."""
    _query(request, Parameters)
    # Describing DiceBear's styles reads their files, which must not block the event loop.
    styles = await asyncio.to_thread(describe_styles, request.app.state.dicebear_licences)
    return Answer(message="Styles listed", data=[StyleData.of(style) for style in styles])


@router.delete(
    "/{id:uuid}",
    operation_id="delete_avatar",
    responses=fails(400, 404, 503, 507),
    openapi_extra={"parameters": [ID_PARAMETER]},
)
@needs("delete")
async def delete_avatar(request: Request) -> Message:
    """Delete a stored avatar for good."""
    _query(request, Parameters)
    await _avatars(request).delete(str(request.path_params["id"]))
    return Message(message="Avatar deleted")


async def _generate(request: Request, model: type[AvatarOptions]) -> Answer[AvatarData]:
    _query(request, Parameters)
    body = await parse_body(request, model)
    avatar = await _avatars(request).create(body.spec())
    return Answer(statusCode=201, message="Avatar generated", data=AvatarData.of(avatar))


def _query(request: Request, model: type[P]) -> P:
    query: P = parse_query(request.scope["query_string"], model)
    return query


def _avatars(request: Request) -> Avatars:
    avatars: Avatars = request.app.state.avatars
    return avatars
