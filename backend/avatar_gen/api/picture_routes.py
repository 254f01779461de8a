"""The routes of pictures, answered before FastAPI's layers and its router.

Nearly all requests are for pictures, and FastAPI's layers would cost each of them as much as the rest of the
answer does: docs/decisions/0005 has the measurements. These routes use the same models and the same errors as
the others, and `api.openapi` describes them from the models.
"""

from collections.abc import Sequence
from http import HTTPStatus

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from avatar_gen.api.dicebear import DICEBEAR_ROUTE
from avatar_gen.api.error_handlers import answer_error
from avatar_gen.api.libravatar import IDENTITY_PICTURE_ROUTE
from avatar_gen.api.page import read_page
from avatar_gen.api.pictures import PUBLIC, PictureRoute, publish
from avatar_gen.api.render import RENDER_ROUTE
from avatar_gen.api.responses import failure
from avatar_gen.api.stored_pictures import STORED_PICTURE_ROUTE
from avatar_gen.api.swagger import SWAGGER_ASSETS_ROUTE
from avatar_gen.errors import AvatarError

PICTURE_ROUTES = (RENDER_ROUTE, STORED_PICTURE_ROUTE, IDENTITY_PICTURE_ROUTE, DICEBEAR_ROUTE)


class PictureRoutes:
    """ASGI middleware that answers the picture routes and the page, and passes on all other requests."""

    def __init__(self, app: ASGIApp, sites: Sequence[str] = (), *others: PictureRoute) -> None:
        """`sites` may show the picker in a frame."""
        self._app = app
        self._routes = (*PICTURE_ROUTES, read_page(sites), SWAGGER_ASSETS_ROUTE, *others)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        method = scope["method"]
        route = self._find(scope)
        scope["route"] = route
        if route is not None and method == "GET":
            try:
                status, headers, content = await route.get(scope)
            except AvatarError as error:
                answer = publish(answer_error(scope, error), scope, is_picture=route.is_picture)
                await answer(scope, receive, send)
                return
            if route.is_picture:
                headers = [*headers, *PUBLIC]
            await send({"type": "http.response.start", "status": status, "headers": headers})
            await send({"type": "http.response.body", "body": content})
        elif route is not None and method not in (others := route.other_methods(scope)):
            allowed = ", ".join(("GET", "HEAD", *others))
            message = f"This URL takes {allowed}."
            answer = failure(HTTPStatus.METHOD_NOT_ALLOWED, message, headers={"Allow": allowed})
            await answer(scope, receive, send)
        elif scope["path"].endswith("\n"):
            # A regular expression's `$` also matches before a final line end, so the router would find
            # `/api/list%0a`.
            message = "There is nothing at this URL."
            await failure(HTTPStatus.NOT_FOUND, message)(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def publish(self, answer: Response, scope: Scope) -> Response:
        """Return an error of a layer in front, with `PUBLIC` if the request is for a picture."""
        route = self._find(scope)
        return publish(answer, scope, is_picture=route is not None and route.is_picture)

    def _find(self, scope: Scope) -> PictureRoute | None:
        for route in self._routes:
            if route.matches(scope):
                return route
        return None
