"""The names of the operations in the OpenAPI document, from which generators make the names of functions."""

from fastapi.routing import APIRoute
from pydantic.alias_generators import to_camel


def operation_id(route: APIRoute) -> str:
    """Return the name of a handler in camel case, such as `generateAvatar`.

    tests/api/test_openapi.py has the list of all names: clients are generated from them.
    """
    return to_camel(route.name)
