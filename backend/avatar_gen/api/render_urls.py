"""Read URLs below `/api/render`: `{style}/{seed}.{format}`, or `{style}.{format}?seed=`.

A seed is any text, slashes and dots included. What follows its last dot is the format if the service has one
of this name, and part of the seed if not. So `ada.png` is the seed `ada`. The seed `ada.png` is written
`ada.png.png`, or in the query.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import ClassVar, NamedTuple, TypeVar
from urllib.parse import unquote_to_bytes

from pydantic import Field

from avatar_gen.api.requests import PictureParameters, split_query
from avatar_gen.avatar import MAX_SEED_LENGTH
from avatar_gen.imaging import DRAWN_TYPES, EXTENSIONS, UNSERVED_EXTENSION
from avatar_gen.services.found_style import FoundStyle
from avatar_gen.services.rendering import PictureRequest
from avatar_gen.services.style_families import find_style
from avatar_gen.services.validation import read_pairs, refuse

PREFIX = b"/api/render/"

_MAX_ACCEPT = 512
"""The bytes of an `Accept` header that are read. Browsers send about 100."""

_MAX_PART = MAX_SEED_LENGTH * 12 + 16
"""Bytes: a seed of the longest code points, each byte percent-encoded, and an extension."""


class UrlParameters(PictureParameters):
    """The parameters that belong to the URL and not to the style."""

    max_bytes: ClassVar[int] = 8192


class SeededUrlParameters(UrlParameters):
    """The parameters of a URL whose path has no seed."""

    seed: str = Field(
        max_length=MAX_SEED_LENGTH,
        description=f"Any text of at most {MAX_SEED_LENGTH} code points.",
        examples=["ada"],
    )


P = TypeVar("P", bound=UrlParameters)


class RenderUrl(NamedTuple):
    """The parts of a path below `PREFIX`."""

    style: FoundStyle
    seed: str | None
    """None if it must be in the query."""
    format_name: str | None
    """None if `Accept` decides."""


def split_render_url(path: bytes) -> RenderUrl:
    """Split a path as it was sent: once decoded, an encoded slash looks like any other.

    Raises `InvalidRequest`.
    """
    head, slash, tail = path[len(PREFIX) :].partition(b"/")
    if slash:
        seed, format_name = _split_extension(decode_part(tail, "seed"))
        return RenderUrl(find_style(decode_part(head, "style")), seed, format_name)
    name, format_name = _split_extension(decode_part(head, "style"))
    return RenderUrl(find_style(name), None, format_name)


def read_render_url(url: RenderUrl, query: bytes, accept: bytes) -> PictureRequest:
    """Return the picture that a URL asks for, once its style is prepared. Raises `InvalidRequest`."""
    style, seed, format_name = url
    format_name = format_name or negotiate(accept, style.formats)
    if seed is None:
        request, seed = _read_seeded(style, format_name, query)
    else:
        request = _read(style, format_name, query)
    return request.with_seed(seed)


@lru_cache(maxsize=256)
def _read(style: FoundStyle, format_name: str, query: bytes) -> PictureRequest:
    """Read a query without a seed. Clients send few different ones, so the result is cached."""
    _, options = split_parameters(query, UrlParameters)
    if any(name == "seed" for name, _ in options):
        refuse("seed", "is in the path already")
    return style.read(options, format_name)


def _read_seeded(style: FoundStyle, format_name: str, query: bytes) -> tuple[PictureRequest, str]:
    parameters, options = split_parameters(query, SeededUrlParameters)
    return style.read(options, format_name), parameters.seed


def split_parameters(query: bytes, model: type[P]) -> tuple[P, Sequence[tuple[str, str]]]:
    """Return the parameters of the URL, and all others, which are the style's options.

    Raises `InvalidRequest`.
    """
    pairs = split_query(query, model.max_bytes)
    names = model.model_fields
    own = read_pairs([pair for pair in pairs if pair[0] in names], model)
    return own, [pair for pair in pairs if pair[0] not in names]


def decode_part(part: bytes, field: str) -> str:
    """Return the text of a percent-encoded part of a path. Raises `InvalidRequest`, which names the field."""
    if len(part) > _MAX_PART:
        refuse(field, f"must have at most {MAX_SEED_LENGTH} characters")
    try:
        return unquote_to_bytes(part).decode()
    except UnicodeDecodeError:
        refuse(field, "must be text in UTF-8, percent-encoded")


def _split_extension(text: str) -> tuple[str, str | None]:
    """Return the text before an extension, and the format that the extension names.

    Raises `InvalidRequest` for the extension of a picture format that the service does not have.
    """
    name, dot, extension = text.rpartition(".")
    extension = extension.lower()
    if dot and UNSERVED_EXTENSION.fullmatch(extension):
        refuse("format", f"must be one of {', '.join(DRAWN_TYPES)}")
    format_name = EXTENSIONS.get(extension) if dot else None
    return (name, format_name) if format_name else (text, None)


def negotiate(accept: bytes, formats: Sequence[str]) -> str:
    """Return the format for a URL that names none: PNG, unless the client prefers another one."""
    return _preferred(accept[:_MAX_ACCEPT], tuple(formats))


@lru_cache(maxsize=256)
def _preferred(accept: bytes, formats: tuple[str, ...]) -> str:
    """Return the format with the highest quality; PNG among equals, and if the client accepts none."""
    qualities: dict[str, float] = {}
    for part in accept.decode("latin-1").lower().split(","):
        name, *parameters = (each.strip() for each in part.split(";"))
        quality = next((each[2:] for each in parameters if each.startswith("q=")), "1")
        qualities[name] = float(quality) if re.fullmatch(r"[01](?:\.[0-9]{0,3})?", quality) else 0.0

    def quality_of(format_name: str) -> float:
        ranges = (DRAWN_TYPES[format_name], "image/*", "*/*")
        return next((qualities[name] for name in ranges if name in qualities), 0.0)

    # max() returns the first among equals, and PNG comes first.
    return max(formats, key=quality_of)
