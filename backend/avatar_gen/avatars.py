"""The use cases: create an avatar, open its picture, list avatars, delete one."""

import asyncio
import contextlib
import functools
import json
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from secrets import token_hex
from typing import TypeVar
from uuid import uuid4

from avatar_gen.batches import Batches
from avatar_gen.database import PATIENCE, READERS
from avatar_gen.database.repository import Page, Repository
from avatar_gen.drawing.drawing import Look
from avatar_gen.drawing.filters import FILTERS
from avatar_gen.drawing.palette import DEFAULT_FOREIGN, DEFAULT_PRIMARY, SCHEMES, parse_colour
from avatar_gen.drawing.styles import draw
from avatar_gen.errors import (
    AvatarError,
    AvatarNotFound,
    DatabaseUnavailable,
    ObjectDamaged,
    OutcomeUnknown,
)
from avatar_gen.imaging import CONVERTERS
from avatar_gen.imaging.png import encode_png, recolour_png
from avatar_gen.imaging.pool import Pool
from avatar_gen.objects import ObjectStore
from avatar_gen.objects.container import Damaged, pack, unpack
from avatar_gen.record import Avatar, format_time, parse_time

T = TypeVar("T")

EXPONENTS = range(4, 10)
"""The stored sizes: an avatar is kept at 2**n px for each n."""

DEFAULT_ANGLE = 90

MOST_WAITING = 1024
"""New avatars that may wait to be kept: half a second's worth. Beyond that a request is answered 503."""

_METADATA = "avatar.json"

_JSON_NAMES = {
    "id": "id",
    "version": "version",
    "generator_type": "generatorType",
    "primary_color": "primaryColor",
    "foreign_color": "foreignColor",
    "color_scheme": "colorScheme",
    "seed": "seed",
    "angle": "angle",
}
"""The fields of an `Avatar` as its object spells them; the time is written out beside them."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a client asked for. Names are known ones: checking them is the business of whoever asks."""

    generator_type: str = "pixelize"
    primary_color: str | None = None
    foreign_color: str | None = None
    color_scheme: str | None = None
    seed: str | None = None
    angle: float | None = None

    def look(self) -> Look:
        """The colours that were meant: a scheme wins over single colours, those over the defaults."""
        primary = self.primary_color or DEFAULT_PRIMARY
        foreign = self.foreign_color or DEFAULT_FOREIGN
        if self.color_scheme:
            _, primary, foreign = SCHEMES[self.color_scheme]
        angle = DEFAULT_ANGLE if self.angle is None else self.angle
        return Look(parse_colour(primary), parse_colour(foreign), angle)


@dataclass(frozen=True, slots=True)
class StoredPicture:
    """A picture as it is stored, and whose it is."""

    avatar: Avatar
    png: bytes


@dataclass(frozen=True, slots=True)
class _New:
    """An avatar that is to be drawn and kept."""

    avatar: Avatar
    wish: Wish


class Avatars:
    """Stored avatars. See the store and the repository for what is raised when they are down."""

    def __init__(self, store: ObjectStore, repository: Repository, pool: Pool) -> None:
        self.kinds = {"database": repository.kind, "storage": store.kind}
        self._store = store
        self._repository = repository
        self._pool = pool
        self._unsettled: set[str] = set()
        self._new = Batches("keeping", self._keep, most=MOST_WAITING)
        self._threads = ThreadPoolExecutor(READERS, thread_name_prefix="asking")

    async def create(self, wish: Wish) -> Avatar:
        """Draw an avatar and keep it: when this returns, object and row survive a crash."""
        avatar = Avatar(
            id=str(uuid4()),
            created_ms=time.time_ns() // 1_000_000,
            generator_type=wish.generator_type,
            primary_color=wish.primary_color,
            foreign_color=wish.foreign_color,
            color_scheme=wish.color_scheme,
            seed=wish.seed,
            angle=wish.angle,
        )
        await self._new.add(_New(avatar, wish))
        return avatar

    def find(self, avatar_id: str, exponent: int) -> StoredPicture:
        """The picture of 2**exponent px that is stored. Asks no database.

        Reads a small file on the thread that calls: 5 us, where a hop to another costs ten times as much.
        Raises `AvatarNotFound`, `ObjectDamaged`.
        """
        data = self._store.get(avatar_id)
        if data is None:
            raise AvatarNotFound
        avatar, pictures = read_object(avatar_id, data)
        return StoredPicture(avatar, pictures[f"{1 << exponent}.png"])

    async def convert(self, png: bytes, filter_name: str | None, media: str) -> bytes:
        """A stored picture as it was asked for: filtered, and in a format of `imaging.MEDIA_TYPES`."""
        if filter_name is not None:
            png = recolour_png(png, FILTERS[filter_name])
        return png if media == "png" else await self._pool.run(CONVERTERS[media], png)

    async def page(self, pick: int, offset: int) -> Page:
        """A part of the list of avatars, the oldest first."""
        return await self._ask(lambda: self._repository.page(pick, offset))

    async def delete(self, avatar_id: str) -> None:
        """Remove an avatar for good. Raises `AvatarNotFound`."""
        store, repository = self._store, self._repository
        remove_object = functools.partial(store.remove, avatar_id)
        try:
            found = await self._ask(lambda: repository.remove(avatar_id, remove_object))
        except OutcomeUnknown:
            self._unsettled.add(avatar_id)
            raise
        if not found:
            raise AvatarNotFound

    async def total(self) -> int:
        """How many avatars are stored; asks the database."""
        return await self._ask(self._repository.total)

    async def check_storage(self) -> None:
        """Return when objects can be read and written, raise otherwise."""
        await asyncio.to_thread(self._store.check)

    def close(self) -> None:
        """Keep what is waiting to be kept."""
        self._new.close()
        self._threads.shutdown()

    def _keep(self, batch: Sequence[_New]) -> None:
        """The object before the row, so that no row is without one; none for an avatar that failed."""
        objects = {new.avatar.id: draw_object(new.avatar, new.wish) for new in batch}
        self._store.put(objects)
        try:
            self._repository.add([new.avatar for new in batch])
        except OutcomeUnknown:
            self._unsettled.update(objects)
            raise
        except BaseException:
            for avatar_id in objects:
                # One that stays is taken up by a reindex; what the client is told is why it was to go.
                with contextlib.suppress(AvatarError):
                    self._store.remove(avatar_id)
            raise
        self._settle()

    def _settle(self) -> None:
        """Of avatars whose commit failed half-way, remove the row or the object that is left alone."""
        pending, self._unsettled = self._unsettled, set()
        try:
            rows = self._repository.known(sorted(pending)) if pending else set()
            for avatar_id in pending:
                if avatar_id not in rows:
                    self._store.remove(avatar_id)
                elif self._store.get(avatar_id) is None:
                    self._repository.remove_rows([avatar_id])
        except AvatarError:
            self._unsettled |= pending

    async def _ask(self, question: Callable[[], T]) -> T:
        """Ask the database in a thread; one that takes too long is as good as down."""
        try:
            async with asyncio.timeout(PATIENCE):
                return await asyncio.get_running_loop().run_in_executor(self._threads, question)
        except TimeoutError as error:
            raise DatabaseUnavailable from error


def draw_object(avatar: Avatar, wish: Wish) -> bytes:
    """The object of an avatar: its record and its pictures in all sizes. Takes a millisecond or so."""
    seed = token_hex(16) if wish.seed is None else wish.seed
    drawing = draw(wish.generator_type, seed, wish.look())
    sizes = [1 << exponent for exponent in EXPONENTS]
    pictures = {f"{px}.png": encode_png(drawing.at(px), drawing.palette) for px in sizes}
    return pack({_METADATA: _write_metadata(avatar), **pictures})


def read_object(avatar_id: str, data: bytes) -> tuple[Avatar, Mapping[str, bytes]]:
    """The record and the pictures, by file name, of an object. Raises `ObjectDamaged`."""
    try:
        files = unpack(data)
        avatar = _read_metadata(files[_METADATA])
    except (Damaged, KeyError, ValueError) as error:
        raise ObjectDamaged from error
    if avatar.id != avatar_id:
        raise ObjectDamaged from Damaged(f"this is the object of {avatar.id}")
    return avatar, files


def _write_metadata(avatar: Avatar) -> bytes:
    fields = {name: getattr(avatar, field) for field, name in _JSON_NAMES.items()}
    fields["createdAt"] = format_time(avatar.created_ms)
    return json.dumps(fields, ensure_ascii=False).encode()


def _read_metadata(content: bytes) -> Avatar:
    fields = json.loads(content)
    known = {field: fields[name] for field, name in _JSON_NAMES.items()}
    return Avatar(created_ms=parse_time(fields["createdAt"]), **known)
