"""The settings of the server."""

# ruff: noqa: RUF012 - pydantic copies mutable defaults

from ipaddress import IPv4Network, IPv6Network
from typing import Annotated

from pydantic import Field, PlainValidator

from avatar_gen.settings.section import Section
from avatar_gen.settings.values import (
    FilePath,
    Port,
    parse_contact,
    parse_host_pattern,
    parse_mode,
    parse_network,
    parse_root_path,
)


class Server(Section):
    """Where the service listens, and its timeouts for clients."""

    host: str = "0.0.0.0"  # noqa: S104 - a container is reached from outside of it
    port: Port = 3000
    uds: FilePath | None = None
    """A Unix socket to listen on, instead of the port."""
    uds_mode: Annotated[str, PlainValidator(parse_mode)] = "660"
    """The permissions of that socket. A client must be allowed to write it."""
    root_path: Annotated[str, PlainValidator(parse_root_path)] = ""
    """The path below which a proxy serves the service. The proxy removes it from the URLs of requests."""
    workers: Annotated[int, Field(ge=1, le=64)] = 1
    """Processes that serve the port together."""
    receive_timeout: Annotated[float, Field(gt=0, le=300)] = 10
    """Seconds in which a whole request must arrive, and in which a client must go on reading an answer."""
    idle_timeout: Annotated[float, Field(gt=0, le=3600)] = 75
    """Seconds after which a connection that has had an answer is closed if no other request arrives. It
    must be longer than the idle timeout of a load balancer, usually 60 seconds, which must close first."""
    drain_time: Annotated[float, Field(ge=0, le=300)] = 1
    """Seconds after a signal to end in which the service still answers, but reports that it is not ready."""
    shutdown_timeout: Annotated[int, Field(ge=1, le=300)] = 7
    """Seconds after that time in which requests in flight must end."""
    allowed_hosts: list[Annotated[str, PlainValidator(parse_host_pattern)]] = []
    """Host names under which the service answers, beside IP addresses and names without a dot. If the
    list is empty, all names are allowed with API keys, and no other names without."""
    trusted_proxies: list[Annotated[IPv4Network | IPv6Network, PlainValidator(parse_network)]] = []
    """Proxies whose `X-Forwarded-For` and `X-Forwarded-Prefix` are trusted, beside all clients of a Unix
    socket."""
    security_contact: Annotated[str | None, PlainValidator(parse_contact)] = None
    """The URL, `mailto:` included, in `/.well-known/security.txt`. None: there is no such file."""
