"""A service with all of its parts on: keys, limits, metrics, uploads, picker, jobs, upstreams, other URLs."""

import contextlib
import random
from collections.abc import Iterator, Mapping
from pathlib import Path

from avatar_gen.security.api_keys import hash_of, new_key
from tests.conftest import Service
from tests.servers import upstream
from tests.servers.net import free_port
from tests.servers.upstream import Handler, UpstreamServer
from tests.slow.mutations import PHOTOGRAPHS, mutated

KEY = new_key()
"""An API key with all permissions."""

_HIGH = "100000/s burst 100000"


@contextlib.contextmanager
def everything(
    folder: Path, settings: Mapping[str, object] | None = None, environ: Mapping[str, str] | None = None
) -> Iterator[Service]:
    """Run a service with all parts on, and the server from which it fetches pictures."""
    with UpstreamServer() as server:
        server.every = _any_answer
        sections = {**_sections(server.url), **(settings or {})}
        service = Service(folder, sections, {"AUTH_SIGNING_KEY": "k" * 32, **(environ or {})})
        service.client.headers["Authorization"] = f"Bearer {KEY}"
        try:
            yield service.start()
        finally:
            service.close()


def metrics_port(service: Service) -> int:
    """Return the port of the service's metrics."""
    port: int = service.settings["metrics"]["port"]  # type: ignore[index]
    return port


def _sections(url: str) -> dict[str, object]:
    return {
        "logging": {"level": "error"},
        "auth": {"api_keys": [hash_of(KEY)]},
        "limits": {"client": _HIGH, "writes": _HIGH, "key": _HIGH},
        "metrics": {"port": free_port()},
        "picker": {"origins": ["https://www.example.org"]},
        "libravatar": {
            "upstreams": [url],
            "upstream_timeout": 0.5,
            "upstream_max_age": 5,
            "redirect_hosts": ["www.example.org"],
        },
        "dicebear": {"old_versions": True},
        "ui_avatars_paths": True,
        "foreign_urls": ["boring-avatars", "robohash"],
        "palettes": {"brand": ["#fff8f0", "#ffb000", "#dc267f", "#648fff", "#1b1035"]},
        "cors": True,
    }


def _any_answer(handler: Handler) -> None:
    """Answer as good and bad servers do, by chance. Most answers are good, so that the next one is asked."""
    chance = random.Random(handler.path)
    photograph = chance.choice(PHOTOGRAPHS)
    chance.choice(
        (
            *[upstream.found(photograph)] * 8,
            *[upstream.found(mutated(photograph, chance))] * 4,
            *[upstream.status(404)] * 4,
            *(upstream.status(500), upstream.status(302, Location=handler.upstream.url + "/x")),
            *(upstream.found(b"<svg/>"), upstream.found(photograph, "text/html")),
            *(
                upstream.cut,
                upstream.garbage,
                upstream.hang_up,
                upstream.huge_by_its_length,
                upstream.endless,
            ),
        )
    )(handler)
