"""The operations of DiceBear's lists, for the OpenAPI document."""

from typing import Any

from avatar_gen.api.error_responses import failed

Json = dict[str, Any]

_NAMES = {
    "type": "object",
    "properties": {
        "styles": {"type": "array", "items": {"type": "string"}, "examples": [["identicon", "lorelei"]]}
    },
    "required": ["styles"],
}

_ANY = {"type": "object", "examples": [{"seed": {"type": "string"}}]}


def dicebear_lists(version: Json, style: Json) -> dict[str, Json]:
    """Return the operations by their paths, given the descriptions of their parameters."""
    return {
        "/{version}": _operation(
            "listDicebearStyles",
            "List DiceBear Styles",
            "The names of DiceBear's styles that are served.",
            [{**version, "schema": {"type": "string", "enum": ["10.x"]}}],
            _NAMES,
        ),
        "/{version}/{style}/options.json": _operation(
            "describeDicebearOptions",
            "Describe DiceBear Options",
            "The options of a style with their types.",
            [version, style],
        ),
        "/{version}/{style}/definition.json": _operation(
            "getDicebearDefinition",
            "Get DiceBear Definition",
            "The definition of a style, as it was published.",
            [version, style],
        ),
    }


def _operation(
    operation_id: str, summary: str, description: str, parameters: list[Json], schema: Json | None = None
) -> Json:
    return {
        "tags": ["by URL"],
        "operationId": operation_id,
        "summary": summary,
        "description": description,
        "parameters": parameters,
        "responses": {
            "200": {
                "description": "The list.",
                "headers": {name: {"schema": {"type": "string"}} for name in ("ETag", "Cache-Control")},
                "content": {"application/json": {"schema": schema or _ANY}},
            },
            "304": {"description": "The client has this list: `If-None-Match` names it."},
            **{str(status): failed(status) for status in (404, 500, 503)},
        },
    }
