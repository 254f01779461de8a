"""The operations of picture routes in the OpenAPI document, and the parts that other operations share.

FastAPI does not know the routes of pictures. Their operations are written here from their own models.
"""

import re
from collections.abc import Iterable
from functools import partial
from typing import Any

from pydantic import BaseModel

from avatar_gen.api import ui_avatars
from avatar_gen.api.dicebear import FORMATS, VERSIONS
from avatar_gen.api.error_responses import failed
from avatar_gen.api.openapi_lists import dicebear_lists
from avatar_gen.api.render_urls import SeededUrlParameters, UrlParameters
from avatar_gen.api.requests import StoredPictureParameters
from avatar_gen.api.responses import EXAMPLE_ID
from avatar_gen.avatar import MAX_SEED_LENGTH
from avatar_gen.drawing import dicebear
from avatar_gen.imaging import DRAWN_TYPES, EXTENSIONS, MEDIA_TYPES
from avatar_gen.services.identities import DEFAULTS
from avatar_gen.services.render_options import RenderOptions
from avatar_gen.services.rendering import DICEBEAR_TYPES
from avatar_gen.services.style_families import style_names

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
        operation: {"operationId": operation, "parameters": {"id": _ITS_ID}}
        for operation in ("getAvatar", "getAvatarHeaders", "deleteAvatar")
    },
    "linkIdentity": {"operationId": "linkIdentity", "requestBody": {"avatarId": _ITS_ID}},
}
"""The operations that take the id in an answer of generate or upload."""

LINKS_TO_IDENTITY = {
    operation: {"operationId": operation, "parameters": {"hash": "$response.body#/data/hash"}}
    for operation in ("getIdentity", "unlinkIdentity")
}
"""The operations that take the hash of an identity link."""

JOB_PARAMETER = _in_path("id", "The job's UUID, in any case.", format="uuid", examples=[EXAMPLE_ID])

LINKS_TO_JOB = {
    operation: {"operationId": operation, "parameters": {"id": _ITS_ID}}
    for operation in ("getJob", "getJobEvents", "getJobResult", "cancelJob")
}
"""The operations that take the id of a job."""

HASH_PARAMETER = _in_path(
    "hash",
    "The MD5 or SHA-256 of a trimmed, lower-case e-mail address, in hexadecimal digits.",
    pattern="^([0-9a-fA-F]{32}|[0-9a-fA-F]{64})$",
    examples=[EXAMPLE_HASH],
)
_ANY_HASH_PARAMETER = _in_path(
    "hash",
    "The MD5 or SHA-256 of a trimmed, lower-case e-mail address. Another number of"
    " hexadecimal digits gets the default picture.",
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
"""The schemas of pictures that are not binary."""


def _picture_operation(  # noqa: PLR0913
    tag: str,
    operation_id: str,
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
        "operationId": operation_id,
        "summary": _in_words(operation_id),
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


def _in_words(operation_id: str) -> str:
    """Return the name of an operation as FastAPI writes summaries: Get Avatar."""
    return re.sub("([A-Z])", r" \1", operation_id).title()


def _lenient_parameter(name: str, description: str, example: str) -> Json:
    """Describe a parameter that accepts any text."""
    schema = {"type": "string", "examples": [example]}
    return {"name": name, "in": "query", "required": False, "description": description, "schema": schema}


_LIBRAVATAR_PARAMETERS = [
    _lenient_parameter(
        "s",
        "Or size: the width in px, 1 to 2048. A larger one is reduced. By default 80.",
        "80",
    ),
    _lenient_parameter(
        "d",
        f"Or default: the picture of a hash that is not linked: 404, {', '.join(DEFAULTS)}, a style that"
        " /api/styles lists, or a URL whose host is in the setting libravatar.redirect_hosts.",
        "identicon",
    ),
    _lenient_parameter("f", "Or forcedefault: y shows the default picture in any case.", "y"),
    _lenient_parameter("r", "Or rating: ignored, since every picture is rated g.", "g"),
    _lenient_parameter("robohash", "For d=robohash: set1 to set5, or any.", "set2"),
    _lenient_parameter("name", "For d=initials: the name.", "Ada Lovelace"),
    _lenient_parameter("initials", "For d=initials: the letters themselves.", "AL"),
]


def picture_operations() -> dict[str, Json]:
    """Return the operations of the picture routes by their paths."""
    style = _in_path("style", "The name of a style; /api/styles lists them.", examples=list(style_names()))
    seed = _in_path(
        "seed",
        f"Any text of at most {MAX_SEED_LENGTH} code points; slashes may be encoded or not.",
        examples=["ada"],
    )
    format_name = _in_path(
        "format", "If it is left out with its dot, `Accept` decides.", enum=list(EXTENSIONS)
    )
    picture_by_url = partial(
        _picture_operation,
        "by URL",
        types=DRAWN_TYPES.values(),
        headers=("ETag", "Cache-Control", "Vary", "Content-Security-Policy"),
        failures=(400, 404, 500, 503),
    )
    return {
        "/api/{id}": _picture_operation(
            "avatars",
            "getAvatar",
            "The picture of a stored avatar. It needs no database. An extension may follow the id.",
            parameters=[ID_PARAMETER, *_parameters(StoredPictureParameters)],
            types=MEDIA_TYPES.values(),
            headers=("ETag", "Cache-Control", "X-Avatar-ID", "X-Created-At", "X-Version"),
            failures=(400, 404, 500, 503),
        ),
        "/avatar/{hash}": _picture_operation(
            "identities",
            "getIdentityAvatar",
            "As Libravatar and Gravatar: the picture linked to the hash of an e-mail address, or a default."
            " An extension may follow the hash. Unknown parameters are ignored.",
            parameters=[_ANY_HASH_PARAMETER, *_LIBRAVATAR_PARAMETERS],
            types=MEDIA_TYPES.values(),
            headers=("ETag", "Cache-Control"),
            failures=(400, 404, 500, 503),
            others={"302": {"description": "The hash is not linked, and `d` is a URL on a listed host."}},
        ),
        "/api/render/{style}/{seed}.{format}": picture_by_url(
            "renderAvatar",
            "The picture that a style makes of a seed. Nothing is stored, and it never changes.",
            parameters=[style, seed, format_name, *_parameters(RenderOptions), *_parameters(UrlParameters)],
        ),
        "/api/render/{style}.{format}": picture_by_url(
            "renderAvatarByQuery",
            "The same with the seed in the query.",
            parameters=[style, format_name, *_parameters(SeededUrlParameters), *_parameters(RenderOptions)],
        ),
        "/{version}/{style}/{format}": _dicebear_operation(),
        **dicebear_lists(*_dicebear_parameters()),
        "/api/": _ui_avatars_operation(),
    }


def _ui_avatars_operation() -> Json:
    return _picture_operation(
        "by URL",
        "getUiAvatar",
        "Initials, with the parameters of ui-avatars.com. Unknown parameters are ignored. Nothing is stored.",
        parameters=[_lenient_parameter(*each) for each in _UI_AVATARS_PARAMETERS],
        types=("image/png", "image/svg+xml"),
        headers=("ETag", "Cache-Control", "Vary", "Content-Security-Policy"),
        failures=(400, 500, 503),
    )


_UI_AVATARS_PARAMETERS = (
    ("name", f"The name whose initials are drawn. By default {ui_avatars.DEFAULT_NAME}.", "Ada Lovelace"),
    ("size", f"The width in px, 16 to {ui_avatars.MAX_PX}. By default {ui_avatars.DEFAULT_PX}.", "128"),
    ("background", "A colour, or random for one that the name chooses, the same one each time.", "0D8ABC"),
    ("color", "The colour of the letters, which is replaced if they could not be read.", "fff"),
    ("length", f"The number of letters, 1 to {ui_avatars.MAX_LENGTH}. By default 2.", "1"),
    ("font-size", "Ignored: letters have the size of the style initials.", "0.5"),
    ("rounded", "true for a circle.", "true"),
    ("uppercase", "false for letters as in the name.", "false"),
    ("bold", "true for bold letters.", "true"),
    ("format", "svg or png. By default svg if `Accept` names it, otherwise png.", "svg"),
)


def _dicebear_parameters() -> tuple[Json, Json]:
    return (
        _in_path("version", "DiceBear's release.", enum=list(VERSIONS)),
        _in_path("style", "One of DiceBear's styles.", examples=["lorelei", *dicebear.added_names()]),
    )


def _dicebear_operation() -> Json:
    option = {
        "name": "options",
        "in": "query",
        "description": "The seed, the size and the options of the style, which /api/styles lists. Several"
        " values of an option are separated by commas.",
        "style": "form",
        "explode": True,
        "schema": {"type": "object", "additionalProperties": {"type": "string"}},
        "example": {"seed": "Felix", "size": "128"},
    }
    return _picture_operation(
        "by URL",
        "getDicebearAvatar",
        "An avatar as DiceBear's own HTTP API draws it. Nothing is stored.",
        parameters=[
            *_dicebear_parameters(),
            _in_path("format", "The format.", enum=list(FORMATS)),
            option,
        ],
        types=DICEBEAR_TYPES.values(),
        headers=("ETag", "Cache-Control", "Content-Disposition", "Content-Security-Policy"),
        failures=(400, 404, 500, 503),
    )
