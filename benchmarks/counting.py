"""Proxies that count what a service asks of PostgreSQL, an S3 store and Redis, by the bytes on the wire."""

import re
import socket
import threading
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import suppress

Reader = Generator[str | None, bytes, None]
"""A parser of what a client sends. It takes bytes, and yields the name of a call, or None for more bytes."""

_PIECE = 65536


class _Bytes:
    """The bytes of a client that were received and not yet parsed."""

    def __init__(self) -> None:
        self._held = b""

    def take(self, length: int) -> Generator[None, bytes, bytes]:
        """Return the next `length` bytes."""
        while len(self._held) < length:
            self._held += yield
        taken, self._held = self._held[:length], self._held[length:]
        return taken

    def line(self, end: bytes = b"\r\n") -> Generator[None, bytes, bytes]:
        """Return the bytes before the next `end`."""
        while end not in self._held:
            self._held += yield
        taken, _, self._held = self._held.partition(end)
        return taken


def http_calls() -> Reader:
    """Parse HTTP/1.1 as S3 uses it: GET, PUT, DELETE, LIST, and "GET if" for a conditional request."""
    data = _Bytes()
    while True:
        head = yield from data.line(b"\r\n\r\n")
        method, path, _ = head.decode("latin-1").split(" ", 2)
        length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
        yield from data.take(int(length[1]) if length else 0)
        conditional = re.search(rb"(?i)\r\nif-(none-)?match:", head)
        method = "LIST" if "list-type=" in path else "DELETE" if path.endswith("?delete") else method
        yield method + (" if" if conditional else "")


_UNTYPED = {80877103, 80877104}
"""The first messages that ask for TLS or GSSAPI. The server answers with one byte."""


def postgresql_calls() -> Reader:
    """Parse the protocol of PostgreSQL, version 3: one "query" for each statement that is executed."""
    data = _Bytes()
    while True:
        length = int.from_bytes((yield from data.take(4)))
        if int.from_bytes((yield from data.take(length - 4))[:4]) not in _UNTYPED:
            break
    while True:
        kind = yield from data.take(1)
        length = int.from_bytes((yield from data.take(4)))
        yield from data.take(length - 4)
        if kind in b"QE":  # Query, and Execute of the extended protocol
            yield "query"


def redis_calls() -> Reader:
    """Parse RESP: the name of each command."""
    data = _Bytes()
    while True:
        words = []
        for _ in range(int((yield from data.line())[1:])):
            length = int((yield from data.line())[1:])
            words.append((yield from data.take(length + 2))[:-2])
        yield words[0].decode("latin-1").upper()


class CountingProxy:
    """Forwards a port of this machine, and counts calls and bytes."""

    def __init__(self, target: int, parser: Callable[[], Reader]) -> None:
        self._target = target
        self._parser = parser
        self.calls: Counter[str] = Counter()
        self.sent = 0
        """Bytes to the server."""
        self.received = 0
        """Bytes from the server."""
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Accept no more connections."""
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._target))
                for each in (client, server):
                    each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                for work in (self._forward, self._return):
                    threading.Thread(target=work, args=(client, server), daemon=True).start()

    def _forward(self, client: socket.socket, server: socket.socket) -> None:
        reader = self._parser()
        next(reader)
        with suppress(OSError):
            while piece := client.recv(_PIECE):
                self._count(reader, piece)
                server.sendall(piece)
        _end(server)

    def _count(self, reader: Reader, piece: bytes) -> None:
        with self._lock:
            self.sent += len(piece)
            name = reader.send(piece)
            while name:
                self.calls[name] += 1
                name = reader.send(b"")

    def _return(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while piece := server.recv(_PIECE):
                with self._lock:
                    self.received += len(piece)
                client.sendall(piece)
        _end(client)


def _end(connection: socket.socket) -> None:
    """End both directions. Closing would not wake a thread that receives."""
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
