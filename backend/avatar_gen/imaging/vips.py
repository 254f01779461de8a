"""Every format but PNG, through libvips, whose calls take milliseconds: they belong in the `Pool`."""

import pyvips

from avatar_gen.errors import StartupError

# Pictures are small and each is encoded once: libvips' cache of operations would keep up to 100 MB of
# them and never be asked again, and its threads cost more to start than a picture takes.
pyvips.cache_set_max(0)
pyvips.concurrency_set(1)

# Nothing but our own PNG and SVG files is ever decoded, so a hole in another decoder cannot be reached.
pyvips.operation_block_set("VipsForeignLoad", True)  # noqa: FBT003 - C's signature
pyvips.operation_block_set("VipsForeignLoadPng", False)  # noqa: FBT003
pyvips.operation_block_set("VipsForeignLoadSvg", False)  # noqa: FBT003

_LEAST = (8, 18, 3)
_FOUND = tuple(pyvips.version(part) for part in range(3))

VERSION = ".".join(map(str, _FOUND))
"""libvips' version: another one may write other bytes."""


def require_version() -> None:
    """Raise `StartupError` for a libvips with holes that are known: a system's own may stand in the way."""
    if _FOUND < _LEAST:
        least = ".".join(map(str, _LEAST))
        raise StartupError(f"libvips {VERSION} is too old, {least} is needed: pip install pyvips-binary")


def to_webp(png: bytes) -> bytes:
    """Lossless WebP: for flat pictures it is both exact and the smallest."""
    return save_webp(_open(png))


def to_avif(png: bytes) -> bytes:
    """AVIF at full colour resolution; effort 0 takes 5 ms for 512 px where the default takes 120."""
    return save_avif(_open(png))


def to_jpeg(png: bytes) -> bytes:
    """JPEG at full colour resolution, so that flat areas keep sharp borders."""
    return save_jpeg(_open(png))


def save_png(image: pyvips.Image) -> bytes:
    """PNG for pictures of many colours; at the least effort, which is a third of the default's time."""
    png: bytes = image.pngsave_buffer(compression=1, filter="none", keep="none")
    return png


def save_webp(image: pyvips.Image) -> bytes:
    """As `to_webp`."""
    webp: bytes = image.webpsave_buffer(lossless=True, effort=0, keep="none")
    return webp


def save_avif(image: pyvips.Image) -> bytes:
    """As `to_avif`."""
    options = {"compression": "av1", "Q": 80, "effort": 0, "subsample_mode": "off", "keep": "none"}
    avif: bytes = image.heifsave_buffer(**options)
    return avif


def save_jpeg(image: pyvips.Image) -> bytes:
    """As `to_jpeg`; what is transparent becomes white."""
    options = {"Q": 90, "subsample_mode": "off", "optimize_coding": True, "keep": "none", "background": 255}
    jpeg: bytes = image.jpegsave_buffer(**options)
    return jpeg


def _open(png: bytes) -> pyvips.Image:
    return pyvips.Image.pngload_buffer(png)
