"""The routes of pictures under the URLs of other avatar services.

A form of URL is a module with a function that reads a request, and a line in `FORMS`. A form is served if the
setting `foreign_urls` names it, since its paths may be those of other pages of a site.
"""

from collections.abc import Collection, Iterable

from starlette.routing import BaseRoute, Route
from starlette.types import Scope

from avatar_gen.api.boring_avatars import BORING_AVATARS
from avatar_gen.api.foreign_urls import ForeignForm, picture_route
from avatar_gen.api.pictures import PictureRoute
from avatar_gen.api.robohash import ROBOHASH
from avatar_gen.api.ui_avatars import ui_avatars_route
from avatar_gen.settings.schema import Settings

FORMS = {"boring-avatars": BORING_AVATARS, "robohash": ROBOHASH}
"""The forms by their names in the setting."""

_OTHERS = (".well-known", "avatar", "page", "pick")
"""The first parts of this service's own paths that are no routes of FastAPI."""


def foreign_routes(routes: Iterable[BaseRoute], settings: Settings) -> list[PictureRoute]:
    """Return the routes of the forms that are served. Paths of the other `routes` are left to these."""
    paths = [each.path for each in routes if isinstance(each, Route)]
    own = {part.encode() for path in paths for part in path.split("/")[1:2]} | {
        name.encode() for name in _OTHERS
    }
    forms = (form for name, form in FORMS.items() if name in settings.foreign_urls)
    initials = ui_avatars_route(paths, paths=settings.ui_avatars_paths)
    return [initials, *(_route(form, own) for form in forms)]


def _route(form: ForeignForm, own: Collection[bytes]) -> PictureRoute:
    def matches(scope: Scope) -> bool:
        path = scope["raw_path"]
        return form.path.fullmatch(path) is not None and path.split(b"/", 2)[1] not in own

    return picture_route(form.path_format, matches, form.read)
