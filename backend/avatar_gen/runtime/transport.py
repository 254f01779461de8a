"""A connection's transport as uvicorn sees it."""

import asyncio
from typing import Protocol

from uvicorn.protocols.http.flow_control import FlowControl

MINIMUM_RATE = 1024
"""Bytes a second that a client must read of an answer, on average, after the time of grace."""

RECEIVE_TIMEOUT = "avatars.receive_timeout"
"""An extension of ASGI: `connection` has `receive_timeout` and `message_limit`, which a route for large
bodies may set before it reads the body."""


class Closer(Protocol):
    """The protocol that decides how its connection is closed."""

    is_ending: bool

    def close(self) -> None:
        """Close the connection when the client has had time to read the last answer."""


class Flow(FlowControl):
    """Lets uvicorn resume reading only while the connection does not hold back bytes."""

    is_held = False

    def resume_reading(self) -> None:
        """Read again, unless bytes are held back."""
        if not self.is_held:
            super().resume_reading()


class Transport:
    """Counts what is written, and leaves it to the protocol how to close."""

    def __init__(self, transport: asyncio.Transport, protocol: Closer) -> None:
        self.close = protocol.close
        self._protocol = protocol
        self._socket = transport
        self._write = transport.write
        self._written = 0
        self._unread_since: float | None = None
        """The loop's time at which the client was first seen not to have read everything; None if it has."""
        self._progress_at = 0.0
        """The loop's time at which the client was last seen to read."""
        self._read_before = 0
        """Bytes that the client had read at the first of these times."""
        self._read = 0
        """Bytes that it had read at the second."""

    def write(self, data: bytes) -> None:
        """Send bytes, or keep them until the client reads."""
        self._written += len(data)
        self._write(data)

    def is_closing(self) -> bool:
        """Return whether nothing more can be written."""
        return self._protocol.is_ending or self._socket.is_closing()

    def is_read_too_slowly(self, now: float, grace: float) -> bool:
        """Return whether the client reads nothing for `grace` seconds, or less than `MINIMUM_RATE` later."""
        unread = self._socket.get_write_buffer_size()
        if not unread:
            self._unread_since = None
            return False
        read = self._written - unread
        if self._unread_since is None:
            self._unread_since = self._progress_at = now
            self._read_before = self._read = read
        elif read > self._read:
            self._progress_at, self._read = now, read
        allowed = grace + (read - self._read_before) / MINIMUM_RATE
        return now - self._progress_at > grace or now - self._unread_since > allowed
