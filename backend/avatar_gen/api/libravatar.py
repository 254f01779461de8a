"""`GET /avatar/{hash}`: pictures as Libravatar's and Gravatar's clients ask for them.

https://wiki.libravatar.org/api/ and https://docs.gravatar.com/api/avatars/images/. The clients are not ours,
so what they say is read as those services read it: unknown parameters and sizes that are none are passed
over, a size that is too large is cut down. Bounds hold all the same.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import parse_qsl, urlsplit

from starlette.types import Scope

from avatar_gen.api.picture_routes import Address, Picture, answer
from avatar_gen.api.render_urls import EXTENSIONS
from avatar_gen.api.requests import LONGEST, refuse
from avatar_gen.drawing.initials import apart
from avatar_gen.errors import IdentityNotLinked, InvalidRequest
from avatar_gen.imaging import MADE_BY, MEDIA_TYPES
from avatar_gen.services.identities import DEFAULT, DEFAULTS, Identities, Wanted, default

CACHE_CONTROL = b"public, max-age=300"
"""As Gravatar: what a hash is tied to may change at any time."""

DEFAULT_PX = 80
MAX_PX = 2048

HASH = re.compile(r"[0-9a-fA-F]{32}|[0-9a-fA-F]{64}")

_PREFIX = "/avatar/"
_LONGEST_NAME = 256
_DIGITS = re.compile(r"[0-9]{1,30}")
_URL = re.compile(r"https?://[!-~]+")
"""Of visible ASCII alone, so that nothing in it can end a header."""


class Asked(NamedTuple):
    """What a query says, each part in one form however it was spelled."""

    px: int = DEFAULT_PX
    default: str = DEFAULT
    """One of `DEFAULTS`, `404`, or an address."""
    forced: bool = False
    text: str = ""


async def _get_picture(scope: Scope) -> Picture:
    """A picture, 304 where the client has it, or where else the client is to look."""
    identities: Identities = scope["app"].state.identities
    identity, media = _read_path(scope["path"].removeprefix(_PREFIX))
    asked = read_query(scope["query_string"])
    wanted = Wanted(identity, asked.px, media, asked.text)
    offer = None if asked.forced else await identities.linked_picture(wanted)
    if offer is None:
        if asked.default == "404":
            raise IdentityNotLinked
        if _may_lead_to(asked.default, scope["app"].state.redirect_hosts):
            location = (b"location", asked.default.encode("ascii"))
            return Picture(302, [(b"cache-control", CACHE_CONTROL), location, (b"content-length", b"0")])
        offer = default(asked.default if asked.default in DEFAULTS else DEFAULT, wanted)
    etag = b'"%s-%s"' % (offer.key.hex().encode(), MADE_BY[media].encode())
    headers = [(b"cache-control", CACHE_CONTROL)]
    return await answer(scope, etag, headers, MEDIA_TYPES[media], lambda: identities.make(offer))


IDENTITY_PICTURE_ROUTE = Address(
    "/avatar/{hash}", lambda scope: scope["path"].startswith(_PREFIX), _get_picture
)


def read_hash(text: str) -> str:
    """A hash in lower-case digits. Raises `InvalidRequest`."""
    if not HASH.fullmatch(text):
        refuse("hash", "must be the MD5 or SHA-256 of an address, in 32 or 64 hexadecimal digits")
    return text.lower()


def _read_path(path: str) -> tuple[str, str]:
    """The hash, and the format that its extension names."""
    name, dot, extension = path.partition(".")
    identity = read_hash(name)
    media = EXTENSIONS.get(extension.lower()) if dot else "png"
    if media not in MEDIA_TYPES:
        refuse("hash", "may end in .png, .jpg, .jpeg, .webp or .avif, or in none of them")
    return identity, media


@lru_cache(maxsize=256)
def read_query(query: bytes) -> Asked:
    """What a query asks for; never more than is served. Raises `InvalidRequest` for one without end."""
    if len(query) > LONGEST:
        raise InvalidRequest(f"The query string is longer than {LONGEST} bytes.")
    said = dict(parse_qsl(query.decode("latin-1")))
    asked = said.get("default") or said.get("d") or DEFAULT
    return Asked(
        px=_size(said),
        default=asked if _URL.fullmatch(asked) else asked.lower(),
        forced=(said.get("forcedefault") or said.get("f") or "").lower() in {"y", "yes", "1", "true"},
        text=_initials(said),
    )


def _size(said: Mapping[str, str]) -> int:
    text = said.get("size") or said.get("s") or ""
    size = int(text) if _DIGITS.fullmatch(text) else 0
    return min(size, MAX_PX) or DEFAULT_PX


def _initials(said: Mapping[str, str]) -> str:
    """A name whose first letters are those asked for."""
    return apart(said.get("initials", "")[:_LONGEST_NAME]) or said.get("name", "")[:_LONGEST_NAME]


def _may_lead_to(address: str, hosts: frozenset[str]) -> bool:
    """Whether an address leads to a host that the operator has listed."""
    if not _URL.fullmatch(address) or "\\" in address:
        return False
    try:
        return urlsplit(address).netloc.lower() in hosts
    except ValueError:
        return False
