"""Routes of FastAPI that read requests by strict models, and only after everything cheaper has been checked.

FastAPI itself reads a body of any size before it looks at it, turns every error on the way into a 400, and
accepts a query parameter that is given twice: docs/decisions/0005.
"""

import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar, cast

from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic_core import from_json
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response

from avatar_gen.api.access import require_permission
from avatar_gen.api.requests import check_query
from avatar_gen.errors import BodyTooLarge, EncodedBody, InvalidRequest, NotJson
from avatar_gen.services.validation import invalid_request, refuse, unique_fields

BODY_LIMIT = 64 * 1024
"""Bytes. The largest valid body has about 4,000, without options of styles."""

_MAX_FIELDS = 32
"""Fields of a body. More cannot be valid, and an error for each would take long."""

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"

Handler = Callable[[Request], Awaitable[Response]]

Endpoint = TypeVar("Endpoint", bound=Callable[..., Awaitable[Any]])


def before_body(check: Callable[[Request], Awaitable[None]]) -> Callable[[Endpoint], Endpoint]:
    """Let `StrictRoute` call `check` before it reads the body."""

    def mark(endpoint: Endpoint) -> Endpoint:
        endpoint.check_before_body = check  # type: ignore[attr-defined]
        return endpoint

    return mark


class StrictRoute(APIRoute):
    """A route that checks the API key, the query and the body, in this order, before FastAPI reads them."""

    def get_route_handler(self) -> Handler:  # type: ignore[override]
        """Return the handler of requests."""
        handler = super().get_route_handler()
        permission = getattr(self.endpoint, "permission", None)
        check_before_body = getattr(self.endpoint, "check_before_body", None)
        has_parameters = bool(self.dependant.query_params)
        has_body = self.body_field is not None

        async def handle(request: Request) -> Response:
            if permission is not None:
                require_permission(request, permission)
            check_query(request.scope["query_string"], has_parameters=has_parameters)
            _check_coding(request)
            if check_before_body is not None:
                await check_before_body(request)
            if has_body:
                request = _JsonRequest(request.scope, await read_json_object(request))
            try:
                return await handler(request)
            except RequestValidationError as error:
                raise self._invalid_request(error.errors()) from None

        return handle

    def _invalid_request(self, errors: Sequence[Any]) -> InvalidRequest:
        """Return the error in the service's own words, without what was sent."""
        part = errors[0]["loc"][0]
        fields = [self.body_field] if part == "body" else self.dependant.query_params
        model: Any = next(field.field_info.annotation for field in fields if field)
        inner: list[Any] = [{**each, "loc": each["loc"][1:]} for each in errors]
        return invalid_request(inner, model, part)


def _check_coding(request: Request) -> None:
    """Raise `EncodedBody` if the client says that the body is compressed (RFC 9110, 8.4)."""
    codings = {each.strip().lower() for each in request.headers.get("content-encoding", "").split(",")}
    if request.method in {"POST", "PUT"} and codings - {"", "identity"}:
        raise EncodedBody("The service reads no compressed bodies. Send the body without Content-Encoding.")


class _JsonRequest(Request):
    """A request whose body has been read."""

    def __init__(self, scope: Any, fields: dict[str, Any]) -> None:  # noqa: ANN401 - ASGI's type
        super().__init__(scope)
        self._fields = fields

    @property
    def headers(self) -> Headers:
        """Return the one header that FastAPI reads. An absent body counts as JSON, too."""
        return _JSON

    async def body(self) -> bytes:
        """Return a body that is not empty, so that FastAPI calls `json`."""
        return b"{}"

    async def json(self) -> dict[str, Any]:
        """Return the fields."""
        return self._fields


_JSON = Headers({"content-type": "application/json"})


async def read_json_object(request: Request) -> dict[str, Any]:
    """Return the JSON object in a body; an absent body is `{}`.

    Raises `InvalidRequest`, `NotJson`, and `BodyTooLarge` without reading the rest.
    """
    body = (await _read(request)).removeprefix(_BYTE_ORDER_MARK)
    if not body:
        return {}
    if not _is_json(request.headers.get("content-type", "application/json")):
        raise NotJson("The body must be JSON, sent with Content-Type: application/json.")
    try:
        fields = from_json(body)
    except ValueError:
        refuse("body", "is not valid JSON")
    json.loads(body, object_pairs_hook=unique_fields, parse_int=str, parse_float=str)
    if not isinstance(fields, dict):
        refuse("body", "must be a JSON object")
    if len(fields) > _MAX_FIELDS:
        refuse("body", f"has more than {_MAX_FIELDS} fields")
    return cast("dict[str, Any]", fields)


async def _read(request: Request) -> bytes:
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared[:20]) > BODY_LIMIT:
        raise _too_large()
    body = bytearray()
    while True:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise InvalidRequest("The body did not arrive.")
        body += message.get("body", b"")
        if len(body) > BODY_LIMIT:
            raise _too_large()
        if not message.get("more_body", False):
            return bytes(body)


def _too_large() -> BodyTooLarge:
    return BodyTooLarge(f"The body is larger than {BODY_LIMIT // 1024} KB.")


def _is_json(content_type: str) -> bool:
    media_type = content_type.partition(";")[0].strip().lower()
    return media_type == "application/json" or media_type.endswith("+json")
