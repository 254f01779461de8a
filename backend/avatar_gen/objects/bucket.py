"""The calls to a bucket of an object store."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from typing import Any

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, NotModifiedError
from obstore.store import ObjectStore as Client

from avatar_gen.errors import StorageBusy, StorageUnavailable
from avatar_gen.objects import TIMEOUT_SECONDS
from avatar_gen.objects.breaker import Breaker

_PAGE = 1000
"""Keys in one answer to a list request: the most that S3 returns."""

_THROTTLED = re.compile(r"SlowDown|ServerBusy|\b429 Too Many|\b503 Service Unavailable|rateLimitExceeded")
_NO_BUCKET = re.compile(r"NoSuchBucket|ContainerNotFound|The specified bucket does not exist")
_ANSWERED = "Server returned"


class StoreError(Exception):
    """What the object store said, for the log."""


class _Unanswered(Exception):
    """The object store cannot be reached, or took too long."""


class Bucket:
    """The calls to one object store: its errors as errors of this service, and one circuit breaker."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self._breaker = Breaker()

    @contextlib.contextmanager
    def call(self) -> Iterator[None]:
        """Run one call.

        Raises `StorageUnavailable` or `StorageBusy`. Does not convert `FileNotFoundError`,
        `AlreadyExistsError` and `NotModifiedError`, which are answers.
        """
        with self._breaker.watch(TimeoutError, _Unanswered):
            try:
                yield
            except FileNotFoundError as error:
                # A missing bucket is not an empty bucket.
                if _NO_BUCKET.search(str(error)):
                    raise StorageUnavailable from _short(error)
                raise
            except (AlreadyExistsError, NotModifiedError):
                raise
            except BaseError as error:
                raise _error_of(error) from _short(error)

    @contextlib.asynccontextmanager
    async def call_in_time(self) -> AsyncIterator[None]:
        """Run the calls for one request of a client."""
        with self.call():
            async with asyncio.timeout(TIMEOUT_SECONDS):
                yield

    async def read(self, key: str, limit: int, known: str | None = None) -> tuple[str | None, bytes]:
        """Return the tag and the content of a key.

        Raises `FileNotFoundError`, `NotModifiedError` if the key has the known tag, and `ValueError` beyond
        the limit.
        """
        async with self.call_in_time():
            options: Any = {"if_none_match": known} if known else None
            found = await obstore.get_async(self.client, key, options=options)
            if found.meta["size"] > limit:
                raise ValueError(f"it has {found.meta['size']} bytes, more than {limit}")
            return found.meta["e_tag"], bytes(await found.bytes_async())

    def get(self, key: str, limit: int) -> bytes | None:
        """Return the content of a key, or None if it does not exist. Raises `ValueError` beyond the limit."""
        found = self.get_with_time(key, limit)
        return None if found is None else found[0]

    def get_with_time(self, key: str, limit: int) -> tuple[bytes, datetime] | None:
        """Return the content of a key, and when it was written."""
        with contextlib.suppress(FileNotFoundError), self.call():
            found = obstore.get(self.client, key)
            if found.meta["size"] > limit:
                raise ValueError(f"it has {found.meta['size']} bytes, more than {limit}")
            return bytes(found.bytes()), found.meta["last_modified"]
        return None

    def put(self, key: str, data: bytes, *, create: bool = False) -> None:
        """Store a key. If `create`, raise `AlreadyExistsError` if the key exists."""
        with self.call():
            obstore.put(self.client, key, data, mode="create" if create else "overwrite", use_multipart=False)

    def delete(self, key: str) -> None:
        """Delete a key that may exist."""
        with contextlib.suppress(FileNotFoundError), self.call():
            obstore.delete(self.client, key)

    def size(self, key: str) -> int | None:
        """Return the size of a key, or None if it does not exist, also if the bucket does not."""
        with contextlib.suppress(FileNotFoundError), self.call():
            return obstore.head(self.client, key)["size"]
        return None

    def list(self, folder: str, *, page: int = _PAGE) -> Iterator[tuple[str, int, datetime]]:
        """Yield the name, the size and the time of each key in a folder, page by page, ordered by name.

        An empty folder means all keys.

        Raises `StorageUnavailable` for a store that lists its keys in another order: what relies on the order
        would remove the wrong objects.
        """
        last, prefix = "", f"{folder}/" if folder else ""
        with self.call():
            pages = iter(obstore.list(self.client, prefix or None, chunk_size=page))
        while True:
            with self.call():
                found = next(pages, None)
            if found is None:
                return
            for each in found:
                name = each["path"].removeprefix(prefix)
                if name <= last:
                    raise StorageUnavailable from StoreError("it does not list its keys in their order")
                last = name
                yield name, each["size"], each["last_modified"]


def _short(error: Exception) -> StoreError:
    """Return the message in one line, without the long description that obstore adds for its developers."""
    return StoreError(" ".join(str(error).partition("\n\nDebug source")[0].split()))


def _error_of(error: BaseError) -> Exception:
    message = str(_short(error))
    if _ANSWERED not in message:
        return _Unanswered(message)
    return StorageBusy() if _THROTTLED.search(message) else StorageUnavailable()
