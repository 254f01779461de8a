"""A real HTTP server that plays another avatar server, with all that can go wrong there."""

import io
import ssl
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

from PIL import Image

_PATIENCE = 30.0
"""Seconds after which a test that waits for an event fails."""


def picture(colour: str = "#c22d6b", kind: str = "PNG", px: int = 512) -> bytes:
    """Return a picture of one colour."""
    file = io.BytesIO()
    Image.new("RGB", (px, px), colour).save(file, kind)
    return file.getvalue()


class Handler(BaseHTTPRequestHandler):
    """One request, and the ways to answer it."""

    protocol_version = "HTTP/1.1"
    upstream: "UpstreamServer"

    def do_GET(self) -> None:
        self.close_connection = True
        answer = self.upstream.arrived(self)
        try:
            answer(self)
        except OSError:
            # The service has given up, as it should.
            self.upstream.note_given_up()

    def reply(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def drip(self, content: bytes) -> None:
        """Send single bytes until the service gives up, which the next of them reports."""
        while True:
            self.wfile.write(content)
            if self.upstream.released.wait(0.01):
                return

    def log_message(self, *_: object) -> None:
        pass


Behaviour = Callable[[Handler], None]


def found(content: bytes, media_type: str = "image/png") -> Behaviour:
    return lambda handler: handler.reply(200, content, Content_Type=media_type)


def status(number: int, **headers: str) -> Behaviour:
    return lambda handler: handler.reply(number, picture(), Content_Type="image/png", **headers)


def hang(handler: Handler) -> None:
    handler.upstream.released.wait(_PATIENCE)


def drip_the_head(handler: Handler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-")
    handler.drip(b"a")


def drip_the_body(handler: Handler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: 1000000\r\n\r\n")
    handler.drip(b"\x89")


def drip_information(handler: Handler) -> None:
    handler.drip(b"HTTP/1.1 103 Early Hints\r\n\r\n")


def huge_by_its_length(handler: Handler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: 99000000000\r\n\r\n")
    handler.drip(b"\x89")


def huge_in_pieces(handler: Handler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        handler.wfile.write(b"10000\r\n" + bytes(0x10000) + b"\r\n")


def endless(handler: Handler) -> None:
    handler.wfile.write(b"HTTP/1.0 200 OK\r\nContent-Type: image/png\r\n\r\n")
    while True:
        handler.wfile.write(bytes(0x10000))


def cut(handler: Handler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: 1000\r\n\r\n\x89PNG")


def garbage(handler: Handler) -> None:
    handler.wfile.write(b"SSH-2.0-OpenSSH_9.2p1 Debian\r\n")


def another_protocol(handler: Handler) -> None:
    handler.wfile.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n")
    handler.upstream.released.wait(0.2)


def hang_up(handler: Handler) -> None:
    handler.connection.close()


class UpstreamServer:
    """Answers each hash as the test has set, and all others with 404."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.answers: dict[str, Behaviour] = {}
        self.every: Behaviour = status(404)
        self.requests: list[Handler] = []
        self.released = threading.Event()
        """Set when the answers that hang may end."""
        self._changed = threading.Condition()
        self._given_up = 0
        bound = type("Bound", (Handler,), {"upstream": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), bound)
        self._server.daemon_threads = True
        if tls is not None:
            self._server.socket = tls.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self.port = self._server.server_port
        self.url = f"http://127.0.0.1:{self.port}"
        self.label = f"127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()

    def arrived(self, request: Handler) -> Behaviour:
        with self._changed:
            self.requests.append(request)
            self._changed.notify_all()
        identity = request.path.rpartition("/")[2].partition("?")[0]
        return self.answers.get(identity, self.every)

    def note_given_up(self) -> None:
        with self._changed:
            self._given_up += 1
            self._changed.notify_all()

    def wait_for_requests(self, count: int) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.requests) >= count, _PATIENCE)

    def wait_until_given_up(self, count: int = 1) -> None:
        """Wait until the service has closed connections whose answers were still being sent."""
        with self._changed:
            assert self._changed.wait_for(lambda: self._given_up >= count, _PATIENCE)
