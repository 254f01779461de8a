"""The errors of the OpenAPI document: every status, each with an example."""

from http import HTTPStatus
from typing import Any

from avatar_gen.api.responses import Failure

Json = dict[str, Any]

_FAILURE = {"$ref": f"#/components/schemas/{Failure.__name__}"}

_SENTENCES = {
    400: "size must be at most 9.",
    401: "This takes an API key: send it as Authorization: Bearer KEY.",
    403: "This API key may not write.",
    404: "There is no avatar with this id.",
    408: "The request took too long to arrive.",
    409: "The job has not ended. Its result is there when its state is done.",
    413: "The body is larger than 64 KB.",
    415: "The body must be JSON, sent with Content-Type: application/json.",
    429: "Too many requests. Try again in 1 second.",
    431: "The request is too large.",
    500: "The service has failed; see its log.",
    503: "The database is unavailable. Try again later.",
    507: "The storage is full. Free some space, then try again.",
}
"""An example of a message for each status."""

_EVERYWHERE = (400, 408, 431, 500, 503)
"""The statuses that any request can get: for invalid HTTP, a request that is too slow or too large, an error
of the service, and its shutdown."""


def fails(*statuses: int) -> dict[int | str, Json]:
    """Return the error responses of a route with these statuses."""
    return {status: {"model": Failure, "description": HTTPStatus(status).phrase} for status in statuses}


def failed(status: int) -> Json:
    """Return one error response, with an example."""
    phrase = HTTPStatus(status).phrase
    example = {"statusCode": status, "message": _SENTENCES[status], "error": phrase}
    return {
        "description": phrase,
        "content": {"application/json": {"schema": _FAILURE, "example": example}},
    }


def name_failures(document: Json) -> None:
    """Define each error response once, and reference it from each operation that returns it."""
    named: dict[str, Json] = {}
    for operation in (each for path in document["paths"].values() for each in path.values()):
        responses = operation["responses"]
        failing = {status for status, response in responses.items() if _says_no_more(response)}
        for status in failing | {str(status) for status in _EVERYWHERE} - responses.keys():
            named[status] = failed(int(status))
            responses[status] = {"$ref": f"#/components/responses/{status}"}
        operation["responses"] = dict(sorted(responses.items()))
    # In order, so that the document of one release is always the same text.
    document["components"]["responses"] = dict(sorted(named.items()))


def _says_no_more(response: Json) -> bool:
    """Return whether a response is an error without headers of its own."""
    contents = response.get("content", {}).values()
    return "headers" not in response and any(each.get("schema") == _FAILURE for each in contents)
