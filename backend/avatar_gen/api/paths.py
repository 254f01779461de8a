"""The paths of requests, before any route sees them."""

_SEEDS = "/api/render/"
"""A seed may end in a slash, so paths below this one stay unchanged."""


def without_trailing_slash(path: str) -> str:
    """Return a path without one trailing slash, which every other route ignores."""
    if path.endswith("/") and len(path) > 1 and not path.startswith(_SEEDS):
        return path[:-1]
    return path
