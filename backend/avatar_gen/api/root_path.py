"""The path below which a proxy serves the service, for the links in its answers."""

from starlette.requests import Request
from starlette.types import Scope

from avatar_gen.api.client_address import ClientAddresses
from avatar_gen.settings.server import Server
from avatar_gen.settings.values import parse_root_path


class RootPaths:
    """Finds the path of a request: `X-Forwarded-Prefix` of a trusted proxy, else the setting."""

    def __init__(self, settings: Server) -> None:
        self._configured = settings.root_path
        self._clients = ClientAddresses(settings)

    def of(self, scope: Scope) -> str:
        """Return the path without a slash at its end, or an empty text for the root.

        Of several paths in the field the last one counts: the proxy nearest to the service has added it. A
        field that is not a path is ignored.
        """
        given = [value for name, value in scope["headers"] if name == b"x-forwarded-prefix"]
        if given and self._clients.is_from_proxy(scope):
            try:
                return parse_root_path(given[-1].decode("latin-1").rpartition(",")[2].strip())
            except ValueError:
                pass
        return self._configured


def root_of(request: Request) -> str:
    """Return the path below which the client of a request sees the service."""
    paths: RootPaths = request.app.state.root_paths
    return paths.of(request.scope)


def way_to_root(scope: Scope) -> str:
    """Return the relative URL of the service's root, for a page: empty, or `../` if the path ends in a slash.

    Pages link with relative URLs, so they also work behind a proxy whose path the service does not know.
    """
    depth: int = scope["raw_path"].count(b"/")
    return "../" * (depth - 1)
