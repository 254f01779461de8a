"""`GET /api/{id}`: the picture of a stored avatar.

Nearly all requests are for this, so it is a plain route that is asked first, without FastAPI's handling of
parameters; docs/decisions/0005 has the figures.
"""

from hashlib import blake2b

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import Scope

from avatar_gen.api.requests import PictureParameters, parse_query
from avatar_gen.avatars import Avatars, StoredPicture
from avatar_gen.imaging import MEDIA_TYPES
from avatar_gen.imaging.vips import VERSION
from avatar_gen.record import format_time

CACHE_CONTROL = "public, max-age=3600"
"""A stored picture never changes, but it can be deleted: an hour later nobody shows it any more."""


class NamedRoute(Route):
    """A plain route that tells the log which one it is, as FastAPI's do."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Whether this is the route of a request, and what it adds to its scope."""
        match, child = super().matches(scope)
        if match is Match.FULL:
            child["route"] = self
        return match, child


async def get_picture(request: Request) -> Response:
    """Answer with a picture, or with 304 where the client has it already."""
    avatars: Avatars = request.app.state.avatars
    parameters = parse_query(request.scope["query_string"], PictureParameters)
    stored = avatars.find(str(request.path_params["id"]), parameters.size)
    headers = _headers(stored, parameters)
    if has_already(request, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    content = await avatars.convert(stored.png, parameters.filter, parameters.format)
    return Response(content, headers=headers, media_type=MEDIA_TYPES[parameters.format])


def _headers(stored: StoredPicture, parameters: PictureParameters) -> dict[str, str]:
    avatar = stored.avatar
    return {
        "ETag": _etag(stored.png, parameters),
        "Cache-Control": CACHE_CONTROL,
        "X-Avatar-ID": avatar.id,
        "X-Created-At": format_time(avatar.created_ms),
        "X-Version": avatar.version,
    }


def _etag(png: bytes, parameters: PictureParameters) -> str:
    """Says what the answer is made of, so that nothing has to be made to know it.

    Another libvips may write other bytes in every format but PNG, which is ours.
    """
    encoder = "" if parameters.format == "png" else f"-{VERSION}"
    made_of = blake2b(png, digest_size=12).hexdigest()
    return f'"{made_of}-{parameters.filter or "plain"}.{parameters.format}{encoder}"'


def has_already(request: Request, etag: str) -> bool:
    """Whether `If-None-Match` names this picture, as RFC 9110 has it in section 13.1.2."""
    for given in request.headers.getlist("if-none-match"):
        tags = {tag.strip().removeprefix("W/") for tag in given.split(",")}
        if etag in tags or "*" in tags:
            return True
    return False
