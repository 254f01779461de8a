"""Pictures to bytes: indexed PNG by our own writer, every other format through libvips."""

from collections.abc import Callable

from avatar_gen.imaging.vips import to_avif, to_jpeg, to_webp

MEDIA_TYPES = {
    "png": "image/png",
    "webp": "image/webp",
    "avif": "image/avif",
    "jpeg": "image/jpeg",
}
"""The formats that a picture is served in."""

CONVERTERS: dict[str, Callable[[bytes], bytes]] = {
    "webp": to_webp,
    "avif": to_avif,
    "jpeg": to_jpeg,
}
"""From a PNG file to another format; each takes milliseconds and belongs in the `Pool`."""
