"""The parsers that count calls on the wire, with bytes that arrive one by one."""

import pytest

from benchmarks.counting import Reader, http_calls, postgresql_calls, redis_calls

HTTP = b"""GET /b/k HTTP/1.1
host: x

GET /b/k HTTP/1.1
If-None-Match: "1"

PUT /b/k HTTP/1.1
Content-Length: 5
if-none-match: *

GET /GET /b?list-type=2&prefix=k HTTP/1.1

POST /b?delete HTTP/1.1
content-length: 0

""".replace(b"\n", b"\r\n")

STARTUP = (8).to_bytes(4) + (80877103).to_bytes(4) + (9).to_bytes(4) + (196608).to_bytes(4) + b"\0"


def message(kind: bytes, content: bytes = b"") -> bytes:
    return kind + (len(content) + 4).to_bytes(4) + content


@pytest.mark.parametrize(
    ("reader", "sent", "calls"),
    [
        (http_calls(), HTTP, ["GET", "GET if", "PUT if", "LIST", "DELETE"]),
        (
            redis_calls(),
            b"*2\r\n$4\r\nping\r\n$5\r\n*1\r\n$\r\n*1\r\n$4\r\nINFO\r\n",
            ["PING", "INFO"],
        ),
        (
            postgresql_calls(),
            STARTUP
            + message(b"Q", b"BEGIN\0")
            + message(b"P", b"Q")
            + message(b"B")
            + message(b"E")
            + message(b"S"),
            ["query", "query"],
        ),
    ],
)
def test_calls_are_counted(reader: Reader, sent: bytes, calls: list[str]) -> None:
    found = []
    next(reader)
    for byte in sent:
        name = reader.send(bytes([byte]))
        while name:
            found.append(name)
            name = reader.send(b"")
    assert found == calls
