"""The servers that a process can do without: Redis, and a collector of traces.

Their clients are imported only if a setting names the server.
"""

from typing import TYPE_CHECKING

from avatar_gen.errors import StartupError
from avatar_gen.services.health import BROKER, REDIS
from avatar_gen.services.installation import picture_version
from avatar_gen.settings.schema import Settings

if TYPE_CHECKING:
    from avatar_gen.runtime.redis_client import SharedRedis
    from avatar_gen.runtime.shared_pictures import SharedPictures
    from avatar_gen.telemetry.tracing import Tracing


def redis_servers(settings: Settings) -> dict[str, str]:
    """Return the URLs of the Redis servers that this process or its workers use, by the names of checks."""
    redis = settings.redis.url if settings.limits.on or settings.redis.cache else None
    urls = {REDIS: redis, BROKER: settings.jobs.broker}
    return {name: url.get_secret_value() for name, url in urls.items() if url}


def open_tracing(endpoint: str | None) -> "Tracing | None":
    """Return what makes traces, or None if there are none. Raises `StartupError`."""
    if endpoint is None:
        return None
    try:
        # Imported here, because the packages need not be installed.
        from avatar_gen.telemetry.tracing import Tracing  # noqa: PLC0415
    except ImportError as error:
        raise StartupError(
            "traces.endpoint needs packages that are not installed. Run:"
            " pip install opentelemetry-sdk opentelemetry-exporter-otlp-proto-http, or unset TRACES_ENDPOINT"
        ) from error
    return Tracing(endpoint)


def connect_redis(settings: Settings) -> "SharedRedis | None":
    """Return the Redis server that all processes share, or None if there is none."""
    url = redis_servers(settings).get(REDIS)
    if url is None:
        return None
    # Imported here, because the import is slow and needed only with Redis.
    from avatar_gen.runtime.redis_client import SharedRedis  # noqa: PLC0415

    return SharedRedis(url)


def share_pictures(settings: Settings, redis: "SharedRedis | None") -> "SharedPictures | None":
    """Return the pictures of all processes, or None if each process has only its own."""
    if redis is None or not settings.redis.cache:
        return None
    from avatar_gen.runtime.shared_pictures import SharedPictures  # noqa: PLC0415 - as above

    return SharedPictures(redis, settings.redis.cache * 1_000_000, picture_version())
