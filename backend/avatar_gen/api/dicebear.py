"""`GET /{version}/{style}/{format}`: DiceBear's styles, at the addresses of DiceBear's own HTTP API."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from urllib.parse import parse_qsl

from starlette.convertors import Convertor, register_url_convertor
from starlette.requests import Request
from starlette.responses import Response

from avatar_gen.api.pictures import NamedRoute, has_already
from avatar_gen.drawing import dicebear
from avatar_gen.drawing.dicebear_options import OptionRefused, Value, read_options
from avatar_gen.errors import InvalidRequest, Problem, StyleNotServed
from avatar_gen.imaging import MEDIA_TYPES
from avatar_gen.imaging.svg import encode_svg
from avatar_gen.imaging.vips import VERSION

CACHE_CONTROL = "public, max-age=31536000, immutable"
"""The same address has the same picture for ever."""

_VERSIONS = {"10.x", "10"}
_FORMATS = {"svg": "svg", "json": "json", "jpg": "jpeg", **{media: media for media in MEDIA_TYPES}}
_TYPES = {"svg": "image/svg+xml", "json": "application/json", **MEDIA_TYPES}

_DEFAULT_SIZE = 128
_MOST_SIZE = 1024
"""Pixels. DiceBear's API draws a larger one at 256."""

_QUERY_LIMIT = 8192
"""Bytes: a seed of 256 characters alone can have 3,072."""

_RENDERING = 1
"""Counted up whenever pictures in pixels come out of the same SVG differently."""

_HARMLESS = "default-src 'none'; style-src 'unsafe-inline'"
"""SVG may hold scripts; what is drawn here has styles alone."""


@dataclass(frozen=True, slots=True)
class Sketch:
    """What is to be drawn, and everything that its bytes depend on."""

    style: str
    options: Mapping[str, Value]
    media: str
    """svg, json, or one of `MEDIA_TYPES`."""

    def key(self) -> str:
        """Says what the answer is made of: equal ones for equal bytes, and none for two different answers."""
        encoder = f"{VERSION}/{_RENDERING}" if self.media in MEDIA_TYPES else ""
        made_of = [dicebear.RELEASE, encoder, self.style, self.media, self.options]
        return blake2b(json.dumps(made_of).encode(), digest_size=16).hexdigest()

    def draw(self) -> bytes:
        """The answer; takes up to some milliseconds, and belongs in the `Pool`. Raises `InvalidRequest`."""
        if self.media == "svg":
            return dicebear.draw_svg(self.style, self.options).encode()
        if self.media == "json":
            return dicebear.draw_json(self.style, self.options).encode()
        size = self.options.get("size", _DEFAULT_SIZE)
        assert isinstance(size, int)  # noqa: S101 - it was read as a whole number
        px = min(size, _MOST_SIZE)
        return encode_svg(dicebear.draw_svg(self.style, {**self.options, "size": px}), px, self.media)


async def get_dicebear(request: Request) -> Response:
    """Answer with an avatar, or with 304 where the client has it already."""
    sketch = _read(request)
    headers = {
        "ETag": f'"{sketch.key()}"',
        "Cache-Control": CACHE_CONTROL,
        "Content-Disposition": f'inline; filename="avatar.{request.path_params["format"]}"',
        "X-Content-Type-Options": "nosniff",
        "X-Robots-Tag": "noindex",
    }
    if sketch.media == "svg":
        headers["Content-Security-Policy"] = _HARMLESS
    if has_already(request, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    content: bytes = await request.app.state.avatars.make(sketch.draw)
    return Response(content, headers={**headers, "Content-Type": _TYPES[sketch.media]})


def _read(request: Request) -> Sketch:
    """What is asked for. Raises `StyleNotServed`, `InvalidRequest`."""
    if request.path_params["version"] not in _VERSIONS:
        raise StyleNotServed("DiceBear's styles are here as of its release 10: /10.x/{style}/{format}.")
    style = _served(request.path_params["style"], request.app.state.dicebear_licences)
    if request.path_params["format"] not in _FORMATS:
        raise InvalidRequest(f"The format must be one of {', '.join(_FORMATS)}.")
    query: bytes = request.scope["query_string"]
    if len(query) > _QUERY_LIMIT:
        raise InvalidRequest(f"The query string is longer than {_QUERY_LIMIT} bytes.")
    pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
    try:
        options = read_options(dicebear.options(style), pairs)
    except OptionRefused as refused:
        problem = Problem(refused.option or "query", str(refused))
        raise InvalidRequest(f"{problem.field} {problem.message}.", (problem,)) from None
    return Sketch(style, options, _FORMATS[request.path_params["format"]])


def _served(style: str, licences: frozenset[str]) -> str:
    """The name of a style that there is and that may be served. Raises `StyleNotServed`."""
    if style not in dicebear.names():
        served = (name for name in dicebear.names() if dicebear.artwork(name).licence in licences)
        raise StyleNotServed(f"There is no such style of DiceBear's here; there are {', '.join(served)}.")
    licence = dicebear.artwork(style).licence
    if licence not in licences:
        raise StyleNotServed(
            f"This style is licensed as {licence}, which the setting dicebear.licenses does not include here."
        )
    return style


class _Version(Convertor[str]):
    """Only what looks like a release, so that no other address is taken for a style's."""

    regex = r"[0-9]{1,2}(?:\.(?:x|[0-9]{1,2}))?"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("release", _Version())

ROUTE = NamedRoute("/{version:release}/{style}/{format}", get_dicebear)
