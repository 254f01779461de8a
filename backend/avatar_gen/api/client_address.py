"""Finds the client of a request: the peer of the connection, or the client that a trusted proxy names."""

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import NamedTuple

from starlette.types import Scope

from avatar_gen.settings.server import Server

_MAX_LENGTH = 64
"""Characters of an address with zone and port. Longer texts are not parsed."""


class _Hop(NamedTuple):
    """A machine that a request came from or passed through."""

    client: str
    """The name under which its requests are counted."""
    trusted: bool


class ClientAddresses:
    """Identifies clients: by IPv4 address, or by the /64 of IPv6, which providers give to one customer."""

    def __init__(self, settings: Server) -> None:
        self._trusted = tuple(settings.trusted_proxies)
        # All requests through a Unix socket are from a proxy.
        self._unknown = _Hop("unknown", trusted=settings.uds is not None)
        self._read = lru_cache(maxsize=4096)(self._parse_hop)

    def of(self, scope: Scope) -> str:
        """Return the client of a request.

        Each proxy appends an address to `X-Forwarded-For`. The client itself may have sent everything to the
        left of the last address that is not trusted. So this reads from the right, and stops at that address.
        """
        hop = self._peer(scope)
        if hop.trusted:
            for text in reversed(_forwarded(scope)):
                earlier = self._read(text) if len(text) <= _MAX_LENGTH else None
                hop = earlier or hop
                if earlier is None or not earlier.trusted:
                    break
        return hop.client

    def is_from_proxy(self, scope: Scope) -> bool:
        """Return whether a trusted proxy has sent a request."""
        return self._peer(scope).trusted

    def _peer(self, scope: Scope) -> _Hop:
        """Return the other end of a connection. A Unix socket and a client that has left have no address."""
        peer = scope["client"]
        return (self._read(peer[0]) if peer else None) or self._unknown

    def _parse_hop(self, text: str) -> _Hop | None:
        """Parse an address with or without a port. Return None for any other text."""
        try:
            address = _parse(text.strip())
        except ValueError:
            return None
        trusted = any(address in network for network in self._trusted)
        if isinstance(address, IPv6Address):
            return _Hop(f"{IPv6Address(int(address) >> 64 << 64)}/64", trusted)
        return _Hop(str(address), trusted)


def _forwarded(scope: Scope) -> list[str]:
    given = [value for name, value in scope["headers"] if name == b"x-forwarded-for"]
    return b",".join(given).decode("latin-1").split(",") if given else []


def _parse(text: str) -> IPv4Address | IPv6Address:
    """Parse an address. An IPv4 address that is written as IPv6 becomes IPv4. Raises `ValueError`."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    address = ip_address(text)
    return getattr(address, "ipv4_mapped", None) or address
