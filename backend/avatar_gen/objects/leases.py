"""Locks in an object store: keys that only one process can create, and that expire."""

import contextlib
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from random import uniform
from secrets import token_hex

from obstore.exceptions import AlreadyExistsError

from avatar_gen.errors import AvatarError, StorageUnavailable
from avatar_gen.objects.bucket import Bucket, StoreError

_LEASE_SECONDS = 60.0
"""Age at which the process of a lease has ended: the protected work takes only seconds."""


_WAIT_SECONDS = 5.0
"""The longest wait for another process. Clients get a 503 earlier, but commands can wait."""


class Leases:
    """A lease for each name in a folder of a bucket."""

    def __init__(self, bucket: Bucket, folder: str) -> None:
        self._bucket = bucket
        self._folder = folder

    @contextlib.contextmanager
    def hold(self, name: str) -> Iterator[Callable[[], bool]]:
        """Hold a lease. The context's value says whether this process still holds it.

        Waits for another process that holds it. Raises `StorageUnavailable` if that takes too long.
        """
        key, token = f"{self._folder}/{name}", token_hex(8).encode()
        self._take(key, token)
        taken = time.monotonic()

        def is_held() -> bool:
            found = self._find(key)
            return found is not None and found[0] == token

        try:
            yield is_held
        finally:
            # A lease that stays behind expires.
            with contextlib.suppress(AvatarError):
                if time.monotonic() < taken + _LEASE_SECONDS / 2 or is_held():
                    self._bucket.delete(key)

    def expired(self) -> list[str]:
        """Return the names of leases whose process ended while it held them."""
        return [name for name, _, modified in self._bucket.list(self._folder) if _is_expired(modified)]

    def drop_expired(self, name: str) -> None:
        """Delete a lease whose process ended."""
        key = f"{self._folder}/{name}"
        found = self._find(key)
        if found and _is_expired(found[1]):
            self._bucket.delete(key)

    def _take(self, key: str, token: bytes) -> None:
        deadline = time.monotonic() + _WAIT_SECONDS
        while True:
            try:
                self._bucket.put(key, token, create=True)
            except AlreadyExistsError:
                found = self._find(key)
                # The answer to an earlier attempt may have been lost.
                if found and found[0] == token:
                    return
                if found and _is_expired(found[1]):
                    self._bucket.delete(key)
                elif time.monotonic() > deadline:
                    raise StorageUnavailable from StoreError(f"another process holds {key}")
                else:
                    time.sleep(uniform(0.01, 0.05))  # noqa: S311 - no secret
            else:
                return

    def _find(self, key: str) -> tuple[bytes, datetime] | None:
        return self._bucket.get_with_time(key, 1000)


def _is_expired(modified: datetime) -> bool:
    return (datetime.now(UTC) - modified).total_seconds() > _LEASE_SECONDS
