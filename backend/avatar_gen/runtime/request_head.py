"""The head of a request: what is accepted of it, and the answer to a request that is not accepted."""

import json
from http import HTTPStatus

import httptools

from avatar_gen.security.headers import PROTECTION

Headers = list[tuple[bytes, bytes]]

HEAD_LIMIT = 64 * 1024
"""The largest size of a request line with its header fields, in bytes. It is also that of all trailers."""

FIELD_LIMIT = 256
"""The largest number of header fields. Each takes some 150 bytes of memory, however short it is."""

PATH_LIMIT = 4096
"""The longest path, in bytes. A seed of 256 characters has at most 3,072 of them, percent-encoded."""

TARGET_LIMIT = PATH_LIMIT + 8192 + 1
"""The longest path with a query, in bytes."""

END_OF_HEAD = b"\r\n\r\n"

TOO_LARGE = "The request is too large."
TOO_LONG = "The URL is too long."

_HOP_BY_HOP = (b"connection", b"upgrade", b"http2-settings")


class Unacceptable(Exception):
    """A head that llhttp accepts and this service does not."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status


def check_head(parser: httptools.HttpRequestParser, url: bytes, headers: Headers) -> None:
    """Raise `Unacceptable` for a head that other servers could read differently, or that is too large."""
    if len(url) > PATH_LIMIT and (len(url) > TARGET_LIMIT or len(url.partition(b"?")[0]) > PATH_LIMIT):
        raise Unacceptable(HTTPStatus.REQUEST_URI_TOO_LONG, TOO_LONG)
    names = [name for name, _ in headers]
    if len(names) > FIELD_LIMIT:
        raise Unacceptable(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, TOO_LARGE)
    if names.count(b"host") != 1 and parser.get_http_version() == "1.1":
        raise Unacceptable(HTTPStatus.BAD_REQUEST, "The request must have one Host header.")
    # llhttp would take everything that follows, without an end, for the body.
    if b"transfer-encoding" in names and dict(headers)[b"transfer-encoding"].lower() != b"chunked":
        raise Unacceptable(HTTPStatus.BAD_REQUEST, "The only accepted transfer encoding is chunked.")


def body_length(headers: Headers) -> int | None:
    """Return the length of the body, or None if it is chunked. llhttp has checked the number."""
    length = dict(headers).get(b"content-length")
    return None if length is None else int(length)


def without_upgrade(parser: httptools.HttpRequestParser, url: bytes, headers: Headers) -> bytes:
    """Return a head without its request for another protocol, which a server may ignore.

    The parser stops behind such a head and would read the body as another request.
    """
    closing = any(name == b"connection" and b"close" in value.lower() for name, value in headers)
    lines = [b"%s %s HTTP/%s" % (parser.get_method(), url, parser.get_http_version().encode())]
    lines += [b"%s: %s" % field for field in headers if field[0] not in _HOP_BY_HOP]
    lines += [b"connection: close"] if closing else []
    return b"\r\n".join(lines) + END_OF_HEAD


def error_answer(status: HTTPStatus, message: str) -> bytes:
    """Return the bytes of an error in the envelope, the last answer on its connection."""
    body = {"statusCode": status, "message": message, "error": status.phrase}
    content = json.dumps(body).encode()
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\ncontent-type: application/json\r\n"
        f"cache-control: no-store\r\ncontent-length: {len(content)}\r\nconnection: close\r\n"
    )
    protection = b"".join(b"%s: %s\r\n" % field for field in PROTECTION)
    return head.encode("ascii") + protection + b"\r\n" + content


def reason_for_no_request(head: bytes) -> str:
    """Return what to tell a client whose request cannot be parsed, given its head up to there, if any."""
    if not head.partition(b"\r\n")[0].isascii():
        return "The URL has characters beyond ASCII. They must be percent-encoded, as UTF-8."
    return "The request is not valid HTTP/1.1: its method, a header or the length of its body is wrong."
