"""`GET /api/?name=...`: initials, at the URLs of ui-avatars.com.

Its parameters are those of `src/Input.php` in https://github.com/LasseRafn/ui-avatars. Clients are written
for that service, so requests are read in a similar way: unknown parameters and invalid numbers are ignored,
and numbers that are too low or too high are corrected. The picture is one of the style `initials`.
"""

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from starlette.types import Scope

from avatar_gen.api.foreign_urls import ForeignPicture, picture_route, split_foreign_query
from avatar_gen.api.pictures import PictureRoute
from avatar_gen.api.requests import lenient_number
from avatar_gen.avatar import MAX_SEED_LENGTH
from avatar_gen.drawing.palette import UnknownColour, parse_colour
from avatar_gen.services.found_style import Pairs
from avatar_gen.services.validation import refuse

PARTS = (
    "name",
    "size",
    "background",
    "color",
    "length",
    "font-size",
    "rounded",
    "uppercase",
    "bold",
    "format",
)
"""The parameters in the order in which a path has them."""

DEFAULT_NAME, DEFAULT_PX, DEFAULT_LENGTH = "John Doe", 64, 2
DEFAULT_BACKGROUND, DEFAULT_COLOUR = "ddd", "222"
MAX_PX = 512
MAX_LENGTH = 3
"""Letters. ui-avatars.com has no maximum, but more cannot be read."""

_PATH = re.compile(rb"/api/([^/]+)/[0-9]+(?:/[^/]+){0,10}/?")
_TRUE = frozenset({"1", "true", "on", "yes"})
_RGBA = re.compile(
    r"rgba\(\s*([0-9]{1,3})\s*,\s*([0-9]{1,3})\s*,\s*([0-9]{1,3})\s*,\s*([0-9.]{1,8})\s*\)", re.IGNORECASE
)
_HEX_WITH_ALPHA = re.compile(r"#?(?:([0-9a-fA-F]{3})([0-9a-fA-F])|([0-9a-fA-F]{6})([0-9a-fA-F]{2}))")


class Ink(NamedTuple):
    """A colour, as an option of the style takes it."""

    colour: str
    is_transparent: bool = False


def ui_avatars_route(routes: Iterable[str], *, paths: bool) -> PictureRoute:
    """Return the route. With `paths` it also takes `/api/{name}/{size}` and what may follow.

    A name with which the path of another route begins is left to that route.
    """
    others = {part.encode() for path in routes for part in path.split("/")[2:3]}

    def matches(scope: Scope) -> bool:
        if scope["path"] == "/api":
            return True
        match = _PATH.fullmatch(scope["raw_path"]) if paths else None
        return match is not None and match[1] not in others

    return picture_route("/api/", matches, _read)


def _read(scope: Scope) -> ForeignPicture:
    given = read_parameters(scope["raw_path"], scope["query_string"])
    accept = b",".join(value for name, value in scope["headers"] if name == b"accept")
    named = given.get("format", "")
    format_name = named if named in {"png", "svg"} else "svg" if b"image/svg+xml" in accept else "png"
    name, options = read_options(given)
    return ForeignPicture(("initials",), options, name, "name", format_name, negotiated=format_name != named)


def read_parameters(path: bytes, query: bytes) -> Mapping[str, str]:
    """Return the parameters of a query, or of a path if the query has none of them.

    Raises `InvalidRequest`.
    """
    given = {name: value for name, value in split_foreign_query(query) if name in PARTS}
    if given:
        return given
    parts = path.removeprefix(b"/api").strip(b"/").split(b"/")
    texts = (_decode(part, name) for part, name in zip(parts, PARTS, strict=False))
    return {name: text for name, text in zip(PARTS, texts, strict=False) if text}


def _decode(part: bytes, field: str) -> str:
    try:
        return unquote_to_bytes(part.replace(b"+", b" ")).decode()
    except UnicodeDecodeError:
        refuse(field, "must be text in UTF-8, percent-encoded")


def read_options(given: Mapping[str, str]) -> tuple[str, Pairs]:
    """Return the name that these parameters have, and the options of `initials`. Raises `InvalidRequest`."""
    name = given.get("name", DEFAULT_NAME)
    if len(name) > MAX_SEED_LENGTH:
        refuse("name", f"must have at most {MAX_SEED_LENGTH} characters")
    return name, (
        ("size", _number(given, "size", 16, MAX_PX, DEFAULT_PX)),
        ("length", _number(given, "length", 1, MAX_LENGTH, DEFAULT_LENGTH)),
        ("uppercase", _flag(given.get("uppercase", "true"))),
        ("bold", _flag(given.get("bold", ""))),
        ("shape", "circle" if _flag(given.get("rounded", "")) == "true" else "square"),
        *_colours(given),
    )


def _colours(given: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return the options for the colours: none of them if the seed chooses."""
    if given.get("background") == "random":
        return []
    ground = _ink("background", given.get("background") or DEFAULT_BACKGROUND)
    letters = _ink("color", given.get("color") or DEFAULT_COLOUR)
    if ground.is_transparent:
        # Letters without a ground have the primary colour.
        return [
            ("background", "transparent"),
            ("primaryColor", letters.colour),
            ("foreignColor", letters.colour),
        ]
    return [("primaryColor", ground.colour), ("foreignColor", letters.colour)]


def _ink(field: str, text: str) -> Ink:
    """Read a colour without its opacity: a colour is opaque here, unless it is fully transparent."""
    if text == "transparent":
        return Ink(DEFAULT_BACKGROUND, is_transparent=True)
    if match := _RGBA.fullmatch(text):
        channels = (min(int(each), 255) for each in match.groups()[:3])
        return Ink("".join(f"{each:02x}" for each in channels), not match[4].strip("0."))
    if match := _HEX_WITH_ALPHA.fullmatch(text):
        return Ink(match[1] or match[3], not (match[2] or match[4]).strip("0"))
    try:
        parse_colour(text)
    except UnknownColour as error:
        refuse(field, str(error))
    return Ink(text)


def _number(given: Mapping[str, str], name: str, lowest: int, highest: int, default: int) -> str:
    value = lenient_number(given.get(name, ""))
    return str(default if value is None else min(max(value, lowest), highest))


def _flag(text: str) -> str:
    return "true" if text.lower() in _TRUE else "false"
