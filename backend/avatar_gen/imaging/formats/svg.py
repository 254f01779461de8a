"""SVG: the text that a drawing is written as."""

from avatar_gen import __version__
from avatar_gen.imaging.formats.format import Format

SVG = Format(
    name="svg",
    media_type="image/svg+xml",
    extensions=("svg",),
    has_alpha=True,
    made_by=__version__,
    bytes_per_pixel=0,
    encode=None,
)
