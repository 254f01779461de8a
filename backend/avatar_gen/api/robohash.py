"""`GET /{text}.png?set=setN&size=WxH`: the URLs of robohash.org.

Its parameters are those of `ImgHandler` in `robohash/webfront.py` of https://github.com/e1ven/Robohash, also
in the path, as in `/ada.png/set_set2`. As there, unknown parameters and invalid values are ignored.
"""

import re
from zlib import crc32

from starlette.types import Scope

from avatar_gen.api.foreign_urls import ForeignForm, ForeignPicture, nearest_px, split_foreign_query
from avatar_gen.api.render_urls import decode_part
from avatar_gen.api.requests import lenient_number
from avatar_gen.imaging import DRAWN_TYPES, EXTENSIONS
from avatar_gen.services.lookalikes import robohash_styles

DEFAULT_PX = 300

_IN_PATH = rb"(?:/(?:bgset|color|gravatar|ignoreext|set|size)_[^/_]{1,32})"
_PATH = re.compile(rb"(%b{0,6})/([^/]+)(%b{0,6})/?" % (_IN_PATH, _IN_PATH))
_SIZE = re.compile(r"([0-9]+)x([0-9]+)")
_PIXELS = frozenset(DRAWN_TYPES) - {"svg"}


def _read(scope: Scope) -> ForeignPicture:
    match = _PATH.fullmatch(scope["raw_path"])
    assert match  # noqa: S101 - the route matched by it
    before, text, after = match.groups()
    pairs = split_foreign_query(scope["query_string"])
    in_path = (part.decode("latin-1").partition("_") for part in (before + after).split(b"/") if part)
    given = {**dict(pairs), **{name: value for name, _, value in in_path}}
    seed = decode_part(text, "text")
    name, dot, extension = seed.rpartition(".")
    format_name = EXTENSIONS.get(extension.lower(), "") if dot else ""
    if format_name:
        seed = name
    sets = (given.get("sets") or given.get("set", "")).split(",")
    return ForeignPicture(
        robohash_styles(sets, crc32(seed.encode("utf-8", "replace"))),
        (("size", str(_px(given.get("size", "")))),),
        seed,
        "text",
        format_name if format_name in _PIXELS else "png",
    )


def _px(size: str) -> int:
    """Return the width of a square picture that fits into a size, such as `200x300`."""
    match = _SIZE.fullmatch(size)
    return nearest_px(min(lenient_number(each) or 0 for each in match.groups()) if match else DEFAULT_PX)


ROBOHASH = ForeignForm("/{text}", _PATH, _read)
