"""URLs of pictures. Nothing here sends a request."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import TypedDict, Unpack
from urllib.parse import quote, urlencode

from avatar_gen_client.names import (
    ColorScheme,
    DefaultPicture,
    Filter,
    Format,
    Palette,
    Shape,
    StoredFormat,
    Style,
)

Option = str | int | float | bool
"""The value of one of DiceBear's options."""


class PictureOptions(TypedDict, total=False):
    """How a picture by URL looks. docs/urls.md describes each parameter."""

    style: Style | str
    """By default `pixelize`. Any other text is the name of a style of the operator."""
    format: Format
    """By default `webp`. `svg` is for every style except `wave`."""
    size: int
    """Width in px, 16 to 1024. By default 128."""
    shape: Shape
    filter: Filter
    primary_color: str
    foreign_color: str
    color_scheme: ColorScheme
    palette: Palette | str
    background: str
    hue: int
    angle: float
    name: str
    length: int
    uppercase: bool
    bold: bool
    options: Mapping[str, Option | Sequence[Option]]
    """The options of one of DiceBear's styles, under their own names."""
    v: str
    """Ignored by the service. Another value makes browsers fetch the picture again."""


class UrlOptions(PictureOptions, total=False):
    """The same, and where the service is."""

    base: str
    """The URL of the service. By default the URL is a path."""


class EmailUrlOptions(TypedDict, total=False):
    """How a picture by e-mail address looks."""

    size: int
    """Width in px, 1 to 2048. By default 80."""
    format: StoredFormat
    """By default `png`."""
    default: DefaultPicture | Style | str
    """The picture of an address that is linked to none. It may be a URL."""
    force_default: bool
    """Whether to show the default picture in any case."""
    name: str
    """For the default picture `initials`: the name."""
    base: str
    """The URL of the service. By default the URL is a path."""


class StoredOptions(TypedDict, total=False):
    """How a stored avatar is shown."""

    px: int
    """Width in px, 16 to 1024. By default 64."""
    format: StoredFormat
    """By default `webp`."""
    filter: Filter
    v: str
    """Ignored by the service. Another value makes browsers fetch the picture again."""


class StoredUrlOptions(StoredOptions, total=False):
    """The same, and where the service is."""

    base: str
    """The URL of the service. By default the URL is a path."""


def avatar_url(seed: str, **options: Unpack[UrlOptions]) -> str:
    """Return the URL of the picture that a style makes of a seed, any text of at most 256 characters."""
    parameters: dict[str, object] = {**options}
    base, style = parameters.pop("base", ""), parameters.pop("style", "pixelize")
    extension = parameters.pop("format", "webp")
    seed = _well_formed(seed)
    path = f"{quote(str(style), safe='')}"
    if "/" in seed or "\\" in seed:
        # Proxies may decode an encoded slash in a path.
        parameters = {"seed": seed, **parameters}
    else:
        path += f"/{quote(seed, safe='')}"
    return f"{_base(base)}/api/render/{path}.{extension}{_query(parameters)}"


def gravatar_url(email: str, **options: Unpack[EmailUrlOptions]) -> str:
    """Return the URL of the picture of an e-mail address, by the protocol of Gravatar and Libravatar.

    The URL has the SHA-256 of the address, not the address.
    """
    digest = email_hash(email)
    extension = f".{options['format']}" if "format" in options else ""
    parameters: dict[str, object] = {
        "s": options.get("size"),
        "d": options.get("default"),
        "f": "y" if options.get("force_default") else None,
        "name": options.get("name"),
    }
    return f"{_base(options.get('base', ''))}/avatar/{digest}{extension}{_query(parameters)}"


def stored_avatar_url(avatar_id: str, **options: Unpack[StoredUrlOptions]) -> str:
    """Return the URL of the picture of a stored avatar."""
    parameters: dict[str, object] = {**options}
    base, extension = parameters.pop("base", ""), parameters.pop("format", "webp")
    return f"{_base(base)}/api/{quote(avatar_id, safe='')}.{extension}{_query(parameters)}"


def email_hash(email: str) -> str:
    """Return the SHA-256 of an e-mail address, trimmed and in lower case, in hexadecimal digits."""
    return hashlib.sha256(_well_formed(email).strip().lower().encode()).hexdigest()


def camel(name: str) -> str:
    """Return a name in the spelling of the API: `primaryColor`."""
    first, *rest = name.split("_")
    return first + "".join(each.title() for each in rest)


def _base(base: object) -> str:
    return str(base).rstrip("/")


def _query(parameters: Mapping[str, object]) -> str:
    """Return a query string. DiceBear's options keep their names and follow the others."""
    given = {camel(name): value for name, value in parameters.items() if name != "options"}
    extra = parameters.get("options")
    given |= extra if isinstance(extra, Mapping) else {}
    pairs = [(name, _text(value)) for name, value in given.items() if value is not None]
    return f"?{urlencode(pairs)}" if pairs else ""


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _well_formed(value)
    if isinstance(value, Sequence):
        return ",".join(_text(each) for each in value)
    return str(value)


def _well_formed(text: str) -> str:
    """Return text that can be written as UTF-8. Text that was cut may end in half of a character."""
    return re.sub("[\ud800-\udfff]", "\ufffd", text)
