"""`GET /avatar/{hash}`: pictures by the protocol of Libravatar and Gravatar.

https://wiki.libravatar.org/api/ and https://docs.gravatar.com/api/avatars/images/. Clients are written for
those services, so requests are read as those services read them: unknown parameters and invalid sizes are
ignored, and a size that is too large is reduced.
"""

import asyncio
import contextlib
import re
from collections.abc import Container, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import parse_qsl, urlsplit

from starlette.types import Scope

from avatar_gen.api.pictures import Picture, PictureRoute, answer
from avatar_gen.api.requests import lenient_number
from avatar_gen.drawing.initials import apart
from avatar_gen.errors import IdentityNotLinked, InvalidRequest, Problem, StyleNotServed
from avatar_gen.imaging import EXTENSIONS, MADE_BY, MEDIA_TYPES
from avatar_gen.services.identities import (
    DEFAULTS,
    NO_PICTURE,
    Identities,
    IdentityPicture,
    PreparedPicture,
    default_picture,
    style_picture,
)
from avatar_gen.services.lookalikes import robohash_styles
from avatar_gen.services.style_families import find_style
from avatar_gen.services.validation import refuse

if TYPE_CHECKING:
    from avatar_gen.services.upstreams import Upstreams

CACHE_CONTROL = b"public, max-age=300"
"""As Gravatar: the identity link of a hash may change at any time."""

DEFAULT_PX = 80
MAX_PX = 2048

HASH = re.compile(r"[0-9a-fA-F]{32}|[0-9a-fA-F]{64}")

_PATH = re.compile(r"/avatar(?:/.*)?", re.DOTALL)
_NOT_LINKED = re.compile(r"[0-9a-fA-F]*")
"""A hash of any other length. Nothing can be linked to it, so the picture is a default one."""

_MAX_QUERY = 8192
_MAX_NAME = 256
_URL = re.compile(r"https?://[!-~]+", re.IGNORECASE)
"""Of visible ASCII characters alone, so that nothing in it can end a header."""


class LibravatarParameters(NamedTuple):
    """The parameters of a query, in one form for all spellings."""

    px: int = DEFAULT_PX
    default: str = ""
    """One of `DEFAULTS`, the name of a style, `404`, or a URL. Empty if the client names none."""
    is_default_forced: bool = False
    text: str = ""
    robot_sets: tuple[str, ...] = ()
    """RoboHash's sets, from which `d=robohash` takes one."""


async def _get_picture(scope: Scope) -> Picture:
    """Return the picture, 304 if the client has it, or a redirect to a default picture elsewhere."""
    identities: Identities = scope["app"].state.identities
    identity, format_name = _read_path(scope["path"].removeprefix("/avatar").removeprefix("/"))
    parameters = read_query(scope["query_string"])
    request = IdentityPicture(identity, parameters.px, format_name, parameters.text)
    may_be_linked = HASH.fullmatch(identity) and not parameters.is_default_forced
    picture = (await identities.linked_picture(request)) if may_be_linked else None
    if picture is None and may_be_linked:
        upstreams: Upstreams | None = scope["app"].state.upstreams
        picture = await upstreams.picture(request) if upstreams else None
    if picture is None:
        if _is_redirect_allowed(parameters.default, scope["app"].state.libravatar.redirect_hosts):
            location = (b"location", parameters.default.encode("ascii"))
            return Picture(302, [(b"cache-control", CACHE_CONTROL), location, (b"content-length", b"0")])
        picture = await _default_picture(scope, parameters, request)
    etag = b'"%s-%s"' % (picture.key.hex().encode(), MADE_BY[format_name].encode())
    headers = [(b"cache-control", CACHE_CONTROL)]
    return await answer(scope, etag, headers, MEDIA_TYPES[format_name], lambda: identities.make(picture))


async def _default_picture(
    scope: Scope, parameters: LibravatarParameters, request: IdentityPicture
) -> PreparedPicture:
    """Return the default that a client names, or the one in the settings if it is unknown or not served.

    Raises `IdentityNotLinked`.
    """
    licences: frozenset[str] = scope["app"].state.dicebear_licences
    defaults = (parameters.default, scope["app"].state.libravatar.default)
    for name in (*_robots(parameters, request.identity), *defaults):
        if name == NO_PICTURE:
            raise IdentityNotLinked
        if name in DEFAULTS:
            return default_picture(name, request)
        with contextlib.suppress(InvalidRequest, StyleNotServed):
            style = find_style(name)
            if not style.is_ready(licences):
                # Loading reads files, which must not block the event loop.
                await asyncio.to_thread(style.prepare, licences)
            return style_picture(style, request)
    raise AssertionError("the default in the settings has been checked")


def _robots(parameters: LibravatarParameters, identity: str) -> Sequence[str]:
    """Return the style of `d=robohash` with a set; nothing for other defaults, and without a set."""
    if parameters.default != "robohash" or not parameters.robot_sets:
        return ()
    return robohash_styles(parameters.robot_sets, int(identity[:8] or "0", 16))[:1]


IDENTITY_PICTURE_ROUTE = PictureRoute(
    "/avatar/{hash}", lambda scope: _PATH.fullmatch(scope["path"]), _get_picture
)


def read_hash(text: str) -> str:
    """Return a hash in lower-case digits. Raises `InvalidRequest`."""
    if not HASH.fullmatch(text):
        refuse("hash", "must be the MD5 or SHA-256 of an e-mail address, in 32 or 64 hexadecimal digits")
    return text.lower()


def _read_path(path: str) -> tuple[str, str]:
    """Return the hash, of any length, and the format that its extension names."""
    name, dot, extension = path.partition(".")
    identity = name.lower() if _NOT_LINKED.fullmatch(name) else read_hash(name)
    format_name = EXTENSIONS.get(extension.lower()) if dot else "png"
    if format_name not in MEDIA_TYPES:
        refuse("hash", f"may end in {', '.join(f'.{each}' for each in _EXTENSIONS)}, or in no extension")
    return identity, format_name


_EXTENSIONS = [extension for extension, format_name in EXTENSIONS.items() if format_name in MEDIA_TYPES]


@lru_cache(maxsize=256)
def read_query(query: bytes) -> LibravatarParameters:
    """Return the parameters of a query. Raises `InvalidRequest` if the query is too long."""
    if len(query) > _MAX_QUERY:
        problem = Problem("query", f"must have at most {_MAX_QUERY} bytes")
        raise InvalidRequest(f"The query string is longer than {_MAX_QUERY} bytes.", (problem,))
    given = dict(parse_qsl(query.decode("latin-1")))
    default = given.get("default") or given.get("d") or ""
    if default.lower().startswith("robohash="):
        default, given["robohash"] = default.split("=", 1)
    return LibravatarParameters(
        px=_size(given),
        default=default if _URL.fullmatch(default) else default.lower(),
        is_default_forced=(given.get("forcedefault") or given.get("f") or "").lower()
        in {"y", "yes", "1", "true"},
        text=_initials(given),
        robot_sets=tuple(filter(None, given.get("robohash", "")[:_MAX_NAME].lower().split(","))),
    )


def _size(given: Mapping[str, str]) -> int:
    size = lenient_number(given.get("size") or given.get("s") or "")
    return min(size or DEFAULT_PX, MAX_PX)


def _initials(given: Mapping[str, str]) -> str:
    """Return a name whose initials are the ones that the client asks for."""
    return apart(given.get("initials", "")[:_MAX_NAME]) or given.get("name", "")[:_MAX_NAME]


def _is_redirect_allowed(url: str, hosts: Container[str]) -> bool:
    """Return whether the operator lists the host of a URL."""
    if not _URL.fullmatch(url) or "\\" in url:
        return False
    try:
        return urlsplit(url).netloc.lower() in hosts
    except ValueError:
        return False
