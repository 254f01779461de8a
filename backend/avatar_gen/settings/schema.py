"""The settings: what there is, what it may be, and what it is by default; `configuration` reads them."""

import re
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    SecretStr,
    field_validator,
    model_validator,
)
from pydantic.config import JsonDict

from avatar_gen.errors import SettingsError
from avatar_gen.settings.values import (
    Rate,
    parse_host_pattern,
    parse_log_level,
    parse_network,
    parse_origin,
    parse_rate,
)

LogLevel = Annotated[
    Literal["trace", "debug", "info", "warn", "error", "fatal"], BeforeValidator(parse_log_level)
]
Port = Annotated[int, Field(ge=1, le=65535)]
Right = Literal["write", "list", "delete"]
PaletteName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,31}$")]

_OLD: JsonDict = {"old": True}
"""Marks what old files may hold and new ones need not."""


class Section(BaseModel):
    """A part of the settings; an unknown key in it is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Server(Section):
    """Where the service listens, and how long it waits for clients."""

    host: str = "0.0.0.0"  # noqa: S104 - a container is reached from outside of it
    port: Port = 3000
    workers: Annotated[int, Field(ge=1, le=64)] = 1
    """Processes that serve the address together."""
    receive_timeout: Annotated[float, Field(gt=0, le=300)] = 10
    """Seconds in which a whole request must arrive, and in which a client must go on reading an answer."""
    idle_timeout: Annotated[float, Field(gt=0, le=3600)] = 75
    """Seconds after which a connection that has had an answer is closed if no other request arrives. Load
    balancers keep such connections for 60 seconds, and must be the ones that close them."""
    drain_time: Annotated[float, Field(ge=0, le=300)] = 1
    """Seconds that the service goes on answering, but not being ready, once it is told to stop."""
    shutdown_timeout: Annotated[int, Field(ge=1, le=300)] = 7
    """Seconds that requests in flight are given to end once the service is told to stop."""
    allowed_hosts: list[Annotated[str, PlainValidator(parse_host_pattern)]] = []
    """Host names under which the service answers, beside IP addresses and names without a dot. Without names
    here, all are allowed if API keys are set, and no others if not."""
    trusted_proxies: list[Annotated[IPv4Network | IPv6Network, PlainValidator(parse_network)]] = []
    """Who tells the truth about the addresses of clients, by `X-Forwarded-For`."""


class LocalStorage(Section):
    """Objects in a folder."""

    save_path: Path = Field(default=Path("storage/avatars"), strict=False)


class Storage(Section):
    """Where pictures are kept."""

    type: Literal["local", "s3"] = "local"
    local: LocalStorage = LocalStorage()
    s3: dict[str, Any] | None = Field(default=None, json_schema_extra=_OLD)

    @model_validator(mode="after")
    def _is_there(self) -> Self:
        if self.type == "s3":
            raise ValueError('"local": storage in S3 is not there yet')
        return self


class Connection(Section):
    """How patiently the database is waited for at start."""

    max_retries: Annotated[int, Field(alias="maxRetries", ge=1, le=100)] = 15
    retry_delay: Annotated[int, Field(alias="retryDelay", ge=0, le=60_000)] = 2000
    """Milliseconds."""


class SqliteParams(Section):
    """SQLite's file."""

    url: str = "file:./storage/database/avatars.db"


class Network(Section):
    """PostgreSQL's address."""

    host: str = "localhost"
    port: Port = 5432
    database: str = "avatar_gen"
    username: str = "postgres"
    password: SecretStr | None = None
    ssl: bool = False


class UrlParams(Section):
    """An older way to give a database's address."""

    url: SecretStr


class Database(Section):
    """Where records are kept."""

    url: SecretStr | None = None
    password_file: Path | None = Field(default=None, strict=False)
    """A file, such as a container's secret, whose content is the password."""
    driver: Literal["sqlite", "postgresql"] = "sqlite"
    connection: Connection = Connection()
    sqlite_params: SqliteParams = SqliteParams()
    network: Network = Network()
    postgresql_params: UrlParams | None = Field(default=None, json_schema_extra=_OLD)
    synchronize: bool | None = Field(default=None, json_schema_extra=_OLD)

    def password(self) -> str | None:
        """What the password file holds, without the line's end. Raises `SettingsError`."""
        if self.password_file is None:
            return None
        try:
            return self.password_file.read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            raise SettingsError(f"{self.password_file}: the password cannot be read: {reason}") from None


class LogFile(Section):
    """A log file beside standard output, for machines that do not collect that."""

    path: Path | None = Field(default=None, strict=False)
    max_bytes: Annotated[int, Field(ge=4096)] = 10_000_000
    backups: Annotated[int, Field(ge=1, le=1000)] = 5


class Logging(Section):
    """What is logged, and how it looks."""

    level: LogLevel = "info"
    verbose: bool = False
    """Log at `debug`, whatever `level` says."""
    pretty: bool | None = None
    """Lines for people; null: where standard output is a terminal."""
    file: LogFile = LogFile()


class Imaging(Section):
    """How many pictures are rendered and encoded at once, and how many are remembered."""

    threads: Annotated[int, Field(ge=0, le=256)] = 0
    """0: as many as the process may use processors."""
    queue: Annotated[int, Field(ge=0, le=100_000)] = 64
    """Pictures that may wait for a thread; beyond that a request is answered 503."""
    memory: Annotated[int, Field(ge=16, le=1_000_000)] = 192
    """Millions of bytes that the pictures in work may take together in each process."""
    cache: Annotated[int, Field(ge=0, le=100_000)] = 32
    """Millions of bytes of encoded pictures that each process remembers."""


class Metrics(Section):
    """Where Prometheus asks how the service does: a port of its own, which nobody else need reach."""

    host: str = "127.0.0.1"
    port: Port | None = None
    """None: nowhere."""


class Libravatar(Section):
    """Pictures by the hash of an e-mail address."""

    redirect_hosts: list[Annotated[str, Field(pattern=r"^[a-z0-9.-]+(:[0-9]{1,5})?$")]] = []
    """Hosts, with their port if it is not the usual one, that a default picture may be redirected to."""


OptionalRate = Annotated[Rate | None, PlainValidator(parse_rate)]


class Limits(Section):
    """How many requests are answered; null: any number."""

    client: OptionalRate = None
    """Of one IPv4 address, or one /64 of IPv6."""
    writes: OptionalRate = None
    """Of these, such as change anything."""
    key: OptionalRate = None
    """With one API key, in the place of the two above."""

    @property
    def on(self) -> bool:
        """Whether requests are counted."""
        return bool(self.client or self.writes or self.key)


class ApiKey(Section):
    """A key that lets its bearer in, known by its hash alone."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{0,32}$")] = ""
    """For logs; where none is given, the first digits of the hash."""
    sha256: str
    may: list[Right] = list(get_args(Right))

    @field_validator("sha256")
    @classmethod
    def _is_a_hash(cls, value: str) -> str:
        if not re.fullmatch(r"[0-9a-f]{64}", value):
            raise ValueError("the SHA-256 of a key, 64 digits, as `avatar-gen keys new` prints it")
        return value

    @property
    def label(self) -> str:
        """What the key is called."""
        return self.name or self.sha256[:8]

    def __str__(self) -> str:
        return self.label


def _key_or_hash(value: object) -> object:
    return {"sha256": value} if isinstance(value, str) else value


class Auth(Section):
    """Who may write, list and delete; without any key, everybody may."""

    api_keys: list[Annotated[ApiKey, BeforeValidator(_key_or_hash)]] = []
    api_keys_file: Path | None = Field(default=None, strict=False)
    """A file, such as a container's secret, of more keys: see `avatar_gen.security.api_keys`."""

    @property
    def on(self) -> bool:
        """Whether keys are asked for."""
        return bool(self.api_keys or self.api_keys_file)


class Dicebear(Section):
    """Which of DiceBear's styles are served."""

    licenses: list[Literal["CC0 1.0", "MIT", "CC BY 4.0", "Free for personal and commercial use"]] = [
        "CC0 1.0",
        "MIT",
    ]
    """Of their artwork; who serves another one has to keep to its terms."""


class Settings(Section):
    """Everything below `app:`."""

    server: Server = Server()
    storage: Storage = Storage()
    database: Database = Database()
    logging: Logging = Logging()
    imaging: Imaging = Imaging()
    metrics: Metrics = Metrics()
    libravatar: Libravatar = Libravatar()
    dicebear: Dicebear = Dicebear()
    palettes: dict[PaletteName, Annotated[list[str], Field(min_length=5, max_length=5)]] = {}
    """Palettes beside the built-in ones: a name, and five colours that pictures by URL take as `palette`."""
    auth: Auth = Auth()
    limits: Limits = Limits()
    cors: bool = False
    cors_enabled: Annotated[
        list[Annotated[str, PlainValidator(parse_origin)]], Field(alias="corsEnabled")
    ] = []
    """Origins that may call from a page; none of them, with `cors` on: any, without credentials."""

    def checked_hosts(self) -> tuple[str, ...] | None:
        """Return the names to which the `Host` header is limited, or None if every name is allowed."""
        names = self.server.allowed_hosts
        return None if "*" in names or (self.auth.on and not names) else tuple(names)
