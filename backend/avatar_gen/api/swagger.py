"""The OpenAPI document, and Swagger UI, which fetches nothing from other hosts."""

import asyncio
import re
from base64 import b64encode
from collections.abc import Callable
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Any

import yaml
from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Scope

from avatar_gen.api.files import File, make_file, send_file
from avatar_gen.api.pictures import Picture, PictureRoute
from avatar_gen.api.requests import check_query
from avatar_gen.api.root_path import way_to_root

ASSETS = "/swagger-assets"

_FOLDER = files("fastapi_offline") / "static"
_NAMES = ("swagger-ui-bundle.js", "swagger-ui.css", "favicon.png")


def add_swagger_routes(app: FastAPI) -> None:
    """Add the document's routes: those of the old service, and `/openapi.json`.

    FastAPI's own route would write the document on the event loop.
    """
    app.add_route("/swagger", _swagger, include_in_schema=False)
    app.add_route("/openapi.json", _swagger_json, include_in_schema=False)
    app.add_route("/swagger-json", _swagger_json, include_in_schema=False)
    app.add_route("/swagger-yaml", _swagger_yaml, include_in_schema=False)


@cache
def _asset(name: str) -> File:
    """Read and compress a file of Swagger UI. Most processes never need it."""
    return make_file(name, (_FOLDER / name).read_bytes())


async def _get_asset(scope: Scope) -> Picture:
    name = scope["path"].rpartition("/")[2]
    # The first request compresses a large file, which must not block the event loop.
    return await send_file(scope, await asyncio.to_thread(_asset, name), b"no-cache", [])


_PATHS = frozenset(f"{ASSETS}/{name}" for name in _NAMES)

SWAGGER_ASSETS_ROUTE = PictureRoute(
    f"{ASSETS}/{{file}}", lambda scope: scope["path"] in _PATHS, _get_asset, is_picture=False
)


async def _swagger(request: Request) -> Response:
    return swagger_page(f"{request.app.title} - Swagger UI", way_to_root(request.scope))


async def _swagger_json(request: Request) -> Response:
    check_query(request.scope["query_string"], has_parameters=False)
    return Response(await _written(request.app, "openapi_json", _to_json), media_type="application/json")


async def _swagger_yaml(request: Request) -> Response:
    check_query(request.scope["query_string"], has_parameters=False)
    return Response(await _written(request.app, "openapi_yaml", _to_yaml), media_type="application/yaml")


async def _written(app: FastAPI, name: str, write: Callable[[dict[str, Any]], bytes]) -> bytes:
    """Return the document in a form that is kept under this name once it has been written.

    Writing takes so long that it must not block the event loop.
    """
    if not hasattr(app.state, name):
        setattr(app.state, name, await asyncio.to_thread(lambda: write(app.openapi())))
    content: bytes = getattr(app.state, name)
    return content


def _to_json(document: dict[str, Any]) -> bytes:
    return bytes(JSONResponse(document).body)


def _to_yaml(document: dict[str, Any]) -> bytes:
    text: bytes = yaml.safe_dump(document, encoding="utf-8", sort_keys=False, allow_unicode=True)
    return text


def swagger_page(title: str, root: str = "") -> Response:
    """Return the page, given the relative URL of the service's root.

    It runs Swagger UI and the one script in it, and fetches from this service alone.
    """
    page = get_swagger_ui_html(
        openapi_url=f"{root}openapi.json",
        title=title,
        swagger_js_url=f"{root}{ASSETS[1:]}/swagger-ui-bundle.js",
        swagger_css_url=f"{root}{ASSETS[1:]}/swagger-ui.css",
        swagger_favicon_url=f"{root}{ASSETS[1:]}/favicon.png",
    )
    scripts = re.findall(rb"<script>(.*?)</script>", bytes(page.body), re.DOTALL)
    hashes = " ".join(f"'sha256-{b64encode(sha256(script).digest()).decode()}'" for script in scripts)
    page.headers["Content-Security-Policy"] = (
        f"default-src 'none'; script-src 'self' {hashes}; style-src 'self' 'unsafe-inline';"
        " img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none';"
        " frame-ancestors 'none'"
    )
    return page
