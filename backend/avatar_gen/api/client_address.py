"""Whose request it is: the address of the connection, or what a proxy that is trusted tells of it."""

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import NamedTuple

from starlette.types import Scope

_LONGEST = 64
"""Characters: an address, its zone, its port. What is longer is not worth being remembered."""


class _Hop(NamedTuple):
    """A machine that a request came from or through."""

    client: str
    """As which it is counted."""
    trusted: bool


class Clients:
    """Tells clients apart: by an IPv4 address, or a /64 of IPv6, which is what one household is given."""

    def __init__(self, trusted: Iterable[IPv4Network | IPv6Network]) -> None:
        self._trusted = tuple(trusted)
        self._read = lru_cache(maxsize=4096)(self._read_anew)

    def of(self, scope: Scope) -> str:
        """The client of a request.

        `X-Forwarded-For` grows to the right, and what stands left of an address that is not trusted anybody
        could have written. So it is read from the right, as far as it is known who wrote.
        """
        peer = scope["client"]
        hop = self._read(peer[0]) if peer else None
        if hop is None:
            return "unknown"
        if hop.trusted:
            for text in reversed(_forwarded(scope)):
                earlier = self._read(text) if len(text) <= _LONGEST else None
                hop = earlier or hop
                if earlier is None or not earlier.trusted:
                    break
        return hop.client

    def _read_anew(self, text: str) -> _Hop | None:
        """An address, with or without a port; None where it is none."""
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
    """An address; one of IPv4 also where it is written as IPv6. Raises `ValueError`."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    address = ip_address(text)
    return getattr(address, "ipv4_mapped", None) or address
