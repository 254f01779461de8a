"""A cache of pictures in Redis, which all processes and replicas share.

docs/decisions/0024 has the reasons and the figures.
"""

from hashlib import blake2b

from avatar_gen.runtime.redis_client import SharedRedis

LIFETIME_SECONDS = 3600
"""Time after which Redis deletes a picture, also one of an avatar that was deleted. Browsers cache stored
pictures for as long."""

_WINDOWS = 4
"""Parts of a lifetime. What is written in each is limited, and so is what Redis holds."""

_OVERHEAD = 250
"""Bytes that Redis takes for a picture beside its content, with a key of this form. Its allocator also rounds
sizes up, by a fifth at most."""

_WRITE = """
local written = redis.call('INCRBY', KEYS[2], ARGV[2])
if redis.call('TTL', KEYS[2]) < 0 then redis.call('EXPIRE', KEYS[2], ARGV[3]) end
if written <= tonumber(ARGV[4]) then redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[5]) end
"""
"""Counts the bytes that were written in this window, and writes a picture if there is room."""

_WRITTEN = b"avatar-gen:pictures:written"


class SharedPictures:
    """Pictures by what they were made from. While Redis is unavailable, it has none."""

    def __init__(self, redis: SharedRedis, limit: int, version: bytes) -> None:
        """`limit` is in bytes, of all pictures in Redis. Processes with another `version` share nothing."""
        self._redis = redis
        self._version = version
        # A lifetime can touch one window more than it has parts.
        self._limit = limit // (_WINDOWS + 1)
        self._write = redis.client.register_script(_WRITE)
        self.hits = 0
        """How often `get` found a picture."""

    async def get(self, key: bytes) -> bytes | None:
        """Return the picture of a key, or None. This raises nothing and takes at most 50 ms."""
        picture = await self._redis.ask(lambda: self._redis.client.get(self._key(key)))
        if not isinstance(picture, bytes):
            return None
        self.hits += 1
        return picture

    def put(self, key: bytes, picture: bytes) -> None:
        """Write a picture in the background, if there is room."""
        size = len(picture) + _OVERHEAD
        if size > self._limit:
            return
        keys = (self._key(key), _WRITTEN)
        arguments = (picture, size, LIFETIME_SECONDS // _WINDOWS, self._limit, LIFETIME_SECONDS)
        self._redis.ask_later(lambda: self._write(keys=keys, args=arguments))

    def _key(self, key: bytes) -> bytes:
        digest = blake2b(self._version + key, digest_size=16)
        return b"avatar-gen:picture:" + digest.hexdigest().encode()
