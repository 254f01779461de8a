"""Fetches a small file from a host that the operator has configured, by HTTP/1.1.

One request goes over one connection. It follows no redirect, sends no cookie, and asks for no compression. So
an answer can neither lead to another host nor grow in memory. h11 reads the protocol.
"""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Sequence
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from socket import SOCK_STREAM, getaddrinfo
from typing import NamedTuple
from urllib.parse import urlsplit

import h11

from avatar_gen import __version__
from avatar_gen.runtime.threads import DaemonThreads

_PIECE = 65536
_MAX_ADDRESSES = 3
"""Addresses of a host to which a connection is tried."""

_RESOLVERS = 4
_threads = DaemonThreads(_RESOLVERS, "resolving names")
"""A name server can hang, so this needs threads that nothing waits for."""


class FetchError(Exception):
    """No answer arrived: the name, the connection or the answer is wrong."""


class AnswerTooLarge(FetchError):
    """The answer has more bytes than are accepted."""


class Answer(NamedTuple):
    """An answer of any status."""

    status: int
    media_type: str
    """In lower case, without parameters."""
    body: bytes


Resolve = Callable[[str, int], Awaitable[Sequence[str]]]


async def public_addresses(host: str, port: int) -> Sequence[str]:
    """Return the addresses of a host name that are public, so that no name leads into a private network.

    An IP address is returned as it is: the operator has chosen it. Raises `FetchError`.
    """
    try:
        return [str(ip_address(host))]
    except ValueError:
        pass
    try:
        found = await asyncio.wrap_future(_threads.submit(getaddrinfo, host, port, type=SOCK_STREAM))
    except (OSError, UnicodeError) as error:
        raise FetchError(f"its name has no address: {error}") from error
    addresses = [str(each[4][0]) for each in found]
    public = [each for each in addresses if is_public(each)]
    if not public:
        raise FetchError("its name has only private addresses")
    return public


def is_public(text: str) -> bool:
    """Return whether an IP address is one of the public internet."""
    address = ip_address(text.partition("%")[0])
    if isinstance(address, IPv6Address):
        address = address.ipv4_mapped or address
    return address.is_global and not address.is_multicast


async def fetch(url: str, *, seconds: float, max_bytes: int, resolve: Resolve = public_addresses) -> Answer:
    """Return the answer to GET. `seconds` is the time for everything together.

    Raises `FetchError`.
    """
    try:
        async with asyncio.timeout(seconds):
            return await _fetch(url, max_bytes, resolve)
    except TimeoutError:
        raise FetchError(f"it did not answer within {seconds:g} s") from None
    except OSError as error:
        raise FetchError(f"the connection failed: {error}") from error
    except h11.RemoteProtocolError as error:
        raise FetchError(f"its answer is not HTTP: {error}") from error


async def _fetch(url: str, max_bytes: int, resolve: Resolve) -> Answer:
    parts = urlsplit(url)
    host = parts.hostname or ""
    is_secure = parts.scheme == "https"
    port = parts.port or (443 if is_secure else 80)
    addresses = await resolve(host, port)
    reader, writer = await _connect(addresses[:_MAX_ADDRESSES], port, host if is_secure else None)
    try:
        connection = h11.Connection(h11.CLIENT)
        target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
        writer.write(connection.send(_request(target, parts.netloc)) or b"")
        writer.write(connection.send(h11.EndOfMessage()) or b"")
        return await _receive(connection, reader, max_bytes)
    finally:
        writer.transport.abort()


def _request(target: str, host: str) -> h11.Request:
    headers = {
        "Host": host,
        "User-Agent": f"avatar-gen/{__version__}",
        "Accept": "image/*",
        "Accept-Encoding": "identity",
        "Connection": "close",
    }
    return h11.Request(method="GET", target=target, headers=list(headers.items()))


async def _connect(
    addresses: Sequence[str], port: int, secure_host: str | None
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect to the first address that accepts. With `secure_host`, the server must prove this name."""
    context = _tls() if secure_host else None
    for number, address in enumerate(addresses, start=1):
        try:
            return await asyncio.open_connection(
                address, port, ssl=context, server_hostname=secure_host or None
            )
        except OSError:
            if number == len(addresses):
                raise
    raise FetchError("its name has no address")


@lru_cache(maxsize=1)
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


async def _receive(connection: h11.Connection, reader: asyncio.StreamReader, max_bytes: int) -> Answer:
    status, headers, body = 0, dict[bytes, bytes](), bytearray()
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(await reader.read(_PIECE))
        elif isinstance(event, h11.Response):
            status, headers = event.status_code, dict(event.headers)
            # h11 has checked that the length is a number.
            _check_size(int(headers.get(b"content-length", b"0")), max_bytes)
        elif isinstance(event, h11.Data):
            body += event.data
            _check_size(len(body), max_bytes)
        elif isinstance(event, h11.EndOfMessage):
            media_type = headers.get(b"content-type", b"").partition(b";")[0]
            return Answer(status, media_type.decode("latin-1").strip().lower(), bytes(body))
        elif not isinstance(event, h11.InformationalResponse):
            raise FetchError("its answer is not HTTP")


def _check_size(size: int, max_bytes: int) -> None:
    if size > max_bytes:
        raise AnswerTooLarge(f"its answer has more than {max_bytes} bytes")
