"""The OpenAPI document, where FastAPI cannot write it from a signature.

Bodies and query parameters are read by `requests`, stricter than FastAPI reads them; they are described here
from the same models. The routes of pictures are not FastAPI's at all; their operations are added.
"""

from collections.abc import Iterable
from functools import partial
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic import BaseModel

from avatar_gen.api.access import UNCOUNTED, is_guarded
from avatar_gen.api.dicebear import FORMATS, VERSIONS
from avatar_gen.api.error_responses import failed, name_failures
from avatar_gen.api.render_urls import SeededUrlParameters, UrlParameters
from avatar_gen.api.requests import StoredPictureParameters
from avatar_gen.api.responses import EXAMPLE_ID
from avatar_gen.avatar import MAX_SEED_LENGTH
from avatar_gen.drawing.styles import STYLES
from avatar_gen.imaging import DRAWN_TYPES, EXTENSIONS, MEDIA_TYPES
from avatar_gen.services.render_options import RenderOptions
from avatar_gen.services.rendering import DICEBEAR_TYPES

Json = dict[str, Any]

EXAMPLE_HASH = "cfe00dde46ef942601ffafb9e2825e802858b460e586b8305b344c1eb826357d"


def _in_path(name: str, description: str, **schema: object) -> Json:
    return {
        "name": name,
        "in": "path",
        "required": True,
        "description": description,
        "schema": {"type": "string", **schema},
    }


ID_PARAMETER = _in_path("id", "The avatar's UUID, in any case.", format="uuid", examples=[EXAMPLE_ID])

_ITS_ID = "$response.body#/data/id"

LINKS_TO_AVATAR = {
    **{
        identity: {"operationId": identity, "parameters": {"id": _ITS_ID}}
        for identity in ("get_picture", "get_picture_headers", "delete_avatar")
    },
    "link_identity": {"operationId": "link_identity", "requestBody": {"avatarId": _ITS_ID}},
}
"""What can be asked for with the id that generate answers."""

LINKS_TO_IDENTITY = {
    identity: {"operationId": identity, "parameters": {"hash": "$response.body#/data/hash"}}
    for identity in ("get_identity", "unlink_identity")
}
"""What can be asked for once a hash is tied."""

HASH_PARAMETER = _in_path(
    "hash",
    "The MD5 or SHA-256 of a trimmed, lower-case e-mail address, in hexadecimal digits.",
    pattern="^([0-9a-fA-F]{32}|[0-9a-fA-F]{64})$",
    examples=[EXAMPLE_HASH],
)


def _examples(schema: Json) -> Json:
    return {"examples": schema["examples"]} if "examples" in schema else {}


def _parameters(model: type[BaseModel]) -> list[Json]:
    whole = model.model_json_schema()
    return [
        {
            "name": name,
            "in": "query",
            "required": name in whole.get("required", ()),
            "description": schema.pop("description"),
            # A parameter may be left out, but there is no way to write null.
            "schema": {**schema.get("anyOf", [schema])[0], **_examples(schema)},
        }
        for name, schema in whole.get("properties", {}).items()
    ]


_BINARY = {"type": "string", "format": "binary"}
_SCHEMAS = {
    "application/json": {
        "type": "object",
        "properties": {"svg": {"type": "string"}, "options": {"type": "object"}},
        "required": ["svg", "options"],
    }
}
"""Of pictures that are not binary: DiceBear's way to answer one as JSON."""


def _picture_operation(  # noqa: PLR0913
    tag: str,
    summary: str,
    description: str,
    *,
    parameters: list[Json],
    types: Iterable[str],
    headers: tuple[str, ...],
    failures: tuple[int, ...],
    others: Json | None = None,
) -> Json:
    return {
        "tags": [tag],
        "summary": summary,
        "description": description,
        "parameters": parameters,
        "responses": {
            "200": {
                "description": "The picture.",
                "headers": {name: {"schema": {"type": "string"}} for name in headers},
                "content": {kind: {"schema": _SCHEMAS.get(kind, _BINARY)} for kind in types},
            },
            "304": {"description": "The client has this picture: `If-None-Match` names it."},
            **(others or {}),
            **{str(status): failed(status) for status in failures},
        },
    }


def _libravatar_parameter(name: str, description: str, example: str) -> Json:
    """Any text is taken for one, as the services do that are spoken for."""
    schema = {"type": "string", "examples": [example]}
    return {"name": name, "in": "query", "required": False, "description": description, "schema": schema}


_LIBRAVATAR_PARAMETERS = [
    _libravatar_parameter(
        "s", "Or size: width in px, 1 to 2048; a larger one is cut down, and 80 taken for what is none.", "80"
    ),
    _libravatar_parameter(
        "d",
        "Or default: what is shown where nothing is tied: 404, mp, identicon, monsterid, wavatar, retro,"
        " robohash, initials, color, blank, or an address on a host that the service lists.",
        "identicon",
    ),
    _libravatar_parameter("f", "Or forcedefault: y shows the default even so.", "y"),
    _libravatar_parameter("r", "Or rating: all pictures here are g.", "g"),
    _libravatar_parameter("name", "For d=initials: whose.", "Ada Lovelace"),
    _libravatar_parameter("initials", "For d=initials: the letters themselves.", "AL"),
]


def _picture_operations() -> dict[str, Json]:
    """What `api.front` answers, by path."""
    style = _in_path("style", "A style's name; /api/styles has them all.", examples=list(STYLES))
    seed = _in_path(
        "seed",
        f"Any text of at most {MAX_SEED_LENGTH} code points; slashes may be encoded or not.",
        examples=["ada"],
    )
    media = _in_path(
        "format", "It may be left out with its dot; `Accept` then decides.", enum=list(EXTENSIONS)
    )
    rendition = partial(
        _picture_operation,
        "by URL",
        types=DRAWN_TYPES.values(),
        headers=("ETag", "Cache-Control", "Vary", "Content-Security-Policy"),
        failures=(400, 404, 500, 503),
    )
    return {
        "/api/{id}": _picture_operation(
            "avatars",
            "Get Picture",
            "The picture of a stored avatar. It takes no database to answer.",
            parameters=[ID_PARAMETER, *_parameters(StoredPictureParameters)],
            types=MEDIA_TYPES.values(),
            headers=("ETag", "Cache-Control", "X-Avatar-ID", "X-Created-At", "X-Version"),
            failures=(400, 404, 500, 503),
        ),
        "/avatar/{hash}": _picture_operation(
            "identities",
            "Get Picture Of Identity",
            "As Libravatar and Gravatar: the picture that is tied to the hash of an address, else a default."
            " An extension may follow the hash. Parameters that are not known are passed over.",
            parameters=[HASH_PARAMETER, *_LIBRAVATAR_PARAMETERS],
            types=MEDIA_TYPES.values(),
            headers=("ETag", "Cache-Control"),
            failures=(400, 404, 500, 503),
            others={"302": {"description": "Nothing is tied, and `d` leads to a host that is listed."}},
        ),
        "/api/render/{style}/{seed}.{format}": rendition(
            "Render Picture",
            "The picture that a style makes of a seed. Nothing is stored, and it never changes.",
            parameters=[style, seed, media, *_parameters(RenderOptions), *_parameters(UrlParameters)],
        ),
        "/api/render/{style}.{format}": rendition(
            "Render Picture Of Seed",
            "The same with the seed in the query.",
            parameters=[style, media, *_parameters(SeededUrlParameters), *_parameters(RenderOptions)],
        ),
        "/{version}/{style}/{format}": _dicebear_operation(),
    }


def _dicebear_operation() -> Json:
    option = {
        "name": "options",
        "in": "query",
        "description": "The seed, the size, and what else the style takes, see /api/styles; several values of"
        " an option stand with commas between them.",
        "style": "form",
        "explode": True,
        "schema": {"type": "object", "additionalProperties": {"type": "string"}},
        "example": {"seed": "Felix", "size": "128"},
    }
    return _picture_operation(
        "by URL",
        "Get DiceBear Avatar",
        "An avatar as DiceBear's own HTTP API draws it. Nothing is stored.",
        parameters=[
            _in_path("version", "DiceBear's release.", enum=list(VERSIONS)),
            _in_path("style", "One of DiceBear's styles.", examples=["lorelei"]),
            _in_path("format", "What it is drawn as.", enum=list(FORMATS)),
            option,
        ],
        types=DICEBEAR_TYPES.values(),
        headers=("ETag", "Cache-Control", "Content-Disposition", "Content-Security-Policy"),
        failures=(400, 404, 500, 503),
    )


def _add_keys(document: Json, app: FastAPI) -> None:
    """Say of each operation that needs an API key that it does."""
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
    """Say of each operation that is counted what tells how many are left, and what is answered beyond."""
    fields = {name: {"schema": {"type": "string"}} for name in ("RateLimit", "RateLimit-Policy")}
    refused = {**fields, "Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}}
    for path, operations in document["paths"].items():
        if path in UNCOUNTED:
            continue
        for operation in operations.values():
            operation["responses"]["429"] = {**failed(429), "headers": refused}


def _remove_fastapis_errors(document: Json) -> None:
    """Remove the 422 that FastAPI describes and this service never answers."""
    for operations in document["paths"].values():
        for operation in operations.values():
            operation["responses"].pop("422", None)
            for parameter in operation.get("parameters", ()):
                schema = parameter["schema"]
                # A parameter may be left out, but there is no way to write null.
                parameter["schema"] = {**schema.pop("anyOf", [{}])[0], **schema}
    for name in ("HTTPValidationError", "ValidationError"):
        document["components"]["schemas"].pop(name, None)


def describe(app: FastAPI, *, guarded: bool, limited: bool) -> Json:
    """The whole document, with keys and limits if there are any; made once, kept in `app.openapi_schema`."""
    if not app.openapi_schema:
        document = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes
        )
        _remove_fastapis_errors(document)
        for path, picture in _picture_operations().items():
            identity = picture["summary"].lower().replace(" ", "_")
            headers = {
                **picture,
                "operationId": f"{identity}_headers",
                "summary": f"{picture['summary']}: Headers",
            }
            document["paths"].setdefault(path, {}).update(
                get={**picture, "operationId": identity}, head=headers
            )
        if guarded:
            _add_keys(document, app)
        if limited:
            _add_limits(document)
        name_failures(document)
        app.openapi_schema = document
    return app.openapi_schema
