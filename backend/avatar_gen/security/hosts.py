"""Host names under which the service answers: the defence against DNS rebinding.

A page can have its own host name resolve to this service. The browser then takes both for one origin, and
the page can list and delete what its visitor can reach. The `Host` header still has the page's own name.
"""

import re
from functools import lru_cache
from ipaddress import ip_address

_MAX_BYTES = 256
"""Of a `Host` header. Longer ones are refused."""

_HOST = re.compile(r"(?:\[(?P<ipv6>[^]]*)\]|(?P<name>[^:[]*))(?::[0-9]*)?")


class AllowedHosts:
    """Decides which `Host` headers are answered."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self._names = frozenset(name for name in names if not name.startswith("*."))
        self._suffixes = tuple(name[1:] for name in names if name.startswith("*."))
        self.allows = lru_cache(maxsize=1024)(self._allows)

    def _allows(self, host: bytes) -> bool:
        """Return whether requests with this `Host` header are answered.

        No page can choose an IP address or a name without a dot for its host, so these are always allowed.
        """
        match = _HOST.fullmatch(host[: _MAX_BYTES + 1].decode("latin-1").lower())
        if match is None or len(host) > _MAX_BYTES:
            return False
        name = (match["ipv6"] or match["name"] or "").removesuffix(".")
        return "." not in name or _is_ip_address(name) or name in self._names or name.endswith(self._suffixes)


def _is_ip_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
