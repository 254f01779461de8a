"""The use cases of Libravatar's and Gravatar's protocol: whose picture belongs to the hash of an address."""

import asyncio
from collections.abc import Callable
from hashlib import blake2b
from typing import NamedTuple

from avatar_gen.drawing.drawing import Drawing
from avatar_gen.drawing.harmony import seed_colours
from avatar_gen.drawing.placeholders import nothing, plain, silhouette
from avatar_gen.drawing.styles import draw, traits
from avatar_gen.errors import AvatarNotFound, IdentityNotLinked
from avatar_gen.imaging import memory_of, scaled
from avatar_gen.imaging.pictures import draw_picture
from avatar_gen.imaging.png import width_of
from avatar_gen.objects import IdentityStore
from avatar_gen.services.avatars import EXPONENTS, STORED, Avatars, StoredPicture, resize
from avatar_gen.services.rendering import QUICK_PX, Renderer, RenderOptions

_LEAST_DRAWN = 16
"""Px: what is asked for smaller is drawn at this width and scaled down."""

_STYLES = {
    "identicon": "blocks",
    "retro": "retro",
    "monsterid": "retro",
    "wavatar": "smile",
    "robohash": "retro",
    "initials": "initials",
}
"""The protocol's names for pictures that differ from hash to hash, and our style that comes nearest to each.
A change here changes pictures that somebody is known by."""

_SAME_FOR_ALL: dict[str, Callable[[], Drawing]] = {"mp": silhouette, "mm": silhouette, "blank": nothing}

DEFAULTS = (*_STYLES, *_SAME_FOR_ALL, "color")
"""What the protocol knows to show where nothing is tied, beside 404 and an address."""

DEFAULT = "mp"
"""What is shown where no such name was given."""


class Wanted(NamedTuple):
    """A picture that is asked for by the hash of an address."""

    identity: str
    """MD5 or SHA-256 in lower-case digits."""
    px: int
    media: str
    """One of `imaging.MEDIA_TYPES`."""
    text: str = ""
    """Whose initials are to be written."""


class Offer(NamedTuple):
    """A picture that can be had."""

    key: bytes
    """16 bytes that no other picture has."""
    make: Callable[[], bytes]
    memory: int
    """The most bytes that making it takes."""
    quick: bool
    """Whether that takes no longer than a hop to a thread."""
    kind: tuple[str, str]
    """The style and the format that it counts as."""


class Identities:
    """Identity links, and the picture of each hash. `IdentityStore` lists the errors raised."""

    def __init__(self, links: IdentityStore, avatars: Avatars, renderer: Renderer) -> None:
        self._links = links
        self._avatars = avatars
        self._renderer = renderer

    async def link(self, identity: str, avatar_id: str) -> None:
        """Have an avatar shown for a hash: when this returns, that survives a crash.

        Raises `AvatarNotFound`.
        """
        await self._avatars.find(avatar_id, EXPONENTS[0])
        await asyncio.to_thread(self._links.put, identity, avatar_id)

    async def unlink(self, identity: str) -> None:
        """Have no avatar shown for a hash any more. Raises `IdentityNotLinked`."""
        if not await asyncio.to_thread(self._links.remove, identity):
            raise IdentityNotLinked

    async def linked_avatar(self, identity: str) -> str:
        """The id of the avatar that a hash is tied to, be it still there or not. Raises `NotTied`."""
        avatar_id = await self._links.find(identity)
        if avatar_id is None:
            raise IdentityNotLinked
        return avatar_id

    async def linked_picture(self, wanted: Wanted) -> Offer | None:
        """The picture of the avatar that a hash is tied to, if there is one. Asks no database."""
        try:
            stored = await self._avatars.find_for(await self.linked_avatar(wanted.identity), wanted.px)
        except (AvatarNotFound, IdentityNotLinked):
            return None
        return _resized(stored, wanted)

    async def make(self, offer: Offer) -> bytes:
        """The picture that was offered. Raises `Overloaded`."""
        return await self._renderer.encode(
            offer.key, offer.make, offer.kind, memory=offer.memory, quick=offer.quick
        )


def default(name: str, wanted: Wanted) -> Offer:
    """What is shown where nothing is tied: `name` is one of `DEFAULTS`."""
    if name == "initials" and not wanted.text:
        name = DEFAULT
    identity, px, media, text = wanted
    text = text if name == "initials" else ""
    differs = "" if name in _SAME_FOR_ALL else identity
    key = _key(b"default", name.encode(), differs.encode(), text.encode(), b"%d" % px, media.encode())

    def make() -> bytes:
        drawing = _draw(name, identity, text)
        if px >= _LEAST_DRAWN:
            return draw_picture(drawing, px, media=media)
        return scaled(draw_picture(drawing, _LEAST_DRAWN, media="png"), px, media)

    drawn_here = media == "png" and _LEAST_DRAWN <= px <= QUICK_PX
    exact = name == "color" or (name in _STYLES and traits(_STYLES[name]).exact)
    return Offer(
        key,
        make,
        memory=memory_of(max(px, _LEAST_DRAWN), media),
        quick=drawn_here and exact,
        kind=(f"libravatar/{name}", media),
    )


def _resized(stored: StoredPicture, wanted: Wanted) -> Offer:
    key = _key(b"tied", stored.avatar.id.encode(), stored.png, b"%d" % wanted.px, wanted.media.encode())
    stored_as_asked = wanted.media == "png" and wanted.px in {1 << exponent for exponent in EXPONENTS}
    return Offer(
        key,
        lambda: resize(stored, wanted.px, wanted.media),
        memory=memory_of(max(wanted.px, width_of(stored.png)), wanted.media),
        quick=stored_as_asked,
        kind=(STORED, wanted.media),
    )


def _key(*parts: bytes) -> bytes:
    return blake2b(b"\0".join(parts), digest_size=16).digest()


def _draw(name: str, identity: str, text: str) -> Drawing:
    if name in _SAME_FOR_ALL:
        return _SAME_FOR_ALL[name]()
    if name == "color":
        return plain(seed_colours(identity)[0])
    # Names that share a style still show different pictures of one hash.
    seed = identity if name in {"identicon", "retro", "initials"} else f"{name} {identity}"
    return draw(_STYLES[name], seed, RenderOptions(text=text or None).style_input(seed))
