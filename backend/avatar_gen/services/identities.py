"""The use cases of Libravatar's and Gravatar's protocol: the picture of the hash of an e-mail address."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from functools import partial
from hashlib import blake2b
from typing import NamedTuple, TypeVar

from avatar_gen.avatar import ANY_PALETTE, PHOTO, AvatarSpec
from avatar_gen.drawing.drawing import Drawing
from avatar_gen.drawing.palettes import choose
from avatar_gen.drawing.placeholders import nothing, plain, silhouette
from avatar_gen.drawing.styles import draw
from avatar_gen.errors import (
    AvatarError,
    AvatarLinked,
    AvatarNotFound,
    IdentityNotLinked,
    ObjectDamaged,
    SettingsError,
    StorageUnavailable,
)
from avatar_gen.imaging import memory_of, scaled
from avatar_gen.imaging.photographs import DECODER
from avatar_gen.imaging.pipeline import draw_picture
from avatar_gen.objects import TIMEOUT_SECONDS, IdentityStore, Replaced
from avatar_gen.runtime.threads import DaemonThreads
from avatar_gen.services.avatars import (
    EXPONENTS,
    STORED,
    Avatars,
    StoredPicture,
    make_picture,
    memory_to_make,
)
from avatar_gen.services.found_style import FoundStyle
from avatar_gen.services.render_options import MAX_PX, RenderOptions
from avatar_gen.services.rendering import Renderer, is_quick
from avatar_gen.services.style_families import find_style, has_style

T = TypeVar("T")

log = logging.getLogger(__name__)

_MEND_SECONDS = 60.0
"""Time between two attempts to delete replaced avatars."""

_WRITERS = 2
"""Threads that write links at once."""

_MIN_DRAWN_PX = 16
"""A smaller picture is drawn at this width and scaled down."""

_STYLES = {
    "identicon": "blocks",
    "retro": "retro",
    "monsterid": "retro",
    "wavatar": "smile",
    "robohash": "retro",
    "pagan": "retro",
    "initials": "initials",
}
"""The protocol's default pictures that differ from hash to hash, and the most similar styles of this
service. A change here changes the pictures of existing users."""

_SAME_FOR_ALL: dict[str, Callable[[], Drawing]] = {"mp": silhouette, "mm": silhouette, "blank": nothing}

DEFAULTS = (*_STYLES, *_SAME_FOR_ALL, "color", "mmng")
"""The protocol's names of default pictures, beside `404` and a URL."""

DEFAULT = "mp"
"""The default picture of `initials` without a name."""

NO_PICTURE = "404"
"""The default that is an error instead of a picture."""


class IdentityPicture(NamedTuple):
    """A picture that a client asks for by the hash of an e-mail address."""

    identity: str
    """MD5 or SHA-256 in lower-case digits; for default pictures any number of digits."""
    px: int
    format_name: str
    """One of `imaging.MEDIA_TYPES`."""
    text: str = ""
    """The name whose initials are drawn."""


class PreparedPicture(NamedTuple):
    """A picture that `Identities.make` can make."""

    key: bytes
    """16 bytes that no other picture has."""
    make: Callable[[], bytes]
    memory: int
    """The most bytes that making it takes."""
    quick: bool
    """Whether making it takes no longer than a switch to a thread."""
    kind: tuple[str, str]
    """The style and the format for the statistics."""
    costly: bool = False
    """Whether all processes share it."""


class Identities:
    """Identity links, and the picture of each hash. `IdentityStore` lists the errors raised."""

    def __init__(
        self, links: IdentityStore, avatars: Avatars, renderer: Renderer, *, delete_replaced: bool
    ) -> None:
        self._links = links
        self._threads = DaemonThreads(_WRITERS, "writing identity links")
        self._avatars = avatars
        self._renderer = renderer
        self._delete_replaced = delete_replaced

    async def link(
        self, identity: str, avatar_id: str, *, expected: str | None = None, personal: bool = False
    ) -> None:
        """Link a hash to an avatar. When this returns, the link survives a crash.

        A photograph or a `personal` avatar that the hash was linked to is deleted, unless another hash is
        linked to it. Raises `AvatarNotFound`, and `IdentityLinkChanged` unless the link has the `expected`
        state.
        """
        check = partial(self._avatars.require, avatar_id)
        put = partial(self._links.put, expected=expected, personal=personal, check=check)
        async with _in_time():
            await self._avatars.find(avatar_id, 1 << EXPONENTS[0])
            await self._write(put, identity, avatar_id)
        await self._discard_replaced()

    async def unlink(self, identity: str, *, expected: str | None = None) -> None:
        """Remove the link of a hash, and its avatar as `link` does.

        Raises `IdentityNotLinked` and `IdentityLinkChanged`.
        """
        if not await self._write(partial(self._links.remove, expected=expected), identity):
            raise IdentityNotLinked
        await self._discard_replaced()

    async def state(self, identity: str) -> str:
        """Return the state of a link: see `IdentityStore.state`."""
        return await self._write(self._links.state, identity)

    async def linked_avatar(self, identity: str) -> str:
        """Return the id of the avatar that is linked to a hash. That avatar may have been deleted.

        Raises `IdentityNotLinked`.
        """
        avatar_id = await self._links.find(identity)
        if avatar_id is None:
            raise IdentityNotLinked
        return avatar_id

    async def linked_picture(self, request: IdentityPicture) -> PreparedPicture | None:
        """Return the picture of the avatar linked to a hash, if any. This needs no database."""
        try:
            stored = await self._avatars.find(await self.linked_avatar(request.identity), request.px)
        except (AvatarNotFound, IdentityNotLinked):
            return None
        return _resized(stored, request)

    async def delete_unlinked(self, avatar_id: str) -> None:
        """Delete an avatar if it exists and no hash is linked to it."""
        with contextlib.suppress(AvatarNotFound, AvatarLinked):
            await self._avatars.delete(avatar_id, partial(self._links.is_linked, avatar_id))

    @contextlib.asynccontextmanager
    async def mending(self) -> AsyncIterator[None]:
        """While this context lasts, run a task that deletes what `link` and `unlink` could not delete."""
        task = asyncio.create_task(self._mend_regularly())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _mend_regularly(self) -> None:
        while True:
            await self._discard_replaced()
            with contextlib.suppress(AvatarError):
                await self._write(self._links.sweep)
            await asyncio.sleep(_MEND_SECONDS)

    async def _discard_replaced(self) -> None:
        """Delete the personal avatars to which no hash is linked any more. `mending` repeats what fails."""
        try:
            for replaced in await self._write(self._links.replaced):
                await self._discard(replaced)
        except AvatarError as error:
            log.warning("A replaced avatar was not deleted yet: %s", error)

    async def _discard(self, replaced: Replaced) -> None:
        avatar_id = replaced.avatar_id
        if self._delete_replaced and (replaced.personal or await self._is_photo(avatar_id)):
            await self.delete_unlinked(avatar_id)
        await self._write(self._links.settle, replaced)

    async def _is_photo(self, avatar_id: str) -> bool:
        try:
            stored = await self._avatars.find(avatar_id, 1 << EXPONENTS[0])
        except (AvatarNotFound, ObjectDamaged):
            return False
        return stored.avatar.generator_type == PHOTO

    async def _write(self, call: Callable[..., T], *arguments: object) -> T:
        """Write in a thread. Raises `StorageUnavailable` if that takes too long."""
        async with _in_time():
            return await asyncio.wrap_future(self._threads.submit(call, *arguments))

    async def make(self, picture: PreparedPicture) -> bytes:
        """Return the file. Raises `Overloaded`."""
        return await self._renderer.encode(
            picture.key,
            picture.make,
            picture.kind,
            memory=picture.memory,
            quick=picture.quick,
            costly=picture.costly,
        )


@contextlib.asynccontextmanager
async def _in_time() -> AsyncIterator[None]:
    """Run calls to the store, which together have the time of one. Raises `StorageUnavailable`."""
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            yield
    except TimeoutError as error:
        raise StorageUnavailable from error


def check_default(name: str, licences: frozenset[str]) -> None:
    """Raise `SettingsError` unless the service can show this default picture."""
    if name not in {*DEFAULTS, NO_PICTURE} and not _is_served(name, licences):
        others = ", ".join((*DEFAULTS, NO_PICTURE))
        raise SettingsError(f"libravatar.default: must be one of {others}, or a style that is served here")


def _is_served(name: str, licences: frozenset[str]) -> bool:
    return has_style(name) and find_style(name).is_served(licences)


def style_picture(style: FoundStyle, request: IdentityPicture) -> PreparedPicture:
    """Return the picture of a hash without a link in a style, which must be prepared.

    It is the picture by URL whose seed is the hash.
    """
    identity, px, format_name, _ = request
    drawn_px = min(max(px, _MIN_DRAWN_PX), MAX_PX)
    by_url = style.read((("size", str(drawn_px)),), format_name)
    names = (style.name, by_url.made_by, identity, format_name)
    key = _key(b"style", *(name.encode() for name in names), b"%d" % px)

    def make() -> bytes:
        draw = style.drawer(AvatarSpec(style.name, seed=identity, palette=ANY_PALETTE), identity).draw
        if drawn_px == px:
            return draw(px, format_name, None)
        return scaled(draw(drawn_px, "png", None), px, format_name)

    return PreparedPicture(
        key,
        make,
        memory=memory_of(px, format_name) + style.memory(drawn_px),
        quick=drawn_px == px and by_url.is_quick(),
        kind=(f"libravatar/{style.name}", format_name),
        costly=by_url.is_costly(),
    )


def default_picture(name: str, request: IdentityPicture) -> PreparedPicture:
    """Return the picture of a hash without a link: `name` is one of `DEFAULTS`."""
    if name == "initials" and not request.text:
        name = DEFAULT
    identity, px, format_name, text = request
    text = text if name == "initials" else ""
    differs = "" if name in _SAME_FOR_ALL else identity
    key = _key(b"default", name.encode(), differs.encode(), text.encode(), b"%d" % px, format_name.encode())

    def make() -> bytes:
        drawing = _draw(name, identity, text)
        if px >= _MIN_DRAWN_PX:
            return draw_picture(drawing, px, format_name=format_name)
        return scaled(draw_picture(drawing, _MIN_DRAWN_PX, format_name="png"), px, format_name)

    is_drawn_png = format_name == "png" and px >= _MIN_DRAWN_PX
    # A plain colour takes as little time as the fastest style.
    style = "pixelize" if name == "color" else _STYLES.get(name)
    return PreparedPicture(
        key,
        make,
        memory=memory_of(max(px, _MIN_DRAWN_PX), format_name),
        quick=is_drawn_png and style is not None and is_quick(style, px),
        kind=(f"libravatar/{name}", format_name),
    )


def _resized(stored: StoredPicture, request: IdentityPicture) -> PreparedPicture:
    content = f"{stored.photo.digest}-{DECODER}".encode() if stored.photo else stored.data
    key = _key(
        b"linked", stored.avatar.id.encode(), content, b"%d" % request.px, request.format_name.encode()
    )
    return PreparedPicture(
        key,
        lambda: make_picture(stored, request.px, request.format_name),
        memory=memory_to_make(stored, request.px, request.format_name),
        quick=stored.is_quick(request.px, request.format_name),
        kind=(STORED, request.format_name),
        costly=True,
    )


def _key(*parts: bytes) -> bytes:
    return blake2b(b"\0".join(parts), digest_size=16).digest()


def _draw(name: str, identity: str, text: str) -> Drawing:
    if name in _SAME_FOR_ALL:
        return _SAME_FOR_ALL[name]()
    if name == "color":
        return plain(choose(identity).primary)
    if name == "mmng":
        colours = choose(identity)
        return silhouette(colours.foreign, colours.primary)
    # Names that share a style still show different pictures of one hash.
    seed = identity if name in {"identicon", "retro", "initials"} else f"{name} {identity}"
    options = RenderOptions().with_name(text) if text else RenderOptions()
    return draw(_STYLES[name], seed, options.style_input(_STYLES[name], seed))
