"""Avatars on their way into the storage and the database, and out of both.

An object is stored before its row and removed before its row. A crash can only leave an object without a
row, whose client got no answer, or a removal that `AvatarWriter.mend` finishes.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from threading import Event, Thread

from avatar_gen.avatar import Avatar
from avatar_gen.database import TIMEOUT_SECONDS
from avatar_gen.database.repository import Repository
from avatar_gen.errors import (
    AvatarError,
    AvatarLinked,
    DatabaseUnavailable,
    ObjectDamaged,
    OutcomeUnknown,
    StorageUnavailable,
)
from avatar_gen.objects import TIMEOUT_SECONDS as STORE_TIMEOUT_SECONDS
from avatar_gen.objects import ObjectStore
from avatar_gen.runtime.batches import Batches, batches
from avatar_gen.runtime.threads import DaemonThreads

MAX_WAITING = 1024
"""New avatars that may wait to be stored. The service answers 503 to further ones."""

MAX_BATCH = 64
"""New avatars in one batch: as many files are open meanwhile, and the first waits for the last."""

_WRITE_TIMEOUT_SECONDS = 10.0
"""The longest that a client waits for its avatar, while the storage answers and other avatars are stored."""

_SETTLED_AFTER = 5.0
"""Seconds after which a commit without an answer is done or never will be: the database gives up on a silent
transaction after `TIMEOUT_SECONDS`."""

_MAX_SETTLED = 500
"""Avatars in one statement. After a long outage there can be any number."""

_MEND_SECONDS = 60.0
"""Time between two runs of `mend`."""

_CLOSE_SECONDS = 5.0
"""The longest that each step of `close` waits for a storage that hangs."""


@dataclass(frozen=True, slots=True)
class NewAvatar:
    """An avatar that is to be stored."""

    avatar: Avatar
    draw: Callable[[], bytes]
    """Returns its object."""


class AvatarWriter:
    """Stores new avatars in batches, and removes others one by one."""

    def __init__(self, store: ObjectStore, repository: Repository) -> None:
        self._store = store
        self._repository = repository
        self._unsettled: dict[str, float] = {}
        """Ids of avatars whose commit got no answer, and when."""
        self.queue = Batches("storing", self._store_batch, max_waiting=MAX_WAITING, max_batch=MAX_BATCH)
        self._storing_since: float | None = None
        """When the storage was given the objects of the batch that it is storing."""
        self._removal_waits_for: type[AvatarError] = DatabaseUnavailable
        # A removal that waits for a lock of the database must not delay lists.
        self._remover = DaemonThreads(1, "removing")
        self._closing = Event()
        self._mending = Thread(target=self._mend_regularly, name="mending", daemon=True)
        self._mending.start()

    async def add(self, new: NewAvatar) -> None:
        """Store an avatar. When this returns, its object and its row survive a crash."""
        adding = asyncio.ensure_future(self.queue.add(new))
        deadline = time.monotonic() + _WRITE_TIMEOUT_SECONDS
        try:
            while not adding.done():
                await asyncio.wait({adding}, timeout=self._may_wait(deadline))
            await adding
        finally:
            adding.cancel()

    def _may_wait(self, deadline: float) -> float:
        """Return for how many seconds a new avatar may wait now. Raises the error of what does not answer."""
        now, since = time.monotonic(), self._storing_since
        if since is not None and now >= since + STORE_TIMEOUT_SECONDS:
            raise StorageUnavailable
        if now >= deadline:
            raise DatabaseUnavailable if since is None else StorageUnavailable
        return min(deadline - now, (now if since is None else since) + STORE_TIMEOUT_SECONDS - now)

    async def remove(
        self, avatar_id: str, is_linked: Callable[[], bool] = lambda: False
    ) -> tuple[bool, bool]:
        """Remove an avatar. Return whether it existed, and whether its object did.

        `is_linked` is called in a thread, the last time when no reader sees the object any more. Raises
        `AvatarLinked` if it returns true; the avatar is then as it was.
        """
        had_object: list[bool] = []
        deadline = time.monotonic() + TIMEOUT_SECONDS

        def remove() -> bool:
            self._removal_waits_for = StorageUnavailable
            if is_linked():
                raise AvatarLinked
            self._removal_waits_for = DatabaseUnavailable
            removing = self._removing(avatar_id, deadline, had_object, is_linked)
            try:
                return self._repository.remove(avatar_id, removing)
            except OutcomeUnknown:
                self._note_unsettled(avatar_id)
                raise

        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                existed = await asyncio.wrap_future(self._remover.submit(remove))
        except TimeoutError as error:
            raise self._removal_waits_for from error
        return existed, had_object[-1]

    @contextlib.contextmanager
    def _removing(
        self, avatar_id: str, deadline: float, found: list[bool], is_linked: Callable[[], bool]
    ) -> Iterator[bool]:
        """Remove an object, unless its client already got a timeout. `found` receives whether it existed.

        Raises `AvatarLinked` if the avatar was linked before the removal began. The object is then as it was.
        """
        if time.monotonic() > deadline:
            raise DatabaseUnavailable
        self._removal_waits_for = StorageUnavailable
        with self._store.removing(avatar_id) as has_object:
            found.append(has_object)
            if is_linked():
                raise AvatarLinked
            self._removal_waits_for = DatabaseUnavailable
            yield has_object
            self._removal_waits_for = StorageUnavailable

    def mend(self) -> None:
        """Finish the removals that killed processes began, and delete their temporary files."""
        with contextlib.suppress(AvatarError):
            for batch in batches(self._store.interrupted_removals(), _MAX_SETTLED):
                if lost := [avatar_id for avatar_id in batch if self._is_gone(avatar_id)]:
                    self._repository.remove_rows(lost)
                for avatar_id in batch:
                    self._store.finish_removal(avatar_id)
        self._settle()
        self._store.sweep()

    def close(self) -> None:
        """Store what waits, and settle what can be settled now. A storage that hangs is left behind."""
        self._closing.set()
        self.queue.close(_CLOSE_SECONDS)
        with contextlib.suppress(TimeoutError):
            self._remover.submit(self._settle, 0).result(_CLOSE_SECONDS)
        self._remover.shutdown(timeout=_CLOSE_SECONDS)
        self._mending.join(_CLOSE_SECONDS)

    def _mend_regularly(self) -> None:
        while not self._closing.is_set():
            self.mend()
            self._closing.wait(_MEND_SECONDS)

    def _store_batch(self, batch: Sequence[NewAvatar]) -> list[Exception | None]:
        """Store the objects, then their rows. Return the error of each avatar, or None."""
        objects, errors = _draw(batch)
        self._storing_since = time.monotonic()
        try:
            errors |= self._put(objects)
        finally:
            self._storing_since = None
        stored = [new.avatar for new in batch if new.avatar.id not in errors]
        if stored:
            errors |= self._add_rows(stored)
        self._settle()
        return [errors.get(new.avatar.id) for new in batch]

    def _put(self, objects: Mapping[str, bytes]) -> dict[str, Exception]:
        """Store objects together. If that fails, store each alone, so that one fails no other."""
        try:
            self._store.put(objects)
        except AvatarError as error:
            if len(objects) == 1:
                return dict.fromkeys(objects, error)
        else:
            return {}
        errors: dict[str, Exception] = {}
        for avatar_id, data in objects.items():
            errors |= self._put({avatar_id: data})
        return errors

    def _add_rows(self, avatars: Sequence[Avatar]) -> dict[str, Exception]:
        """Add rows, all or none. If that fails, remove their objects again."""
        ids = [avatar.id for avatar in avatars]
        try:
            self._repository.add(avatars)
        except Exception as error:  # noqa: BLE001 - it is raised where each avatar is awaited
            if isinstance(error, OutcomeUnknown):
                # The outcome of the commit is unknown, and the clients get an error. Delete the objects now,
                # and the rows (if any) when the database answers again.
                self._note_unsettled(*ids)
            for avatar_id in ids:
                with contextlib.suppress(AvatarError), self._store.removing(avatar_id):
                    pass
            return dict.fromkeys(ids, error)
        return {}

    def _settle(self, age: float = _SETTLED_AFTER) -> None:
        """After a commit with an unknown outcome, `age` seconds ago, delete a row or an object left alone."""
        before = time.monotonic() - age
        pending = sorted(each for each, moment in list(self._unsettled.items()) if moment <= before)
        with contextlib.suppress(AvatarError):
            for batch in batches(pending, _MAX_SETTLED):
                self._settle_batch(batch)

    def _settle_batch(self, pending: Sequence[str]) -> None:
        rows = self._repository.known(pending)
        if lost := [avatar_id for avatar_id in rows if self._is_gone(avatar_id)]:
            self._repository.remove_rows(lost)
        for avatar_id in pending:
            if avatar_id not in rows:
                with self._store.removing(avatar_id):
                    pass
            self._unsettled.pop(avatar_id, None)

    def _is_gone(self, avatar_id: str) -> bool:
        try:
            return self._store.get(avatar_id) is None
        except ObjectDamaged:
            return False

    def _note_unsettled(self, *ids: str) -> None:
        self._unsettled.update(dict.fromkeys(ids, time.monotonic()))


def _draw(batch: Sequence[NewAvatar]) -> tuple[dict[str, bytes], dict[str, Exception]]:
    """Return the objects of new avatars by id, and the errors of those that cannot be drawn."""
    objects: dict[str, bytes] = {}
    errors: dict[str, Exception] = {}
    for new in batch:
        try:
            objects[new.avatar.id] = new.draw()
        except Exception as error:  # noqa: BLE001 - it is raised where the avatar is awaited
            errors[new.avatar.id] = error
    return objects, errors
