"""Values of settings that are written as text: networks, rates, log levels, host names, origins."""

import re
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, PlainValidator, SecretStr

Port = Annotated[int, Field(ge=1, le=65535)]

ANY = "*"
"""Stands for all host names, or all origins."""

_LOG_LEVELS = {
    "warning": "warn",
    "err": "error",
    "critical": "fatal",
    "log": "info",
    "notice": "info",
    "information": "info",
    "verbose": "debug",
    "silly": "trace",
}
"""The names of other programs for these levels."""

_RATE = re.compile(r"([1-9][0-9]{0,5})/(s|min|hour)(?: burst ([1-9][0-9]{0,5}))?")

_REDIS_URL = re.compile(r"rediss?://[^\s/?#]+(?:/[0-9]{0,5})?(?:\?\S*)?|unix://\S+")

_HTTP_URL = re.compile(r"https?://[^\s/?#]+(?:/[^\s?#]*)?")

MIN_SIGNING_KEY_LENGTH = 32
"""Characters. 32 hexadecimal digits have 128 bits."""

_CONTACT = re.compile(r"(?:mailto:[!-~]+@[!-~]+|https://[!-~]+|tel:\+?[0-9-]+)")
"""A contact as in RFC 9116, with only visible ASCII characters."""

_HOST = re.compile(r"(?:\*\.)?[a-z0-9_-]+(?:\.[a-z0-9_-]+)*|\*")

_MODE = re.compile(r"0?[0-7]{3}")

_ROOT_PATH = re.compile(r"(?:/(?!\.\.?(?:/|$))[A-Za-z0-9._~-]{1,64}){1,8}/?|/?")
"""It has only characters that mean the same in a header, in JSON and in a URL."""

_ORIGIN = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]*)://"
    r"(?P<host>[a-z0-9_-]+(?:\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\])"
    r"(?::(?P<port>[0-9]{1,5}))?/?"
)
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Rate:
    """A number of requests in a period, and the number of them that may come at once."""

    requests: int
    period: Literal["s", "min", "hour"]
    burst: int

    def __str__(self) -> str:
        return f"{self.requests}/{self.period} burst {self.burst}"


def parse_path(value: object) -> Path:
    """Return a path, which is not empty. Raises `ValueError`."""
    if isinstance(value, Path):
        return value
    if not isinstance(value, str) or not value or "\0" in value:
        raise ValueError("a path such as storage/avatars or /run/secrets/key")
    return Path(value)


FilePath = Annotated[Path, PlainValidator(parse_path)]


def parse_rate(text: object) -> Rate | None:
    """Return a rate such as `100/s` or `100/s burst 200`; None for None. Raises `ValueError`."""
    if text is None:
        return None
    match = _RATE.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise ValueError('a rate such as "100/s", "100/s burst 200", "600/min" or "5000/hour"')
    requests, period, burst = match.groups()
    return Rate(int(requests), period, int(burst or requests))  # type: ignore[arg-type]


def parse_root_path(text: object) -> str:
    """Return a path without a slash at its end; the root is empty. Raises `ValueError`."""
    if not isinstance(text, str) or not _ROOT_PATH.fullmatch(text):
        raise ValueError("a path such as /avatars, of letters, digits and . _ ~ -")
    return text.rstrip("/")


def parse_mode(text: object) -> str:
    """Check the permissions of a file, written in octal digits. Raises `ValueError`."""
    if not isinstance(text, str) or not _MODE.fullmatch(text):
        raise ValueError('permissions in octal digits such as "660"')
    return text


def parse_network(text: object) -> IPv4Network | IPv6Network:
    """Return a network, which can be one address. Raises `ValueError`."""
    try:
        return ip_network(text if isinstance(text, str) else "")
    except ValueError:
        raise ValueError("an address or a network such as 10.0.0.0/8") from None


def parse_http_url(text: object) -> str | None:
    """Return a URL of http or https; None for None. Raises `ValueError`."""
    if text is None:
        return None
    if not isinstance(text, str) or not _HTTP_URL.fullmatch(text):
        raise ValueError("a URL such as http://collector.example:4318")
    return text


def check_redis_url(url: SecretStr) -> SecretStr:
    """Return the URL of a Redis server. Raises `ValueError`."""
    text = url.get_secret_value()
    try:
        is_valid = bool(_REDIS_URL.fullmatch(text)) and urlsplit(text).port != 0
    except ValueError:
        is_valid = False
    if not is_valid:
        raise ValueError("a URL such as redis://user:password@host:6379/0, rediss://host or unix:///path")
    return url


def check_signing_key(key: SecretStr) -> SecretStr:
    """Return a key that signs picker links. Raises `ValueError`."""
    if len(key) < MIN_SIGNING_KEY_LENGTH:
        raise ValueError(
            f"keys of at least {MIN_SIGNING_KEY_LENGTH} characters, such as `openssl rand -hex 32` prints"
        )
    return key


def parse_log_level(text: object) -> object:
    """Return this service's name of a log level, or what was given."""
    if not isinstance(text, str):
        return text
    return _LOG_LEVELS.get(text.lower(), text.lower())


def matching(pattern: str, description: str) -> AfterValidator:
    """Return a validator of texts that match the whole pattern; `description` says what is expected."""
    compiled = re.compile(pattern)

    def check(text: str) -> str:
        if not compiled.fullmatch(text):
            raise ValueError(description)
        return text

    return AfterValidator(check)


PaletteName = Annotated[
    str, matching("[a-z][a-z0-9-]{0,31}", "a name of lower-case letters, digits and dashes")
]
DefaultName = Annotated[str, matching("[a-z0-9-]{1,64}", "a default picture or a style, such as mp or smile")]
RedirectHost = Annotated[
    str, matching(r"[a-z0-9.-]+(:[0-9]{1,5})?", "a lower-case host name such as cdn.example.org")
]
UpstreamName = Annotated[
    str,
    matching(
        r"libravatar|gravatar|https?://(?:[a-z0-9.-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?(?:/[A-Za-z0-9._~/-]*)?",
        "libravatar, gravatar, or a URL such as https://avatars.example.org/avatar",
    ),
]
KeyName = Annotated[
    str, matching("[A-Za-z0-9._-]{0,32}", "at most 32 letters, digits, dots, dashes and underscores")
]


def parse_host_pattern(text: object) -> str:
    """Return a host name, or `*.` and a host name, in lower case. Raises `ValueError`."""
    name = text.lower().removesuffix(".") if isinstance(text, str) else ""
    if not _HOST.fullmatch(name):
        raise ValueError("a host name without a port, such as avatars.example.org or *.example.org, or *")
    return name


def parse_origin(text: object) -> str:
    """Return an origin as browsers write it, or `*`. Raises `ValueError`."""
    if text == ANY:
        return ANY
    match = _ORIGIN.fullmatch(text.lower()) if isinstance(text, str) else None
    if match is None or int(match["port"] or 1) not in range(1, 65536):
        raise ValueError("an origin such as https://example.org or http://localhost:5173, or *")
    scheme, host, port = match["scheme"], match["host"], match["port"]
    if host.startswith("["):
        host = f"[{_ipv6(host[1:-1])}]"
    if port is None or int(port) == _DEFAULT_PORTS.get(scheme):
        return f"{scheme}://{host}"
    return f"{scheme}://{host}:{int(port)}"


def parse_contact(text: object) -> str | None:
    """Return a URL to which reports are sent, or None for None. Raises `ValueError`."""
    if text is None or (isinstance(text, str) and _CONTACT.fullmatch(text)):
        return text
    raise ValueError("a URL such as mailto:security@example.org or https://example.org/security")


def parse_site(text: object) -> str:
    """Return an origin of the web as browsers write it. Raises `ValueError`."""
    match = _ORIGIN.fullmatch(text.lower()) if isinstance(text, str) else None
    if match is None or match["scheme"] not in _DEFAULT_PORTS:
        raise ValueError("an origin such as https://example.org or http://localhost:5173")
    return parse_origin(text)


def parse_optional_origin(text: object) -> str | None:
    """Return an origin of the web, or None for None. Raises `ValueError`."""
    return None if text is None else parse_site(text)


def _ipv6(text: str) -> IPv6Address:
    try:
        return IPv6Address(text)
    except ValueError:
        raise ValueError("an origin such as http://[::1]:3000") from None
