"""`GET /{variant}/{size}/{name}?colors=a,b,c`: the URLs of source.boringavatars.com.

Its parameters are those in the README of https://github.com/vizlegal/boring-avatars-service. Unknown
parameters and colours are ignored, as there. A URL without a name is not a picture here: it would be another
one each time.
"""

import re
from collections.abc import Sequence
from itertools import combinations

from starlette.types import Scope

from avatar_gen.api.foreign_urls import ForeignForm, ForeignPicture, nearest_px, split_foreign_query
from avatar_gen.api.render_urls import decode_part
from avatar_gen.api.requests import lenient_number
from avatar_gen.drawing.contrast import contrast
from avatar_gen.drawing.palette import Colour, UnknownColour, parse_colour
from avatar_gen.drawing.palettes import CuratedPalette, grounds
from avatar_gen.services.found_style import Pairs
from avatar_gen.services.lookalikes import BORING_VARIANTS

MAX_COLOURS = 8
"""The colours of a request that are used."""

_PATH = re.compile(rb"/(%b)/([0-9]+)/([^/]+)/?" % "|".join(BORING_VARIANTS).encode())


def _read(scope: Scope) -> ForeignPicture:
    match = _PATH.fullmatch(scope["raw_path"])
    assert match  # noqa: S101 - the route matched by it
    variant, size, name = match.groups()
    given = dict(split_foreign_query(scope["query_string"]))
    is_square = given.get("square", "false").lower() not in {"false", "0"}
    palette, colours = read_colours(given.get("colors", ""))
    options = (
        ("size", str(nearest_px(lenient_number(size.decode()) or 0))),
        ("shape", "square" if is_square else "circle"),
        *colours,
    )
    style = BORING_VARIANTS[variant.decode()]
    return ForeignPicture((style,), options, decode_part(name, "name"), "name", "svg", palette=palette)


def read_colours(text: str) -> tuple[CuratedPalette | None, Pairs]:
    """Return a palette of the colours in a list, or else options for two colours that can be told apart.

    The seed chooses among the colours of a palette. Colours without enough contrast make no palette.
    """
    colours = tuple(dict.fromkeys(_colours(text)))
    palette = CuratedPalette("", colours)
    if grounds(palette):
        return palette, ()
    if len(colours) < 2:
        return None, [("primaryColor", _hex(each)) for each in colours]
    ground, other = max(combinations(colours, 2), key=lambda pair: contrast(*pair))
    return None, (("primaryColor", _hex(other)), ("foreignColor", _hex(ground)))


def _colours(text: str) -> Sequence[Colour]:
    found = []
    for part in text.split(",")[:MAX_COLOURS]:
        try:
            found.append(parse_colour(part.strip()))
        except UnknownColour:
            continue
    return found


def _hex(colour: Colour) -> str:
    return bytes(colour).hex()


BORING_AVATARS = ForeignForm("/{variant}/{size}/{name}", _PATH, _read)
