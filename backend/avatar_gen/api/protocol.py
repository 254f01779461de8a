"""uvicorn's HTTP/1.1 for clients that take their time: slow ones, idle ones, silent ones.

uvicorn closes a connection that is idle after a request, and no other: one that sends nothing, or one byte a
minute, stays for ever (https://github.com/encode/uvicorn/issues/1529).
"""

import asyncio
import logging
import socket
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

log = logging.getLogger(__name__)


class PunctualProtocol(HttpToolsProtocol):
    """Knows since when it has been waiting for its client."""

    waiting_since: float | None = None
    """The loop's time, in seconds, at which the client got its turn; None while it is ours."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client has connected, and is to send a request."""
        super().connection_made(transport)
        self.waiting_since = self.loop.time()

    def data_received(self, data: bytes) -> None:
        """A part of a request; what began to be awaited before goes on being awaited."""
        if self.waiting_since is None:
            self.waiting_since = self.loop.time()
        super().data_received(data)

    def on_message_complete(self) -> None:
        """A whole request is here: the answer is up to us."""
        self.waiting_since = None
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """The next request is up to the client."""
        if self.waiting_since is None:
            self.waiting_since = self.loop.time()
        super().on_response_complete()


class Server(uvicorn.Server):
    """uvicorn's server, which ends the connections of clients that keep it waiting."""

    def __init__(self, config: uvicorn.Config, patience: float) -> None:
        super().__init__(config)
        self._patience = patience

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to serve, and say where."""
        await super().startup(sockets)
        if self.started and sockets:
            host, port = sockets[0].getsockname()[:2]
            name = "localhost" if host in ("0.0.0.0", "::") else host  # noqa: S104 - any address
            url = f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"
            log.info("Serving on %s - to try: curl -X POST %s/api/generate", url, url)
            log.info("Interactive docs on %s/swagger", url)

    async def on_tick(self, counter: int) -> bool:
        """Look round once a second; uvicorn calls this ten times."""
        if counter % 10 == 0:
            close_overdue(self.server_state.connections, self._patience)
        return await super().on_tick(counter)


def close_overdue(connections: set[Any], patience: float) -> None:
    """Close the connections whose clients have been awaited for more than `patience` seconds."""
    before = asyncio.get_running_loop().time() - patience
    for connection in list(connections):
        since = connection.waiting_since
        if since is not None and since < before:
            if connection.transport.is_closing():
                # It was closed a look ago, and its client does not read what it was still to get.
                connection.transport.abort()
            else:
                connection.transport.close()
