"""The OpenAPI document, where FastAPI cannot write it from a signature.

Bodies and query parameters are read by `requests`, stricter than FastAPI reads them; they are described here
from the same models. The picture's route is not FastAPI's at all; its operation is added to the document.
"""

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel

from avatar_gen.api.answers import Failure
from avatar_gen.api.requests import Parameters, PictureParameters
from avatar_gen.imaging import MEDIA_TYPES

Json = dict[str, Any]

_FAILURE = {"$ref": f"#/components/schemas/{Failure.__name__}"}

_BINARY: Json = {"schema": {"type": "string", "format": "binary"}}

ID_PARAMETER: Json = {
    "name": "id",
    "in": "path",
    "required": True,
    "description": "The avatar's UUID, in any case.",
    "schema": {"type": "string", "format": "uuid"},
}


def fails(*statuses: int) -> dict[int | str, Json]:
    """The responses of a route that can fail in these ways."""
    return {status: {"model": Failure, "description": HTTPStatus(status).phrase} for status in statuses}


def takes_body(model: type[BaseModel], *, required: bool = False) -> Json:
    """A JSON body, for `openapi_extra`."""
    content = {"application/json": {"schema": model.model_json_schema()}}
    return {"requestBody": {"content": content, "required": required}}


def takes_query(model: type[Parameters]) -> Json:
    """Query parameters, for `openapi_extra`."""
    return {"parameters": _parameters(model)}


def _parameters(model: type[Parameters]) -> list[Json]:
    properties = model.model_json_schema().get("properties", {})
    return [
        {
            "name": name,
            "in": "query",
            "required": False,
            "description": schema.pop("description"),
            # A parameter may be left out, but there is no way to write null.
            "schema": schema.get("anyOf", [schema])[0],
        }
        for name, schema in properties.items()
    ]


def _picture_operation() -> Json:
    return {
        "tags": ["avatars"],
        "summary": "Get Picture",
        "description": "The picture of a stored avatar. It takes no database to answer.",
        "operationId": "get_picture",
        "parameters": [ID_PARAMETER, *_parameters(PictureParameters)],
        "responses": {
            "200": {
                "description": "The picture.",
                "headers": _headers("ETag", "Cache-Control", "X-Avatar-ID", "X-Created-At", "X-Version"),
                "content": dict.fromkeys(MEDIA_TYPES.values(), _BINARY),
            },
            "304": {"description": "The client has this picture: `If-None-Match` names it."},
            **_failures(400, 404, 500, 503),
        },
    }


def _dicebear_operation() -> Json:
    formats = {"svg": "image/svg+xml", "json": "application/json", **MEDIA_TYPES}
    path = {
        "version": ("DiceBear's release.", {"enum": ["10.x", "10"]}),
        "style": ("One of DiceBear's styles, such as lorelei.", {}),
        "format": ("What it is drawn as.", {"enum": ["svg", "png", "webp", "avif", "jpg", "jpeg", "json"]}),
    }
    options = {
        "name": "options",
        "in": "query",
        "description": "The seed, the size, and whatever else the style takes; several values of an option"
        " stand with commas between them.",
        "style": "form",
        "explode": True,
        "schema": {"type": "object", "additionalProperties": {"type": "string"}},
        "example": {"seed": "Felix", "size": "128"},
    }
    return {
        "tags": ["dicebear"],
        "summary": "Get DiceBear Avatar",
        "description": "An avatar as DiceBear's own HTTP API draws it. Nothing is stored.",
        "operationId": "get_dicebear",
        "parameters": [
            *(
                {
                    "name": name,
                    "in": "path",
                    "required": True,
                    "description": description,
                    "schema": {"type": "string", **schema},
                }
                for name, (description, schema) in path.items()
            ),
            options,
        ],
        "responses": {
            "200": {
                "description": "The avatar.",
                "headers": _headers("ETag", "Cache-Control", "Content-Disposition"),
                "content": dict.fromkeys(formats.values(), _BINARY),
            },
            "304": {"description": "The client has this avatar: `If-None-Match` names it."},
            **_failures(400, 404, 500, 503),
        },
    }


def _headers(*names: str) -> Json:
    return {name: {"schema": {"type": "string"}} for name in names}


def _failures(*statuses: int) -> Json:
    return {
        str(status): {
            "description": HTTPStatus(status).phrase,
            "content": {"application/json": {"schema": _FAILURE}},
        }
        for status in statuses
    }


def _with_head(operation: Json) -> Json:
    """The operations of GET and HEAD at an address, given the former."""
    head = {
        "operationId": f"{operation['operationId']}_headers",
        "summary": f"{operation['summary']}'s Headers",
    }
    return {"get": operation, "head": {**operation, **head}}


def describe(app: FastAPI) -> Json:
    """The whole document; made once, then kept in `app.openapi_schema`."""
    if not app.openapi_schema:
        document = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes
        )
        document["paths"].setdefault("/api/{id}", {}).update(_with_head(_picture_operation()))
        document["paths"]["/{version}/{style}/{format}"] = _with_head(_dicebear_operation())
        app.openapi_schema = document
    return app.openapi_schema
