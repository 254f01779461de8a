"""All settings with their types and defaults. `loader` reads them."""

# ruff: noqa: RUF012 - pydantic copies mutable defaults

import re
from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator, SecretStr, field_validator
from pydantic.config import JsonDict

from avatar_gen.settings.pictures import Dicebear, ForeignUrls, Libravatar, Styles
from avatar_gen.settings.section import Section, secret_of
from avatar_gen.settings.server import Server
from avatar_gen.settings.storage import Storage
from avatar_gen.settings.values import (
    FilePath,
    KeyName,
    PaletteName,
    Port,
    Rate,
    check_redis_url,
    check_signing_key,
    parse_http_url,
    parse_log_level,
    parse_optional_origin,
    parse_origin,
    parse_rate,
    parse_site,
)

LogLevel = Annotated[
    Literal["trace", "debug", "info", "warn", "error", "fatal"], BeforeValidator(parse_log_level)
]
Permission = Literal["write", "list", "delete"]

_OLD: JsonDict = {"old": True}
"""Marks settings that only files of the old service have."""


class Connection(Section):
    """How long the start waits for the database."""

    max_retries: Annotated[int, Field(alias="maxRetries", ge=1, le=100)] = 15
    retry_delay: Annotated[int, Field(alias="retryDelay", ge=0, le=60_000)] = 2000
    """Milliseconds."""


class SqliteParams(Section):
    """SQLite's file."""

    url: str = "file:./storage/database/avatars.db"


class Network(Section):
    """The server of PostgreSQL."""

    host: str = "localhost"
    port: Port = 5432
    database: str = "avatar_gen"
    username: str = "postgres"
    password: SecretStr | None = None
    ssl: bool = False
    synchronize: bool | None = Field(default=None, json_schema_extra=_OLD)


class UrlParams(Section):
    """An older way to set the URL of the database."""

    url: SecretStr


class Database(Section):
    """Where records are stored."""

    url: SecretStr | None = None
    password_file: FilePath | None = None
    """A file, such as a container's secret, whose content is the password."""
    driver: Literal["sqlite", "postgresql"] = "sqlite"
    connection: Connection = Connection()
    sqlite_params: SqliteParams = SqliteParams()
    network: Network = Network()
    postgresql_params: UrlParams | None = Field(default=None, json_schema_extra=_OLD)
    synchronize: bool | None = Field(default=None, json_schema_extra=_OLD)

    def password(self) -> str | None:
        """Return the content of the password file without the line end. Raises `SettingsError`."""
        return secret_of(None, self.password_file, "the password")


class LogFile(Section):
    """A log file, in addition to standard output."""

    path: FilePath | None = None
    max_bytes: Annotated[int, Field(ge=4096)] = 10_000_000
    backups: Annotated[int, Field(ge=1, le=1000)] = 5


class Logging(Section):
    """The level and the form of logs."""

    level: LogLevel = "info"
    verbose: bool = False
    """Log at `debug`, whatever `level` says."""
    pretty: bool | None = None
    """Lines for people instead of JSON. null: if standard output is a terminal."""
    file: LogFile = LogFile()


class Imaging(Section):
    """How many pictures are rendered and encoded at the same time, and how many are cached."""

    threads: Annotated[int, Field(ge=0, le=256)] = 0
    """0: as many as the process may use processors."""
    queue: Annotated[int, Field(ge=0, le=100_000)] = 64
    """Pictures that may wait for a thread. Beyond that a request is answered with 503."""
    memory: Annotated[int, Field(ge=16, le=1_000_000)] = 192
    """Millions of bytes that the pictures in work may take together in each process."""
    cache: Annotated[int, Field(ge=0, le=100_000)] = 32
    """Megabytes of encoded pictures that each process caches."""


class Uploads(Section):
    """Photographs that clients upload."""

    max_bytes: Annotated[int, Field(ge=1, le=15_000_000)] = 10_000_000
    """Of a file. No request may have more than 16 MB."""
    max_pixels: Annotated[int, Field(ge=1, le=200_000_000)] = 50_000_000
    """Width times height. It also limits the memory of decoding, to 64 MB and eight bytes a pixel."""
    timeout: Annotated[float, Field(gt=0, le=300)] = 10
    """Seconds for decoding a photograph."""
    receive_timeout: Annotated[float, Field(gt=0, le=600)] = 60
    """Seconds for an upload to arrive, instead of `server.receive_timeout`."""
    processes: Annotated[int, Field(ge=1, le=64)] = 1
    """Photographs that each worker decodes at the same time."""


class Metrics(Section):
    """The endpoint for Prometheus, on a port of its own."""

    host: str = "127.0.0.1"
    port: Port | None = None
    """None: there is no such endpoint."""


class Traces(Section):
    """Traces of requests for OpenTelemetry. They need the packages of the extra `otel`."""

    endpoint: Annotated[str | None, PlainValidator(parse_http_url)] = None
    """The URL of a collector that takes OTLP over HTTP. None: there are no traces."""


OptionalRate = Annotated[Rate | None, PlainValidator(parse_rate)]


class Limits(Section):
    """Rate limits. null: no limit."""

    client: OptionalRate = None
    """Requests of one IPv4 address, or one /64 of IPv6."""
    writes: OptionalRate = None
    """Those of these requests that change something."""
    key: OptionalRate = None
    """Requests with one API key, instead of the two limits above."""

    @property
    def on(self) -> bool:
        """Whether requests are counted."""
        return bool(self.client or self.writes or self.key)


RedisUrl = Annotated[SecretStr, AfterValidator(check_redis_url)]


class Redis(Section):
    """A Redis or Valkey server that all processes and replicas share."""

    url: RedisUrl | None = None
    """Without it, each process counts rate limits and caches pictures alone."""
    cache: Annotated[int, Field(ge=0, le=100_000)] = 100
    """Megabytes of encoded pictures that Redis holds for all processes. 0: none."""


class Jobs(Section):
    """Lists of which each row becomes a stored avatar."""

    processes: Annotated[int, Field(ge=1, le=64)] = 1
    """Processes that draw the lists of jobs, beside each process that serves requests."""
    broker: RedisUrl | None = None
    """A Redis or Valkey server through which workers of Celery share the work. The service then does none."""


class ApiKey(Section):
    """An API key, of which only the hash is known."""

    name: KeyName = ""
    """The name in logs. If it is empty, logs have the first digits of the hash."""
    sha256: str
    may: list[Permission] = list(get_args(Permission))

    @field_validator("sha256")
    @classmethod
    def _is_a_hash(cls, value: str) -> str:
        if not re.fullmatch(r"[0-9a-f]{64}", value):
            raise ValueError("the SHA-256 of a key, 64 digits, as `avatar-gen keys new` prints it")
        return value

    @property
    def label(self) -> str:
        """The name of the key in logs."""
        return self.name or self.sha256[:8]

    def __str__(self) -> str:
        return self.label


def _key_from_hash(value: object) -> object:
    return {"sha256": value} if isinstance(value, str) else value


SigningKey = Annotated[SecretStr, AfterValidator(check_signing_key)]


def _split(value: object) -> object:
    return value.replace(",", " ").split() if isinstance(value, str) else value


class Auth(Section):
    """API keys for writing, listing and deleting. Without any key, every client may do all three."""

    api_keys: list[Annotated[ApiKey, BeforeValidator(_key_from_hash)]] = []
    api_keys_file: FilePath | None = None
    """A file with more keys, such as a container's secret: see `avatar_gen.security.api_keys`."""
    signing_key: Annotated[list[SigningKey], BeforeValidator(_split)] = []
    """Keys of picker links, not API keys. The first signs new links; links of the others stay valid."""
    signing_key_file: FilePath | None = None
    """A file with more signing keys, one on each line."""

    @property
    def on(self) -> bool:
        """Whether API keys are required."""
        return bool(self.api_keys or self.api_keys_file)


class IdentityLinks(Section):
    """Links from hashes of e-mail addresses to stored avatars."""

    delete_replaced: bool = True
    """Delete a photograph, or an avatar from the picker, as soon as no hash is linked to it any more."""


class Picker(Section):
    """The page `/pick`, on which a user chooses an avatar or uploads a photograph by a signed link."""

    url: Annotated[str | None, PlainValidator(parse_optional_origin)] = None
    """The origin of the links, at which browsers reach this service. None: that of the request for a link."""
    origins: list[Annotated[str, PlainValidator(parse_site)]] = []
    """The sites that may show the page in a frame, and that receive the user's choice."""


class Settings(Section):
    """Everything below `app:`."""

    server: Server = Server()
    storage: Storage = Storage()
    database: Database = Database()
    logging: Logging = Logging()
    imaging: Imaging = Imaging()
    uploads: Uploads = Uploads()
    metrics: Metrics = Metrics()
    traces: Traces = Traces()
    libravatar: Libravatar = Libravatar()
    identities: IdentityLinks = IdentityLinks()
    picker: Picker = Picker()
    dicebear: Dicebear = Dicebear()
    styles: Styles = Styles()
    palettes: dict[PaletteName, Annotated[list[str], Field(min_length=5, max_length=5)]] = {}
    """Palettes beside the built-in ones: a name, and five colours that pictures by URL take as `palette`."""
    ui_avatars_paths: bool = False
    """Whether `/api/{name}/{size}` is a picture, as at ui-avatars.com."""
    foreign_urls: list[ForeignUrls] = []
    """The services whose URLs are pictures here, in this service's own styles."""
    auth: Auth = Auth()
    limits: Limits = Limits()
    redis: Redis = Redis()
    jobs: Jobs = Jobs()
    cors: bool = False
    cors_enabled: Annotated[
        list[Annotated[str, PlainValidator(parse_origin)]], Field(alias="corsEnabled")
    ] = []
    """Origins whose pages may call the service. Empty, with `cors` on: all, without credentials."""

    def checked_hosts(self) -> tuple[str, ...] | None:
        """Return the names to which the `Host` header is limited, or None if every name is allowed."""
        names = self.server.allowed_hosts
        return None if "*" in names or (self.auth.on and not names) else tuple(names)
