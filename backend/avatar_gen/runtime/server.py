"""uvicorn's server, which closes slow connections, and ends within a bounded time."""

import asyncio
import contextlib
import logging
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from types import FrameType

import uvicorn

from avatar_gen.runtime.listeners import address_of

log = logging.getLogger(__name__)

ENDING_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)

CLOSING_SECONDS = 1.0
"""Time for what is closed after the last request: pools, connections, files."""


class Server(uvicorn.Server):
    """A server that closes connections whose clients are too slow, and that drains before it ends."""

    def __init__(  # noqa: PLR0913
        self,
        config: uvicorn.Config,
        *,
        receive_timeout: float,
        idle_timeout: float,
        drain_time: float,
        shutdown_timeout: float,
        on_drain: Callable[[], None],
        parent: int | None = None,
    ) -> None:
        super().__init__(config)
        self._parent = parent
        self._receive_timeout = receive_timeout
        self._idle_timeout = idle_timeout
        self._drain_time = drain_time
        self._shutdown_timeout = shutdown_timeout
        self._on_drain = on_drain
        self._last_moment: threading.Timer | None = None
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
            if self._parent is None:
                announce_end()
            self._limit_the_end()
            self._ending_at = now + self._drain_time
            self.server_state.draining = True  # type: ignore[attr-defined]
            self._on_drain()
        return ending and (now >= (self._ending_at or now) or self.force_exit)

    def _close_overdue(self, now: float) -> None:
        for connection in list(self.server_state.connections):
            connection.close_if_overdue(  # type: ignore[union-attr]
                now, receive_timeout=self._receive_timeout, idle_timeout=self._idle_timeout
            )

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take signals on a thread of their own, which works even while the event loop stands still.

        The main thread blocks the signals, or the kernel would give them to it first. Python's handler in C
        writes the number of a signal into a socket, on whatever thread it runs.
        """
        reader, writer = socket.socketpair()
        writer.settimeout(0)
        signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
        for number in ENDING_SIGNALS:
            signal.signal(number, _do_nothing)
        signal.pthread_sigmask(signal.SIG_BLOCK, ENDING_SIGNALS)
        loop = asyncio.get_running_loop()
        threading.Thread(target=self._take_signals, args=(reader, writer, loop), daemon=True).start()
        yield

    def _take_signals(
        self, reader: socket.socket, _writer: socket.socket, loop: asyncio.AbstractEventLoop
    ) -> None:
        """Read the numbers of signals. `_writer` is a parameter only so that it stays open."""
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING_SIGNALS)
        while number := reader.recv(1):
            if number[0] == signal.SIGINT:
                self._drain_time = 0
            self._limit_the_end()
            # The loop can have been closed already.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(self.handle_exit, number[0], None)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to end, or end at once after a second Ctrl-C."""
        super().handle_exit(sig, frame)
        self._captured_signals.clear()

    def _limit_the_end(self) -> None:
        """End the process after the timeout, even if something has not ended by then."""
        if self._last_moment is None:
            seconds = self._drain_time + self._shutdown_timeout + CLOSING_SECONDS
            self._last_moment = threading.Timer(seconds, _end_now)
            self._last_moment.daemon = True
            self._last_moment.start()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept no more connections, answer the open ones, and end."""
        for server in self.servers:
            server.close()
        await asyncio.sleep(0.1)
        await super().shutdown(sockets)


def _do_nothing(_number: int, _frame: FrameType | None) -> None:
    """Stand for a handler: without one, Python writes no signal into the socket."""


def _end_now() -> None:
    log.error(
        "Shutdown took longer than server.shutdown_timeout. The process ends now and cuts off open requests"
    )
    for handler in logging.getLogger().handlers:
        handler.flush()
    os._exit(1)


def announce(listener: socket.socket) -> None:
    """Log the URL of the service and what to try."""
    url = address_of(listener)
    log.info("Serving on %s - to try: curl -X POST %s/api/generate", url, url)
    if listener.family != socket.AF_UNIX:
        log.info("A page to make avatars on: %s - interactive docs: %s/swagger", url, url)


def announce_end() -> None:
    """Log that the service ends, which can take some seconds."""
    log.info("The service is stopping. It finishes the requests in flight")
