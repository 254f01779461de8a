"""uvicorn's server: it ends slow connections, and itself within a bounded time."""

import asyncio
import logging
import os
import signal
import socket
from collections.abc import Callable
from types import FrameType

import uvicorn

log = logging.getLogger(__name__)


class Server(uvicorn.Server):
    """A server that closes connections whose clients are too slow, and that drains before it ends."""

    def __init__(  # noqa: PLR0913
        self,
        config: uvicorn.Config,
        *,
        receive_timeout: float,
        idle_timeout: float,
        drain_time: float,
        on_drain: Callable[[], None],
        parent: int | None = None,
    ) -> None:
        super().__init__(config)
        self._parent = parent
        self._receive_timeout = receive_timeout
        self._idle_timeout = idle_timeout
        self._drain_time = drain_time
        self._on_drain = on_drain
        self._ending_at: float | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to serve and log the URL."""
        await super().startup(sockets)
        if self.started and sockets and self._parent is None:
            announce(sockets[0])

    async def on_tick(self, counter: int) -> bool:
        """Check all connections each second. uvicorn calls this ten times a second, and ends if it is True.

        After a signal to end, the service answers requests for `drain_time` more seconds and reports that it
        is not ready, so that load balancers notice. It closes each connection after its next answer.
        """
        now = asyncio.get_running_loop().time()
        if counter % 10 == 0:
            self._close_overdue(now)
            if self._parent is not None and os.getppid() != self._parent:
                self.should_exit = True
        ending = await super().on_tick(counter)
        if ending and self._ending_at is None:
            self._ending_at = now + self._drain_time
            self.server_state.draining = True  # type: ignore[attr-defined]
            self._on_drain()
        return ending and (now >= (self._ending_at or now) or self.force_exit)

    def _close_overdue(self, now: float) -> None:
        for connection in list(self.server_state.connections):
            connection.close_if_overdue(  # type: ignore[union-attr]
                now, receive_timeout=self._receive_timeout, idle_timeout=self._idle_timeout
            )

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to end. After Ctrl-C the service does not drain."""
        if sig == signal.SIGINT:
            self._drain_time = 0
        super().handle_exit(sig, frame)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept no more connections, answer the open ones, and end."""
        for server in self.servers:
            server.close()
        await asyncio.sleep(0.1)
        await super().shutdown(sockets)


def announce(listener: socket.socket) -> None:
    """Log the URL of the service and what to try."""
    host, port = listener.getsockname()[:2]
    name = "localhost" if host in ("0.0.0.0", "::") else host  # noqa: S104 - all addresses
    url = f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"
    log.info("Serving on %s - to try: curl -X POST %s/api/generate", url, url)
    log.info("A page to make avatars on: %s - interactive docs: %s/swagger", url, url)
