"""The use case of DiceBear's styles: drawn by its packages, in the formats of all others."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b

from avatar_gen import __version__
from avatar_gen.drawing import dicebear
from avatar_gen.drawing.dicebear_options import Value
from avatar_gen.drawing.filters import in_svg
from avatar_gen.drawing.svg import filtered, with_own_ids
from avatar_gen.imaging import MADE_BY, MEDIA_TYPES
from avatar_gen.imaging.svg import encode_svg

SKETCH_TYPES = {"svg": "image/svg+xml", "json": "application/json", **MEDIA_TYPES}
"""The formats of DiceBear's HTTP API."""

DEFAULT_PX = 128
MOST_PX = 1024
"""The width of a picture by URL, of whatever style, where none is asked for, and the largest."""


@dataclass(frozen=True, slots=True)
class Sketch:
    """An avatar of a style of DiceBear's that is asked for."""

    style: str
    options: Mapping[str, Value]
    """What the style's `options` read, the seed among them."""
    media: str
    """One of `SKETCH_TYPES`."""
    filter: str | None = None
    own_ids: bool = False
    """Whether an SVG is to have ids that no other has; DiceBear's own may."""

    @property
    def made_by(self) -> str:
        """The releases of all that has a say in the file's bytes."""
        return f"{dicebear.RELEASE}-{MADE_BY.get(self.media, __version__)}"

    def key(self) -> bytes:
        """16 bytes that no other picture has."""
        made_of = json.dumps(["dicebear", self.style, self.media, self.filter, self.own_ids, self.options])
        return blake2b(made_of.encode(), digest_size=16).digest()

    def is_quick(self) -> bool:
        """Whether it may be drawn on the event loop: no, it takes milliseconds."""
        return False

    def draw(self) -> bytes:
        """The file. Raises `InvalidRequest` for letters that there is no font for."""
        if self.media == "json":
            return dicebear.draw_json(self.style, self.options).encode()
        if self.media == "svg":
            document = self._svg(self.options)
            if self.own_ids:
                document = with_own_ids(document, f"a{self.key().hex()[:15]}")
            return document.encode()
        size = self.options.get("size", DEFAULT_PX)
        assert isinstance(size, int)  # noqa: S101 - it was read as a whole number
        px = min(size, MOST_PX)
        return encode_svg(self._svg({**self.options, "size": px}), px, self.media)

    def _svg(self, options: Mapping[str, Value]) -> str:
        document = dicebear.draw_svg(self.style, options)
        if self.filter is None:
            return document
        return filtered(document, in_svg(self.filter), f"f{self.key().hex()[:15]}")
