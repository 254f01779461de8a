"""A service with a real PostgreSQL, S3 store and Redis beside it, and what it costs each of them."""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.counting import CountingProxy, http_calls, postgresql_calls, redis_calls
from benchmarks.processes import cpu_of
from benchmarks.servers import SERVE, Kind, Server, running_postgres, start
from tests.servers.gateway import Gateway
from tests.servers.postgres import Postgres
from tests.servers.redis import Redis
from tests.servers.s3 import S3Server

Costs = dict[str, dict[str, float]]
"""`calls`, `bytes` and `cpu_us` of one request, each by server."""


@dataclass
class Cluster:
    """The three servers, a proxy in front of each, and the services that use them."""

    folder: Path
    postgres: Postgres
    store: S3Server
    redis: Redis
    stack: ExitStack
    """Closes the services, their gateways and the proxies."""
    proxies: dict[str, CountingProxy] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.section = self.store.section()
        self.database = self.postgres.new_database().rpartition("/")[2]
        for name, port, parser in (
            ("database", self.postgres.port, postgresql_calls),
            ("store", self.store.port, http_calls),
            ("redis", self.redis.port, redis_calls),
        ):
            self.proxies[name] = self.stack.enter_context(closing(CountingProxy(port, parser)))

    def start(self, name: str, *, counted: bool = False) -> Server:
        """Start a service. If `counted` is set, it reaches the servers through the proxies."""
        ports = {"database": self.postgres.port, "store": self.store.port, "redis": self.redis.port}
        if counted:
            ports = {part: proxy.port for part, proxy in self.proxies.items()}
        settings = {
            "storage": {
                "type": "s3",
                "s3": {**self.section, "endpoint": f"http://127.0.0.1:{ports['store']}"},
            },
            "redis": {"url": f"redis://127.0.0.1:{ports['redis']}/0"},
            "limits": {"client": "99999/s", "writes": "99999/s"},
            "server": {"drain_time": 0, "trusted_proxies": ["127.0.0.1"]},
        }
        kind = Kind(SERVE, json.dumps({"app": settings}), on_postgresql=True)
        folder = self.folder / name
        folder.mkdir()
        url = self.postgres.url(self.database, ports["database"])
        return self.stack.enter_context(start(kind, folder, self.postgres, url))

    def start_gateway(self, *servers: Server) -> Gateway:
        """Start the gateway in front of services, without its limits."""
        gateway = Gateway(*(server.port for server in servers), limited=False).start()
        self.stack.callback(gateway.stop)
        return gateway

    def cpu(self) -> dict[str, float]:
        """Return the seconds of CPU time of each shared server so far."""
        pids = {"database": self.postgres.pid, "store": self.store.pid, "redis": self.redis.pid}
        return {name: cpu_of(pid or 0) for name, pid in pids.items()}


@contextmanager
def running_cluster() -> Iterator[Cluster]:
    """Run the three servers."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        postgres = stack.enter_context(running_postgres())
        store, redis = S3Server(), Redis()
        for each in (store, redis):
            stack.callback(each.destroy)
            each.start()
        yield Cluster(folder, postgres, store, redis, stack)


class Observer:
    """Reads what one service has cost so far: calls and bytes from proxies, CPU time from Linux."""

    def __init__(self, cluster: Cluster, server: Server) -> None:
        self._cluster = cluster
        self._server = server
        self._front = cluster.stack.enter_context(closing(CountingProxy(server.port, http_calls)))
        self.port = self._front.port
        """The port of the service for clients whose bytes are counted."""
        self._before = self._read()

    async def costs(self, requests: int) -> Costs:
        """Return what each of so many requests has cost since the last call of this."""
        await self._server.settled()
        before, self._before = self._before, self._read()
        return {
            what: {name: _rounded(number / requests) for name, number in (counter - before[what]).items()}
            for what, counter in self._before.items()
        }

    def _read(self) -> dict[str, Counter[str]]:
        proxies = {**self._cluster.proxies, "client": self._front}
        cpu = {**self._cluster.cpu(), "service": cpu_of(self._server.process)}
        return {
            "calls": Counter(
                {
                    f"{part} {name}": number
                    for part, proxy in self._cluster.proxies.items()
                    for name, number in proxy.calls.items()
                }
            ),
            "bytes": Counter({part: proxy.sent + proxy.received for part, proxy in proxies.items()}),
            "cpu_us": Counter({part: round(seconds * 1e6) for part, seconds in cpu.items()}),
        }


def _rounded(value: float) -> float:
    return float(f"{value:.3g}")
