"""The use cases: create an avatar, open its picture, list avatars, delete one."""

import asyncio
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import partial
from secrets import token_hex
from typing import NamedTuple, TypeVar
from uuid import uuid4

from avatar_gen.avatar import Avatar, AvatarSpec, Cursor
from avatar_gen.database import READERS, TIMEOUT_SECONDS
from avatar_gen.database.repository import Page, Repository
from avatar_gen.drawing.filters import FILTERS
from avatar_gen.drawing.grid import read_grid
from avatar_gen.drawing.palette import Filter, UnknownColour
from avatar_gen.drawing.styles import STYLES
from avatar_gen.errors import (
    AvatarNotFound,
    DatabaseUnavailable,
    InvalidRequest,
    ObjectDamaged,
    StorageUnavailable,
)
from avatar_gen.imaging import convert, decode, memory_of, scaled
from avatar_gen.imaging.photo_process import PHOTO_PX
from avatar_gen.imaging.photographs import photo_picture
from avatar_gen.imaging.pipeline import draw_picture
from avatar_gen.imaging.png import is_indexed, recolour_png, width_of
from avatar_gen.imaging.pool import Pool
from avatar_gen.imaging.truecolour import filter_pixels
from avatar_gen.objects import ObjectStore, Opened
from avatar_gen.objects.avatar_object import AvatarObject, Photo, read_object, write_object
from avatar_gen.runtime.cache import Cache
from avatar_gen.runtime.threads import DaemonThreads
from avatar_gen.services.rendering import Renderer
from avatar_gen.services.style_families import find_style
from avatar_gen.services.writer import AvatarWriter, NewAvatar
from avatar_gen.telemetry.request_statistics import RequestStatistics

T = TypeVar("T")

EXPONENTS = range(4, 10)
"""The stored sizes: 2**n px for each n."""

STORED = "stored"
"""The style under which the statistics count a stored picture that is encoded anew."""

_QUICK_WEBP_PX = 64
"""The maximum width of a stored picture that is converted to WebP on the event loop, in less than 0.5 ms."""

_MAX_OPENED_BYTES = 16_000_000
"""Bytes of cached objects."""


@dataclass(frozen=True, slots=True)
class StoredPicture:
    """What a picture of a stored avatar is made of."""

    avatar: Avatar
    data: bytes
    """A PNG file, or the JPEG file of a photograph."""
    photo: Photo | None = None

    def is_unencoded(self, px: int, format_name: str, filter_name: str | None) -> bool:
        """Return whether this makes a picture without an encoder: the stored PNG, or one with new colours."""
        return format_name == "png" and self._needs_no_pixels(px, filter_name)

    def is_quick(self, px: int, format_name: str, filter_name: str | None = None) -> bool:
        """Return whether a picture may be made on the event loop: docs/decisions/0005."""
        is_small_webp = format_name == "webp" and px <= _QUICK_WEBP_PX
        return (format_name == "png" or is_small_webp) and self._needs_no_pixels(px, filter_name)

    def _needs_no_pixels(self, px: int, filter_name: str | None) -> bool:
        """Return whether the stored PNG has the width, and a palette if it gets new colours."""
        if self.photo or width_of(self.data) != px:
            return False
        return filter_name is None or is_indexed(self.data)


class _Known(NamedTuple):
    """An object that was read, and the stamp that it had then."""

    stamp: Hashable
    object: AvatarObject


class Avatars:
    """Stored avatars. Methods also raise the errors that `ObjectStore` and `Repository` document."""

    def __init__(
        self,
        store: ObjectStore,
        repository: Repository,
        *,
        pool: Pool,
        renderer: Renderer,
        statistics: RequestStatistics,
    ) -> None:
        self._store = store
        self._repository = repository
        self._pool = pool
        self._renderer = renderer
        self._statistics = statistics
        self.opened: Cache[str, _Known] = Cache(_MAX_OPENED_BYTES, lambda known: size_of(known.object))
        """Objects that were read lately, by id."""
        self._writer = AvatarWriter(store, repository)
        self.queue = self._writer.queue
        """New avatars that wait to be stored, for the metrics."""
        self._readers = DaemonThreads(READERS, "reading")

    async def create(self, spec: AvatarSpec) -> Avatar:
        """Draw an avatar and store it. When this returns, its object and its row survive a crash.

        Its style must be prepared. Raises `InvalidRequest` for letters that no font has.
        """
        avatar = spec.as_avatar(str(uuid4()))
        draw_now = partial(draw_object, avatar, spec)
        style = find_style(spec.generator_type)
        if not style.is_exact:
            # The other avatars of a batch need not wait for a renderer.
            drawn = await self._pool.run(style.memory(1 << EXPONENTS[-1]), draw_object, avatar, spec)
            draw_now = partial(bytes, drawn)
        await self._writer.add(NewAvatar(avatar, draw_now))
        self._statistics.objects["written"] += 1
        return avatar

    async def add_photo(self, avatar: Avatar, data: bytes) -> None:
        """Store the object of a photograph. When this returns, its object and its row survive a crash."""
        await self._writer.add(NewAvatar(avatar, partial(bytes, data)))
        self._statistics.objects["written"] += 1

    async def find(self, avatar_id: str, px: int) -> StoredPicture:
        """Return what a picture of this width is made of. This needs no database while the store answers.

        Raises `AvatarNotFound`, `ObjectDamaged`.
        """
        known = self.opened.get(avatar_id)
        try:
            opened = await self._store.open(avatar_id, known=known and known.stamp)
        except StorageUnavailable:
            if known is None or not await self._has_row(avatar_id):
                raise
            opened = Opened(known.stamp, None)
        if opened is None:
            raise AvatarNotFound
        if opened.data is not None:
            avatar_object = read_object(avatar_id, opened.data)
            known = self.opened.put(avatar_id, _Known(opened.stamp, avatar_object))
        assert known is not None  # noqa: S101 - without data, the stamp was known
        return stored_picture(known.object, px)

    async def _has_row(self, avatar_id: str) -> bool:
        """Return whether an avatar has a row. Without one, it may have been deleted."""
        try:
            return bool(await _ask(self._readers, partial(self._repository.known, [avatar_id])))
        except DatabaseUnavailable:
            return False

    async def make(
        self, key: bytes, stored: StoredPicture, px: int, *, filter_name: str | None, format_name: str
    ) -> bytes:
        """Return a stored picture, `px` wide, with a filter and in a format of `imaging.MEDIA_TYPES`.

        `key` identifies the result, which is cached under it. Raises `ObjectDamaged`.
        """
        if filter_name is None and stored.is_unencoded(px, format_name, None):
            return stored.data
        return await self._renderer.encode(
            key,
            partial(make_picture, stored, px, format_name, FILTERS.get(filter_name or "")),
            (STORED, format_name),
            memory=memory_to_make(stored, px, format_name),
            quick=stored.is_quick(px, format_name, filter_name),
            costly=True,
        )

    async def page(self, pick: int, offset: int, after: Cursor | None, *, newest_first: bool) -> Page:
        """Return a part of the list of avatars, which is ordered by time of creation."""
        page = partial(self._repository.page, pick, offset, after=after, newest_first=newest_first)
        return await _ask(self._readers, page)

    def require(self, avatar_id: str) -> None:
        """Return if the avatar exists, for callers that have their own thread. Raises `AvatarNotFound`."""
        if not self._store.size(avatar_id):
            raise AvatarNotFound

    async def delete(self, avatar_id: str, is_linked: Callable[[], bool] = lambda: False) -> None:
        """Remove an avatar permanently. Raises `AvatarNotFound`, or `AvatarLinked` if `is_linked()`."""
        existed, had_object = await self._writer.remove(avatar_id, is_linked)
        if not existed:
            raise AvatarNotFound
        self._statistics.objects["removed" if had_object else "missing"] += 1

    def close(self) -> None:
        """Store what waits, and end the threads. A dependency that hangs is left behind."""
        self._writer.close()
        self._readers.shutdown(timeout=TIMEOUT_SECONDS)


async def _ask(threads: DaemonThreads, question: Callable[[], T]) -> T:
    """Ask the database in a thread. Raises `DatabaseUnavailable` if the answer takes too long."""
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            return await asyncio.wrap_future(threads.submit(question))
    except TimeoutError as error:
        raise DatabaseUnavailable from error


def size_of(avatar_object: AvatarObject) -> int:
    """Return the bytes of memory that an opened object takes: its pictures, and 1,200 for the rest."""
    photo = len(avatar_object.photo.jpeg) if avatar_object.photo else 0
    return 1200 + photo + sum(map(len, avatar_object.pictures.values()))


def stored_picture(avatar_object: AvatarObject, px: int) -> StoredPicture:
    """Return what to make a picture of this width of: the photograph, or the next larger stored picture.

    Raises `ObjectDamaged`.
    """
    if avatar_object.photo:
        return StoredPicture(avatar_object.avatar, avatar_object.photo.jpeg, avatar_object.photo)
    exponent = max(EXPONENTS[0], min(EXPONENTS[-1], (px - 1).bit_length()))
    try:
        return StoredPicture(avatar_object.avatar, avatar_object.pictures[1 << exponent])
    except KeyError as error:
        raise ObjectDamaged from error


def memory_to_make(stored: StoredPicture, px: int, format_name: str) -> int:
    """Return the maximum of bytes that `make_picture` takes."""
    # A photograph is decoded at less than twice the width.
    width = 2 * px if stored.photo else width_of(stored.data)
    return memory_of(max(px, min(width, PHOTO_PX)), format_name)


def make_picture(stored: StoredPicture, px: int, format_name: str, recolour: Filter | None = None) -> bytes:
    """Return a stored picture at any width.

    A drawing is drawn anew if its options draw the stored picture. They do not draw it if it was random,
    since its seed is not stored, or if the old service drew it. Then the cells of a grid are read from the
    stored picture and drawn, and any other picture is scaled.

    It blocks, unless `StoredPicture.is_quick`: run it in the `Pool`.
    """
    if stored.photo:
        try:
            return photo_picture(stored.data, px, format_name, recolour)
        except OSError as error:
            raise ObjectDamaged from error
    png = stored.data
    width = width_of(png)
    if width == px:
        return _convert(png, recolour, format_name)
    if px >= 1 << EXPONENTS[0]:
        for draw in (_draw_again, _draw_cells):
            if drawn := draw(stored, px, format_name, recolour):
                return drawn
    if recolour is None:
        return scaled(png, px, format_name)
    return _convert(scaled(png, px, "png"), recolour, format_name)


def _convert(png: bytes, recolour: Filter | None, format_name: str) -> bytes:
    if recolour is not None:
        png = recolour_png(png, recolour) if is_indexed(png) else filter_pixels(png, recolour)
    return png if format_name == "png" else convert(png, format_name)


def _draw_again(stored: StoredPicture, px: int, format_name: str, recolour: Filter | None) -> bytes | None:
    """Return the picture that an avatar's options draw now, or None if that is not the stored one.

    The options may have names that are unknown here, such as a style that an operator has removed.
    """
    avatar = stored.avatar
    try:
        drawer = find_style(avatar.generator_type).drawer(avatar, avatar.seed or "")
        if drawer.draw(width_of(stored.data), "png", None) != stored.data:
            return None
        return drawer.draw(px, format_name, recolour)
    except (KeyError, UnknownColour, InvalidRequest):
        return None


def _draw_cells(stored: StoredPicture, px: int, format_name: str, recolour: Filter | None) -> bytes | None:
    """Return the picture with the cells of the stored one, or None if that is not a grid of its style."""
    style = STYLES.get(stored.avatar.generator_type)
    if style is None or style.cells is None:
        return None
    pixels = decode(stored.data)
    drawing = read_grid(pixels, style.cells) if pixels.shape[2] == 3 else None
    if drawing is None:
        return None
    return draw_picture(drawing, px, format_name=format_name, recolour=recolour)


def draw_object(avatar: Avatar, spec: AvatarSpec) -> bytes:
    """Return the object of an avatar: its record, and its pictures in all sizes.

    Raises `InvalidRequest` for letters that no font has.
    """
    seed = token_hex(16) if spec.seed is None else spec.seed
    drawer = find_style(spec.generator_type).drawer(spec, seed)
    return write_object(avatar, drawer.pngs([1 << exponent for exponent in EXPONENTS]))
