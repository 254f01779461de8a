"""Sockets: free ports, raw requests, and a proxy that can hang."""

import contextlib
import os
import secrets
import socket
import threading
from select import select

_NUMBER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_PORTS = list(range(10_000 + _NUMBER % 5 * 4000, 14_000 + _NUMBER % 5 * 4000))


def free_port() -> int:
    """Return a port of 127.0.0.1 that nothing listens on.

    It is below the range from which systems take the ports of outgoing connections: there, a client that
    connects in the meantime could take it. No port is returned twice, and each pytest process has ports of
    its own. Otherwise a test could take another one's service for the one that it is about to start.
    """
    while True:
        port = secrets.choice(_PORTS)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            _PORTS.remove(port)
            return port


def exchange(
    port: int, request: bytes, *, seconds: float = 5, source: str = "127.0.0.1", whole: bool = False
) -> bytes:
    """Send raw bytes; return what comes back until the server closes or is silent for `seconds`.

    The first byte may take longer, on a busy machine. Bytes that the server has not read when it closes can
    cost the client the answer, so sending ends at the first answer, unless `whole` is set.
    """
    with socket.create_connection(("127.0.0.1", port), timeout=60, source_address=(source, 0)) as connection:
        answer = b""
        with contextlib.suppress(OSError):
            for start in range(0, len(request), 50_000):
                connection.sendall(request[start : start + 50_000])
                if not whole and len(request) > 50_000 and select([connection], [], [], 0.005)[0]:
                    break
        with contextlib.suppress(OSError):
            while chunk := connection.recv(65536):
                answer += chunk
                connection.settimeout(seconds)
        return answer


class Proxy:
    """A proxy in front of a port. It can stop forwarding without closing anything."""

    def __init__(self, target: int) -> None:
        self._target = target
        self.accepted = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._flowing = threading.Event()
        self._flowing.set()
        self._is_cut = False
        threading.Thread(target=self._accept, daemon=True).start()

    def hang(self) -> None:
        """Forward nothing more in old and new connections, and close none."""
        self._flowing.clear()

    def flow(self) -> None:
        """Forward again."""
        self._flowing.set()

    def cut(self) -> None:
        """Close new connections, and old ones when something is sent."""
        self._is_cut = True

    def mend(self) -> None:
        """Forward new connections again."""
        self._is_cut = False

    def close(self) -> None:
        """Accept no more connections."""
        self._listener.close()
        self._flowing.set()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self.accepted += 1
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        self._flowing.wait()
        if self._is_cut:
            client.close()
            return
        try:
            server = socket.create_connection(("127.0.0.1", self._target))
        except OSError:
            client.close()
        else:
            threading.Thread(target=self._pump, args=(server, client), daemon=True).start()
            self._pump(client, server)

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError), source, sink:
            while data := source.recv(65536):
                self._flowing.wait()
                if self._is_cut:
                    return
                sink.sendall(data)
