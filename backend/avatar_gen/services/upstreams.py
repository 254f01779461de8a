"""Pictures from other avatar servers, for hashes that are not linked here: `libravatar.upstreams`.

The service fetches a picture once, decodes it like an upload, and serves it from memory. So those servers see
the address of this service alone, and never one of its visitors. docs/decisions/0028 has the reasons.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from hashlib import blake2b
from typing import NamedTuple
from urllib.parse import urlsplit

from avatar_gen.errors import InvalidRequest, UnsupportedUpload, UploadsUnavailable
from avatar_gen.imaging import memory_of
from avatar_gen.imaging.photo_process import PHOTO_PX
from avatar_gen.imaging.photographs import DECODER, photo_picture
from avatar_gen.runtime.cache import Cache
from avatar_gen.runtime.http_client import Answer, AnswerTooLarge, FetchError, fetch
from avatar_gen.services.identities import IdentityPicture, PreparedPicture
from avatar_gen.services.photos import Photos
from avatar_gen.settings.pictures import Libravatar
from avatar_gen.telemetry.request_statistics import RequestStatistics

log = logging.getLogger(__name__)

KNOWN = {
    # Without `gravatarproxy=n`, it redirects to Gravatar for a hash that it does not have.
    "libravatar": "https://seccdn.libravatar.org/avatar/{hash}?s=512&d=404&gravatarproxy=n",
    "gravatar": "https://secure.gravatar.com/avatar/{hash}?s=512&d=404",
}
"""The URLs of the servers that the setting can name."""

MAX_BYTES = 2_000_000
"""The largest file that is fetched. A PNG of 512 px has less than one million."""

MAX_ASKED = 8
"""Hashes that each process asks for at the same time. Further ones get their default picture."""

MISS_SECONDS = 3600.0
"""Time for which a hash without a picture is not asked for again, unless `upstream_max_age` is shorter."""

RETRY_SECONDS = 30.0
"""Time for which nothing is asked again after an error."""

ERRORS_TO_OPEN = 5
"""Errors in a row after which an upstream is not asked for `RETRY_SECONDS`."""

ALL = "all"
"""Stands for all upstreams in the statistics."""

_OVERHEAD = 400
"""Bytes that an entry takes beside its picture."""

_MISSING = {404, 410}


Clock = Callable[[], float]
"""Returns monotonic seconds."""


class _Entry(NamedTuple):
    """What is known of a hash."""

    jpeg: bytes | None
    """None if no upstream has a picture."""
    until: float
    """The monotonic time after which the upstreams are asked again."""


class _Failed(Exception):
    """An upstream gave no usable answer, but may have a picture."""


class Upstream:
    """Another avatar server, and its circuit breaker."""

    def __init__(self, name: str, clock: Clock = time.monotonic) -> None:
        self.url = KNOWN.get(name) or f"{name.rstrip('/')}/{{hash}}?s=512&d=404"
        self.label = name if name in KNOWN else urlsplit(name).netloc
        self._clock = clock
        self._errors = 0
        self._paused_until = 0.0

    def takes_requests(self) -> bool:
        """Return whether to ask. After a pause because of errors, one request finds out."""
        now = self._clock()
        if now < self._paused_until:
            return False
        if self._errors >= ERRORS_TO_OPEN:
            self._paused_until = now + RETRY_SECONDS
        return True

    def note(self, error: Exception | None) -> None:
        """Note the outcome of a request."""
        if error is None:
            self._errors, self._paused_until = 0, 0.0
            return
        self._errors += 1
        if self._errors == ERRORS_TO_OPEN:
            self._paused_until = self._clock() + RETRY_SECONDS
            log.warning("Upstream %s has failed %d times in a row: %s", self.label, self._errors, error)


class Upstreams:
    """The other servers, and their pictures in memory."""

    def __init__(
        self,
        settings: Libravatar,
        photos: Photos,
        statistics: RequestStatistics,
        clock: Clock = time.monotonic,
    ) -> None:
        self._upstreams = [Upstream(name, clock) for name in settings.upstreams]
        self._clock = clock
        self._settings = settings
        self._photos = photos
        self._counts = statistics.upstreams
        self.cache: Cache[str, _Entry] = Cache(
            settings.upstream_cache * 1_000_000, lambda entry: _OVERHEAD + len(entry.jpeg or b"")
        )
        self._asking: dict[str, asyncio.Task[bytes | None]] = {}

    async def picture(self, request: IdentityPicture) -> PreparedPicture | None:
        """Return the picture that an upstream has for a hash. None if none has, or if it takes too long."""
        jpeg = await self._find(request.identity)
        if jpeg is None:
            return None
        _, px, format_name, _ = request
        names = (b"upstream", jpeg, f"{DECODER} {px} {format_name}".encode())
        return PreparedPicture(
            blake2b(b"\0".join(names), digest_size=16).digest(),
            lambda: photo_picture(jpeg, px, format_name),
            # A photograph is decoded at less than twice the width.
            memory=memory_of(max(px, min(2 * px, PHOTO_PX)), format_name),
            quick=False,
            kind=("upstream", format_name),
        )

    async def _find(self, identity: str) -> bytes | None:
        entry = self.cache.get(identity)
        if entry is not None and self._clock() < entry.until:
            return entry.jpeg
        old = entry.jpeg if entry else None
        task = self._asking.get(identity)
        if task is None:
            if len(self._asking) >= MAX_ASKED:
                self._counts[ALL, "busy"] += 1
                return old
            task = self._asking[identity] = asyncio.create_task(self._ask(identity, old))
            task.add_done_callback(lambda _: self._asking.pop(identity, None))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._settings.upstream_timeout):
                # The request may be cancelled or give up while others wait for the same picture.
                return await asyncio.shield(task)
        return old

    async def _ask(self, identity: str, old: bytes | None) -> bytes | None:
        """Ask each upstream in turn. After an error, an `old` picture stays."""
        max_age = self._settings.upstream_max_age
        jpeg, has_failed = None, False
        for upstream in self._upstreams:
            try:
                jpeg = await self._ask_one(upstream, identity)
            except _Failed:
                has_failed = True
            if jpeg is not None:
                break
        seconds = max_age if jpeg is not None else min(max_age, RETRY_SECONDS if has_failed else MISS_SECONDS)
        jpeg = old if jpeg is None and has_failed else jpeg
        self.cache.put(identity, _Entry(jpeg, self._clock() + seconds))
        return jpeg

    async def _ask_one(self, upstream: Upstream, identity: str) -> bytes | None:
        """Return the JPEG file to serve, or None if there is no picture. Raises `_Failed`."""
        if not upstream.takes_requests():
            self._counts[upstream.label, "skipped"] += 1
            raise _Failed
        try:
            outcome, jpeg = await self._fetch(upstream, identity)
        except (FetchError, UploadsUnavailable) as error:
            self._counts[upstream.label, "failed"] += 1
            # If no picture can be decoded now, the upstream is not at fault.
            upstream.note(error if isinstance(error, FetchError) else None)
            raise _Failed from error
        self._counts[upstream.label, outcome] += 1
        upstream.note(None)
        return jpeg

    async def _fetch(self, upstream: Upstream, identity: str) -> tuple[str, bytes | None]:
        url = upstream.url.format(hash=identity)
        try:
            answer = await fetch(url, seconds=self._settings.upstream_timeout, max_bytes=MAX_BYTES)
        except AnswerTooLarge:
            return "refused", None
        if answer.status >= 500 or answer.status == 429:
            raise FetchError(f"it answers {answer.status}")
        if answer.status in _MISSING:
            return "missing", None
        return await self._decode(answer)

    async def _decode(self, answer: Answer) -> tuple[str, bytes | None]:
        if answer.status != 200 or not answer.media_type.startswith("image/"):
            return "refused", None
        try:
            return "found", await self._photos.decode(answer.body)
        except (InvalidRequest, UnsupportedUpload):
            return "refused", None

    def close(self) -> None:
        """Give up the requests in flight."""
        for task in self._asking.values():
            task.cancel()
