"""The use cases: create an avatar, open its picture, list avatars, delete one."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Hashable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from secrets import token_hex
from typing import NamedTuple, TypeVar
from uuid import uuid4

from avatar_gen.avatar import Avatar, AvatarSpec, Cursor
from avatar_gen.database import READERS, TIMEOUT_SECONDS
from avatar_gen.database.repository import Page, Repository
from avatar_gen.drawing.drawing import DEFAULT_ANGLE, Drawing, StyleInput
from avatar_gen.drawing.filters import FILTERS
from avatar_gen.drawing.palette import (
    DEFAULT_FOREIGN,
    DEFAULT_PRIMARY,
    SCHEMES,
    Filter,
    UnknownColour,
    parse_colour,
)
from avatar_gen.drawing.styles import draw, traits
from avatar_gen.errors import (
    AvatarError,
    AvatarNotFound,
    DatabaseUnavailable,
    ObjectDamaged,
    OutcomeUnknown,
)
from avatar_gen.imaging import convert, memory_of, scaled
from avatar_gen.imaging.pictures import draw_picture, draw_png
from avatar_gen.imaging.png import is_indexed, recolour_png, width_of
from avatar_gen.imaging.pool import Pool
from avatar_gen.imaging.truecolour import filter_pixels
from avatar_gen.objects import ObjectStore
from avatar_gen.objects.contents import Contents, read_object, write_object
from avatar_gen.runtime.batches import Batches
from avatar_gen.runtime.cache import Cache, PictureCache
from avatar_gen.telemetry.request_statistics import RequestStatistics

T = TypeVar("T")

EXPONENTS = range(4, 10)
"""The stored sizes: an avatar is kept at 2**n px for each n."""

_OBJECT_MEMORY = memory_of(1 << EXPONENTS[-1], "png")
"""The most bytes that drawing an object takes: its pictures are drawn one after another."""

STORED = "stored"
"""The style that a stored picture counts as when it is encoded anew."""

MOST_WAITING = 1024
"""New avatars that may wait to be kept: one to three seconds' worth. Beyond that the answer is 503."""

_MOST_OPENED = 16_000_000
"""Bytes of opened objects that are remembered: some 5,000 avatars."""

_SETTLED_AFTER = 5.0
"""Seconds after which a commit that got no answer has been done or will not be: the database gives up on a
transaction that falls silent after `TIMEOUT_SECONDS`."""

_MOST_SETTLED = 500
"""Avatars in one question; after a long outage there can be any number."""

MOST_AT_ONCE = 64
"""New avatars that are kept in one go: as many files are open then, and the first waits for the last."""


@dataclass(frozen=True, slots=True)
class StoredPicture:
    """A picture as it is stored, and whose it is."""

    avatar: Avatar
    png: bytes


@dataclass(frozen=True, slots=True)
class _New:
    """An avatar that is to be drawn and kept."""

    avatar: Avatar
    spec: AvatarSpec
    drawn: bytes | None
    """Its object, where that was worth a thread of its own."""


class _Known(NamedTuple):
    """An object that was read, and the stamp that it had then."""

    stamp: Hashable
    contents: Contents


class Avatars:
    """Stored avatars. See the store and the repository for what is raised when they are down."""

    def __init__(
        self,
        store: ObjectStore,
        repository: Repository,
        *,
        pool: Pool,
        cache: PictureCache,
        statistics: RequestStatistics,
    ) -> None:
        self._store = store
        self._repository = repository
        self._pool = pool
        self._cache = cache
        self._statistics = statistics
        self.opened: Cache[str, _Known] = Cache(_MOST_OPENED, lambda known: size_of(known.contents))
        """Objects that were read lately, by id."""
        self._unsettled: dict[str, float] = {}
        self.queue = Batches("storing", self._keep, most=MOST_WAITING, at_once=MOST_AT_ONCE)
        # Removals have a thread of their own: where they wait for a lock, lists and health do not.
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="reading")
        self._remover = ThreadPoolExecutor(1, thread_name_prefix="removing")

    async def create(self, spec: AvatarSpec) -> Avatar:
        """Draw an avatar and keep it: when this returns, object and row survive a crash."""
        avatar = spec.as_avatar(str(uuid4()))
        # What needs a renderer takes 7 to 40 ms, for which the others need not wait.
        is_slow = not traits(spec.generator_type).exact
        drawn = await self._pool.run(_OBJECT_MEMORY, draw_object, avatar, spec) if is_slow else None
        await self.queue.add(_New(avatar, spec, drawn))
        self._statistics.objects["written"] += 1
        return avatar

    async def find(self, avatar_id: str, exponent: int) -> StoredPicture:
        """Return the stored picture of 2**exponent px. Asks no database.

        Raises `AvatarNotFound`, `ObjectDamaged`.
        """
        known = self.opened.get(avatar_id)
        opened = await self._store.open(avatar_id, known=known and known.stamp)
        if opened is None:
            raise AvatarNotFound
        if opened.data is not None:
            contents = read_object(avatar_id, opened.data)
            known = self.opened.put(avatar_id, _Known(opened.stamp, contents))
        assert known is not None  # noqa: S101 - only who knows the stamp gets no data
        try:
            return StoredPicture(known.contents.avatar, known.contents.pictures[1 << exponent])
        except KeyError as error:
            raise ObjectDamaged from error

    async def convert(self, key: bytes, png: bytes, filter_name: str | None, media: str) -> bytes:
        """A stored picture as it was asked for: filtered, and in a format of `imaging.MEDIA_TYPES`.

        `key` says what the answer is made of: one that is remembered is not made again.
        """
        recolour = FILTERS.get(filter_name or "")
        if media == "png" and recolour is None:
            return png
        if media == "png" and recolour is not None and is_indexed(png):
            return self._cache.get(key) or self._cache.put(key, recolour_png(png, recolour))

        async def make() -> bytes:
            picture = await self._pool.run(memory_of(width_of(png), media), _convert, png, recolour, media)
            self._statistics.renders[STORED, media] += 1
            return picture

        return await self._cache.get_or_make(key, make)

    async def find_for(self, avatar_id: str, px: int) -> StoredPicture:
        """The stored picture that one of this width is best made of: the next larger, or the largest.

        Raises `AvatarNotFound`, `ObjectDamaged`.
        """
        exponent = max(EXPONENTS[0], min(EXPONENTS[-1], (px - 1).bit_length()))
        return await self.find(avatar_id, exponent)

    async def page(self, pick: int, offset: int, after: Cursor | None, *, newest_first: bool) -> Page:
        """A part of the list of avatars by age."""
        page = partial(self._repository.page, pick, offset, after=after, newest_first=newest_first)
        return await _ask(self._readers, page)

    async def delete(self, avatar_id: str) -> None:
        """Remove an avatar for good. Raises `AvatarNotFound`."""
        found: list[bool] = []
        removing = _while_awaited(self._store.removing(avatar_id), time.monotonic() + TIMEOUT_SECONDS, found)

        def remove() -> bool:
            try:
                return self._repository.remove(avatar_id, removing)
            except OutcomeUnknown:
                self._note_unsettled(avatar_id)
                raise

        if not await _ask(self._remover, remove):
            raise AvatarNotFound
        self._statistics.objects["removed" if found[-1] else "missing"] += 1

    def close(self) -> None:
        """Keep what is waiting to be kept, and leave nothing unsettled that can be settled now."""
        self.queue.close()
        self._remover.shutdown()
        self._settle(age=0)
        self._readers.shutdown()

    def _keep(self, batch: Sequence[_New]) -> None:
        """The object before the row, so that no row is without one; none for an avatar that failed."""
        objects = {new.avatar.id: new.drawn or draw_object(new.avatar, new.spec) for new in batch}
        self._store.put(objects)
        try:
            self._repository.add([new.avatar for new in batch])
        except BaseException as error:
            if isinstance(error, OutcomeUnknown):
                # What became of the rows is found out when the database answers again. In doubt an avatar
                # that nobody was told of goes: its object now, its row, if it has one, then.
                self._note_unsettled(*objects)
            for avatar_id in objects:
                with contextlib.suppress(AvatarError), self._store.removing(avatar_id):
                    pass
            raise
        self._settle()

    def _settle(self, age: float = _SETTLED_AFTER) -> None:
        """Remove the row or the object that is left alone of what failed half-way so many seconds ago."""
        before = time.monotonic() - age
        pending = sorted(each for each, moment in list(self._unsettled.items()) if moment <= before)
        with contextlib.suppress(AvatarError):
            for start in range(0, len(pending), _MOST_SETTLED):
                self._settle_some(pending[start : start + _MOST_SETTLED])

    def _settle_some(self, pending: Sequence[str]) -> None:
        rows = self._repository.known(pending)
        lost = [avatar_id for avatar_id in rows if self._store.get(avatar_id) is None]
        if lost:
            self._repository.remove_rows(lost)
        for avatar_id in pending:
            if avatar_id not in rows:
                with self._store.removing(avatar_id):
                    pass
            del self._unsettled[avatar_id]

    def _note_unsettled(self, *ids: str) -> None:
        self._unsettled.update(dict.fromkeys(ids, time.monotonic()))


@contextlib.contextmanager
def _while_awaited(
    removing: AbstractContextManager[bool], deadline: float, found: list[bool]
) -> Iterator[bool]:
    """A removal that does not begin once its client has been told that it could not be done.

    Whether there was an object is added to `found`.
    """
    if time.monotonic() > deadline:
        raise DatabaseUnavailable
    with removing as there_was_an_object:
        found.append(there_was_an_object)
        yield there_was_an_object


async def _ask(threads: ThreadPoolExecutor, question: Callable[[], T]) -> T:
    """Ask the database in a thread; one that takes too long is as good as down."""
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            return await asyncio.get_running_loop().run_in_executor(threads, question)
    except TimeoutError as error:
        raise DatabaseUnavailable from error


def size_of(contents: Contents) -> int:
    """Return the bytes of memory that an opened object takes: its pictures, and 1,200 for the rest."""
    return 1200 + sum(map(len, contents.pictures.values()))


def _convert(png: bytes, recolour: Filter | None, media: str) -> bytes:
    if recolour is not None:
        png = recolour_png(png, recolour) if is_indexed(png) else filter_pixels(png, recolour)
    return png if media == "png" else convert(png, media)


def resize(stored: StoredPicture, px: int, media: str) -> bytes:
    """A stored picture at any width: drawn anew where its record still draws what is stored, else scaled.

    A record need not: a random picture's seed is not kept, and what was taken over from the old service was
    drawn there. Takes milliseconds, and belongs in the `Pool`.
    """
    png = stored.png
    width = width_of(png)
    if width == px:
        return png if media == "png" else convert(png, media)
    drawing = _drawing_of(stored.avatar)
    if px >= 1 << EXPONENTS[0] and drawing is not None and draw_png(drawing, width) == png:
        return draw_picture(drawing, px, media=media)
    return scaled(png, px, media)


def style_input(spec: AvatarSpec) -> StyleInput:
    """Return the colours and the angle to draw with. A scheme wins over the two colours.

    Raises `KeyError` for an unknown scheme, `UnknownColour` for an unknown colour.
    """
    primary = spec.primary_color or DEFAULT_PRIMARY
    foreign = spec.foreign_color or DEFAULT_FOREIGN
    if spec.color_scheme:
        _, primary, foreign = SCHEMES[spec.color_scheme]
    angle = DEFAULT_ANGLE if spec.angle is None else spec.angle
    return StyleInput(parse_colour(primary), parse_colour(foreign), angle, spec.seed or "")


def _drawing_of(avatar: Avatar) -> Drawing | None:
    """Return the drawing that an avatar's options describe, or None for a style or colour unknown here."""
    try:
        return draw(avatar.generator_type, avatar.seed or "", style_input(avatar))
    except (KeyError, UnknownColour):
        return None


def draw_object(avatar: Avatar, spec: AvatarSpec) -> bytes:
    """The object of an avatar: its record and its pictures in all sizes.

    Takes 0.2 to 2 ms for a flat drawing, 7 to 40 ms for shapes.
    """
    seed = token_hex(16) if spec.seed is None else spec.seed
    drawing = draw(spec.generator_type, seed, style_input(spec))
    sizes = [1 << exponent for exponent in EXPONENTS]
    return write_object(avatar, {px: draw_png(drawing, px) for px in sizes})
