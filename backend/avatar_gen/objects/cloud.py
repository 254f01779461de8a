"""Objects in an object store: Amazon S3 and stores with its API, Google Cloud Storage, Azure.

    <prefix>/objects/<id>.zip       an object
    <prefix>/removing/<id>          a lease: some process is removing this object
    <prefix>/check                  what `check_write` writes

docs/decisions/0021-objects-in-an-object-store.md has the reasons, and the cost of each call.
"""

import contextlib
from collections.abc import Callable, Hashable, Iterator, Mapping
from concurrent import futures
from typing import Any

from obstore.exceptions import NotModifiedError

from avatar_gen.avatar import CANONICAL_ID
from avatar_gen.errors import ObjectDamaged
from avatar_gen.objects import MAX_OBJECT_SIZE, Capacity, OnError, Opened
from avatar_gen.objects.bucket import Bucket
from avatar_gen.objects.leases import Leases
from avatar_gen.runtime.threads import DaemonThreads

_THREADS = 16
"""Objects of one batch that are stored at the same time."""


class CloudStore:
    """An `ObjectStore` in an object store, which any number of processes and machines may share."""

    calls_at_once = 16

    def __init__(self, bucket: Bucket, kind: str) -> None:
        """`kind` is `s3`, `gcs` or `azure`."""
        self.kind = kind
        self._bucket = bucket
        self._removals = Leases(bucket, "removing")
        self._threads = DaemonThreads(_THREADS, "storing objects")

    def prepare(self) -> None:
        """Check that objects can be written."""
        self.check_write()

    async def open(self, avatar_id: str, *, known: Hashable = None) -> Opened | None:
        key = _object_key(avatar_id)
        tag = known if isinstance(known, str) else None
        try:
            tag, data = await self._bucket.read(key, MAX_OBJECT_SIZE, tag)
        except NotModifiedError:
            return Opened(known, None)
        except FileNotFoundError:
            return None
        except ValueError as error:
            raise ObjectDamaged from error
        return Opened(tag, data)

    def get(self, avatar_id: str) -> bytes | None:
        key = _object_key(avatar_id)
        try:
            return self._bucket.get(key, MAX_OBJECT_SIZE)
        except ValueError as error:
            raise ObjectDamaged from error

    def put(self, objects: Mapping[str, bytes]) -> None:
        keys = {_object_key(avatar_id): data for avatar_id, data in objects.items()}
        errors = [error for error in self._each(self._bucket.put, keys.items()) if error]
        if errors:
            self._each(self._bucket.delete, ((key,) for key in keys))
            raise errors[0]

    @contextlib.contextmanager
    def removing(self, avatar_id: str) -> Iterator[bool]:
        key = _object_key(avatar_id)
        with self._removals.hold(avatar_id) as is_held:
            data = self._bucket.get(key, 2**62)
            if data is not None:
                self._bucket.delete(key)
            try:
                yield data is not None
            except BaseException:
                if data is not None:
                    self._bucket.put(key, data)
                    # Another process may have taken over the removal, and finished it.
                    if not is_held():
                        self._bucket.delete(key)
                raise

    def interrupted_removals(self) -> list[str]:
        return list(filter(CANONICAL_ID.fullmatch, self._removals.expired()))

    def finish_removal(self, avatar_id: str) -> None:
        self._removals.drop_expired(avatar_id)

    def ids(self, on_error: OnError | None = None) -> Iterator[str]:
        return (avatar_id for avatar_id, _ in self.sizes(on_error))

    def size(self, avatar_id: str) -> int:
        return self._bucket.size(_object_key(avatar_id)) or 0

    def sizes(self, on_error: OnError | None = None) -> Iterator[tuple[str, int]]:
        del on_error  # A list of a bucket is complete, or raises.
        for name, size, _ in self._bucket.list("objects"):
            if CANONICAL_ID.fullmatch(avatar_id := name.removesuffix(".zip")):
                yield avatar_id, size

    def check_read(self) -> None:
        self._bucket.get("check", MAX_OBJECT_SIZE)

    def check_write(self) -> Capacity:
        self._bucket.put("check", b"avatar-gen writes this to see whether it can.")
        return Capacity(None, None, None, None)

    def sweep(self) -> None:
        """Do nothing: an object store has no part of an object."""

    def _each(self, call: Callable[..., None], arguments: Any) -> list[BaseException | None]:  # noqa: ANN401
        """Make several calls at the same time; return the error of each, or None."""
        calls = [self._threads.submit(call, *each) for each in arguments]
        futures.wait(calls)
        return [each.exception() for each in calls]


def _object_key(avatar_id: str) -> str:
    if not CANONICAL_ID.fullmatch(avatar_id):
        raise ValueError("not a canonical UUID")
    return f"objects/{avatar_id}.zip"
