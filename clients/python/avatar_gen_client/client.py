"""The sync client."""

from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar, Unpack

import httpx

from avatar_gen_client import calls
from avatar_gen_client.calls import AvatarFields, Call, PhotoFields, PickerFields
from avatar_gen_client.errors import Unreachable
from avatar_gen_client.models import Avatar, AvatarPage, Health, Job, PickerLink, StyleInfo
from avatar_gen_client.urls import PictureOptions, StoredOptions

T = TypeVar("T")

TIMEOUT = 30.0
"""Seconds without an answer."""


class AvatarClient:
    """The API of a service. Close it, or use it as a context manager.

    All methods raise `AvatarError`. Those that write take an API key if the service has keys.
    """

    def __init__(
        self,
        base: str,
        *,
        api_key: str | None = None,
        timeout: float = TIMEOUT,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """`base` is the URL of the service, such as `https://avatars.example.org`.

        `transport` sends the requests, such as httpx's own with retries or a proxy.
        """
        headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._http = httpx.Client(base_url=base, headers=headers, timeout=timeout, transport=transport)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def generate(self, **fields: Unpack[AvatarFields]) -> Avatar:
        """Draw an avatar and store it."""
        return self._send(calls.generate(fields))

    def upload(self, photograph: bytes, **fields: Unpack[PhotoFields]) -> Avatar:
        """Store a photograph, the bytes of a JPEG, PNG, WebP, AVIF or GIF file."""
        return self._send(calls.upload(photograph, fields))

    def page(self, *, pick: int = 10, after: str | None = None, newest_first: bool = False) -> AvatarPage:
        """Return a part of the list of stored avatars: at most `pick`, after the `next` of another page."""
        return self._send(calls.avatars(pick=pick, after=after, newest_first=newest_first))

    def avatars(self, *, newest_first: bool = False) -> Iterator[Avatar]:
        """Yield all stored avatars. Each hundred is one request."""
        after: str | None = None
        while True:
            page = self.page(pick=100, after=after, newest_first=newest_first)
            yield from page.avatars
            after = page.next
            if after is None:
                return

    def picture(self, avatar_id: str, **options: Unpack[StoredOptions]) -> bytes:
        """Return the picture of a stored avatar."""
        return self._send(calls.picture(avatar_id, options))

    def render(self, seed: str, **options: Unpack[PictureOptions]) -> bytes:
        """Return the picture of a seed. Nothing is stored."""
        return self._send(calls.render(seed, options))

    def delete(self, avatar_id: str) -> None:
        """Delete a stored avatar for good."""
        self._send(calls.delete(avatar_id))

    def link(self, email: str, avatar_id: str) -> None:
        """Show a stored avatar for an e-mail address, or for its hash."""
        self._send(calls.link(email, avatar_id))

    def linked_avatar(self, email: str) -> str:
        """Return the id of the avatar of an e-mail address or hash. Raises `NotFound`."""
        return self._send(calls.linked_avatar(email))

    def unlink(self, email: str) -> None:
        """Remove the link of an e-mail address or hash."""
        self._send(calls.unlink(email))

    def create_picker_link(self, email: str, **fields: Unpack[PickerFields]) -> PickerLink:
        """Make a link to the page on which the user of an e-mail address chooses a picture."""
        return self._send(calls.create_picker_link(email, fields))

    def styles(self) -> list[StyleInfo]:
        """Return the styles that the service draws."""
        return self._send(calls.styles())

    def health(self) -> Health:
        """Return the state of the service. Raises `ServiceUnavailable` if a dependency is down."""
        return self._send(calls.health())

    def start_job(self, rows: Sequence[Mapping[str, Any]], *, style: str | None = None) -> Job:
        """Store an avatar for each row, in the background. A row is an object with a `seed`."""
        return self._send(calls.start_job(rows, style))

    def job(self, job_id: str) -> Job:
        """Return the progress of a job."""
        return self._send(calls.job(job_id))

    def job_result(self, job_id: str) -> list[Mapping[str, Any]]:
        """Return the id or the error of each row. Raises `Conflict` before the job has ended."""
        return self._send(calls.job_result(job_id))

    def cancel_job(self, job_id: str) -> None:
        """Cancel a job. Avatars that are stored already stay."""
        self._send(calls.cancel_job(job_id))

    def _send(self, call: Call[T]) -> T:
        try:
            response = self._http.request(call.method, call.path, **call.body)
        except httpx.RequestError as error:
            raise Unreachable(f"The avatar service did not answer: {error}") from error
        return call.result(response)
