"""The OpenAPI document: what FastAPI writes from the signatures, and the routes of pictures."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from avatar_gen.api.access import UNCOUNTED, is_guarded
from avatar_gen.api.error_responses import failed, name_failures
from avatar_gen.api.openapi import picture_operations

Json = dict[str, Any]

TAGS = {
    "by URL": "Pictures that a URL describes in full. Nothing is stored.",
    "avatars": "Stored avatars, and what they can be made of.",
    "identities": "Pictures by the hash of an e-mail address, and the links from hashes to avatars.",
    "picker": "Links to the page on which a user chooses a picture, and the requests of that page.",
    "jobs": "Lists of which each row becomes an avatar, in the background.",
    "health": "The state of the service.",
}
"""The groups of operations. Generators make a folder or a class of each."""


def _add_keys(document: Json, app: FastAPI) -> None:
    """Describe the API keys, and name the operations that require one."""
    document["components"]["securitySchemes"] = {
        "apiKey": {"type": "http", "scheme": "bearer", "description": "One of the service's API keys."}
    }
    for route in app.routes:
        if isinstance(route, APIRoute) and is_guarded(route.endpoint):
            for method in route.methods or ():
                operation = document["paths"][route.path_format][method.lower()]
                operation["security"] = [{"apiKey": []}]
                operation["responses"].update({str(status): failed(status) for status in (401, 403)})


def _add_limits(document: Json) -> None:
    """Describe 429 for each operation with a rate limit."""
    fields = {name: {"schema": {"type": "string"}} for name in ("RateLimit", "RateLimit-Policy")}
    refused = {**fields, "Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}}
    for path, operations in document["paths"].items():
        if path in UNCOUNTED:
            continue
        for operation in operations.values():
            operation["responses"]["429"] = {**failed(429), "headers": refused}


def _correct(document: Json) -> None:
    """Remove what FastAPI describes and this service never does: 422, and parameters that are null."""
    for operations in document["paths"].values():
        for operation in operations.values():
            operation["responses"].pop("422", None)
            for parameter in operation.get("parameters", ()):
                schema = parameter["schema"]
                parameter["schema"] = {**schema.pop("anyOf", [{}])[0], **schema}
    for name in ("HTTPValidationError", "ValidationError"):
        document["components"]["schemas"].pop(name, None)


def _headers_of(picture: Json) -> Json:
    """Return the operation of HEAD: that of GET, without a body."""
    responses = picture["responses"]
    found = {name: each for name, each in responses["200"].items() if name != "content"}
    return {
        **picture,
        "operationId": f"{picture['operationId']}Headers",
        "summary": f"{picture['summary']}: Headers",
        "responses": {**responses, "200": {**found, "description": "The headers of the picture."}},
    }


def describe(app: FastAPI, *, guarded: bool, limited: bool) -> Json:
    """Return the document, with API keys and rate limits if there are any. It is made once."""
    if not app.openapi_schema:
        document = get_openapi(
            title=app.title,
            version=app.version,
            description=app.description,
            routes=app.routes,
            tags=[{"name": name, "description": text} for name, text in TAGS.items()],
            # Relative to the document, so it is right below any path of a proxy.
            servers=[{"url": "./", "description": "The service that this document is from."}],
            license_info={"name": "MIT", "identifier": "MIT"},
        )
        _correct(document)
        for path, picture in picture_operations().items():
            document["paths"].setdefault(path, {}).update(get=picture, head=_headers_of(picture))
        if guarded:
            _add_keys(document, app)
        if limited:
            _add_limits(document)
        name_failures(document)
        app.openapi_schema = document
    return app.openapi_schema
