"""The version and the limits of a Redis server, for `avatar-gen doctor`.

Import this module only where Redis is configured: the import of the client is slow.
"""

from typing import Any, NamedTuple

from redis import Redis
from redis.exceptions import RedisError

from avatar_gen.errors import StartupError

_TIMEOUT_SECONDS = 2.0

_OLDEST = 7
"""The first release of Redis that is supported. Valkey began with 7.2."""


class RedisServer(NamedTuple):
    """A server that answers."""

    name: str
    """For example `Redis 7.0.15`."""
    where: str
    memory: int
    """The maximum of bytes that it may hold, 0 without a limit."""
    policy: str
    """What it removes at that limit: `noeviction` refuses writes, `allkeys-lru` removes any key."""

    @property
    def evicts_messages(self) -> bool:
        """Whether it may remove keys that have no lifetime, such as the queue of a broker."""
        return bool(self.memory) and self.policy.startswith("allkeys-")


def ask_redis(url: str) -> RedisServer:
    """Return the server at a URL. Raises `StartupError` for one that cannot be used."""
    try:
        with Redis.from_url(
            url, socket_timeout=_TIMEOUT_SECONDS, socket_connect_timeout=_TIMEOUT_SECONDS
        ) as client:
            where = _whereabouts(client)
            # Answers from INFO and not from CONFIG, which managed servers refuse.
            info: dict[str, Any] = client.info()
    except (RedisError, OSError) as error:
        raise StartupError(
            f"the server does not answer ({error}); check the URL, the password and the network"
        ) from error
    name = "Valkey" if "valkey_version" in info else "Redis"
    version = str(info.get("valkey_version") or info["redis_version"])
    if int(version.partition(".")[0]) < _OLDEST:
        raise StartupError(f"{where}: {name} {version} is too old; use Redis {_OLDEST} or newer, or Valkey")
    return RedisServer(f"{name} {version}", where, int(info["maxmemory"]), str(info["maxmemory_policy"]))


def _whereabouts(client: Redis) -> str:
    """Return where the server is, without secrets."""
    options = client.get_connection_kwargs()
    return str(options.get("path") or f"{options.get('host')}:{options.get('port')}/{options.get('db', 0)}")
