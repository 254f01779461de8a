"""What the service knows about a picture format."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from avatar_gen.imaging import thorvg, vips
from avatar_gen.imaging.vips import Pixels

RENDERERS = f"{vips.VERSION}-{thorvg.VERSION}"
"""The releases of what turns drawings into pixels and scales them."""


class Encoder(Protocol):
    """Writes the pixels of a picture as a file."""

    def __call__(self, pixels: Pixels, xmp: bytes = b"") -> bytes:
        """Return a file with these pixels, and with this packet of XMP unless it is empty.

        It blocks: run it in the `Pool`.
        """


@dataclass(frozen=True, slots=True)
class Format:
    """A format in which pictures are served."""

    name: str
    """The value of `format=`, and the extension of a file."""
    media_type: str
    extensions: tuple[str, ...]
    """Every extension that a URL may use, the usual one first."""
    has_alpha: bool
    """Whether it can hold transparent pixels. If not, they are shown on white."""
    made_by: str
    """The releases of everything that affects a file's bytes. Another release may pack the same pixels in
    another way, which a strong ETag must not hide."""
    bytes_per_pixel: int
    """The most memory that drawing and encoding takes, measured on the most expensive styles."""
    encode: Encoder | None
    """None for SVG, which has no pixels."""
    encode_photo: Callable[[Pixels], bytes] | None = None
    """Return a file of a photograph, whose pixels have no alpha."""
