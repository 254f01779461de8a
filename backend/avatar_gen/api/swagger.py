"""The OpenAPI document, and Swagger UI without anything from elsewhere."""

import asyncio
import re
from base64 import b64encode
from hashlib import sha256

import yaml
from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from avatar_gen.api.root_path import way_to_root

ASSETS = "/swagger-assets"


def add_swagger_routes(app: FastAPI) -> None:
    """Add the routes that the old service had for its document, beside `/openapi.json`."""
    app.add_route("/swagger", _swagger, include_in_schema=False)
    app.add_route("/swagger-json", _swagger_json, include_in_schema=False)
    app.add_route("/swagger-yaml", _swagger_yaml, include_in_schema=False)


async def _swagger(request: Request) -> Response:
    return swagger_page(f"{request.app.title} - Swagger UI", way_to_root(request.scope))


async def _swagger_json(request: Request) -> Response:
    return JSONResponse(request.app.openapi())


async def _swagger_yaml(request: Request) -> Response:
    state = request.app.state
    if not hasattr(state, "openapi_yaml"):
        # Writing YAML takes so long that it must not block the event loop.
        state.openapi_yaml = await asyncio.to_thread(_to_yaml, request.app.openapi())
    return Response(state.openapi_yaml, media_type="application/yaml")


def _to_yaml(document: dict[str, object]) -> bytes:
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
