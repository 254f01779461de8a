"""The settings of the storage."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, SecretStr, ValidationError, model_validator

from avatar_gen.errors import SettingsError
from avatar_gen.settings.section import Section, secret_of
from avatar_gen.settings.values import FilePath, matching


class LocalStorage(Section):
    """Objects in a folder."""

    save_path: FilePath = Path("storage/avatars")


def _none_if_empty(value: object) -> object:
    return None if value == "" else value


OptionalText = Annotated[str | None, BeforeValidator(_none_if_empty)]
OptionalSecret = Annotated[SecretStr | None, BeforeValidator(_none_if_empty)]
Endpoint = Annotated[
    str, matching(r"https?://[^/\s@]+(/[^\s?#]*)?", "a URL such as https://s3.example.org, without a user")
]
OptionalEndpoint = Annotated[Endpoint | None, BeforeValidator(_none_if_empty)]
Prefix = Annotated[
    str,
    matching(
        r"([A-Za-z0-9!_.*'()=-]+(/[A-Za-z0-9!_.*'()=-]+)*)?",
        "a path of letters, digits and !_.*'()=-, such as production/avatars",
    ),
]
Bucket = Annotated[
    str, matching(r"([A-Za-z0-9][A-Za-z0-9._-]*)?", "a name of letters, digits, dots, dashes and underscores")
]
"""Each vendor has stricter rules. With other characters, the library of object stores ends by a panic."""


class StorageConnection(Section):
    """How long the start waits for the object store."""

    max_retries: Annotated[int, Field(alias="maxRetries", ge=1, le=100)] = 3
    retry_delay: Annotated[int, Field(alias="retryDelay", ge=0, le=60_000)] = 2000
    """Milliseconds."""


class S3Storage(Section):
    """Objects in Amazon S3, or in a store with the same API."""

    endpoint: OptionalEndpoint = None
    """None: Amazon's endpoint for the region."""
    bucket: Bucket = ""
    prefix: Prefix = ""
    """The part of the bucket that is used."""
    region: OptionalText = None
    """None: the value of AWS_REGION, else us-east-1."""
    access_key: OptionalSecret = None
    """None: the cloud's own credentials."""
    secret_key: OptionalSecret = None
    secret_key_file: FilePath | None = None
    """A file, such as a container's secret, whose content is the secret key."""
    force_path_style: bool | None = None
    """Whether URLs have the bucket in the path, not in the host name. None: yes if there is an endpoint."""
    connection: StorageConnection = StorageConnection()

    def secret(self) -> str | None:
        """Return the secret key. Raises `SettingsError`."""
        return secret_of(self.secret_key, self.secret_key_file, "the secret key")


class GcsStorage(Section):
    """Objects in Google Cloud Storage."""

    bucket: Bucket = ""
    prefix: Prefix = ""
    service_account_file: FilePath | None = None
    """None: the cloud's own credentials."""
    connection: StorageConnection = StorageConnection()


class AzureStorage(Section):
    """Objects in Azure Blob Storage."""

    account: Bucket = ""
    container: Bucket = ""
    prefix: Prefix = ""
    endpoint: OptionalEndpoint = None
    access_key: OptionalSecret = None
    """None: the cloud's own credentials."""
    access_key_file: FilePath | None = None
    connection: StorageConnection = StorageConnection()

    def secret(self) -> str | None:
        """Return the access key. Raises `SettingsError`."""
        return secret_of(self.access_key, self.access_key_file, "the access key")


_SCHEMES = {"s3": "s3", "gs": "gcs", "az": "azure"}
"""The names in URLs, and the sections of the settings."""


class Storage(Section):
    """Where pictures are stored."""

    type: Literal["local", "s3", "gcs", "azure"] = "local"
    local: LocalStorage = LocalStorage()
    s3: S3Storage = S3Storage()
    gcs: GcsStorage = GcsStorage()
    azure: AzureStorage = AzureStorage()

    @model_validator(mode="before")
    @classmethod
    def _without_empty_sections(cls, values: object) -> object:
        """Let a section be empty, as `s3:` is in files of the old service."""
        if not isinstance(values, dict):
            return values
        return {name: value for name, value in values.items() if value is not None}

    @model_validator(mode="after")
    def _has_names(self) -> Self:
        required = {
            "local": {},
            "s3": {"s3.bucket": self.s3.bucket},
            "gcs": {"gcs.bucket": self.gcs.bucket},
            "azure": {"azure.account": self.azure.account, "azure.container": self.azure.container},
        }
        for key, value in required[self.type].items():
            if not value:
                raise ValueError(f"storage.{key}, since storage.type is {self.type}")
        return self

    def at(self, place: str) -> Self:
        """Return the settings of another place: a folder, or a URL such as `s3://bucket/prefix`.

        An object store is reached as these settings say: with their endpoint and keys.
        """
        if not place:
            raise SettingsError(
                "An empty text is not a storage: expected a folder, or a URL such as s3://bucket"
            )
        scheme, separator, rest = place.partition("://")
        if not separator:
            return self.model_copy(update={"type": "local", "local": LocalStorage(save_path=Path(place))})
        bucket, _, prefix = rest.partition("/")
        if scheme not in _SCHEMES or not bucket:
            raise SettingsError(f"{place}: expected a folder, or s3://, gs:// or az:// with a bucket")
        kind = _SCHEMES[scheme]
        name = "container" if kind == "azure" else "bucket"
        section = getattr(self, kind).model_copy(update={name: bucket, "prefix": prefix.strip("/")})
        try:
            type(section).model_validate({name: bucket, "prefix": section.prefix})
        except ValidationError as error:
            reason = error.errors()[0]["msg"].removeprefix("Value error, ")
            raise SettingsError(f"{place}: expected {reason}") from None
        return self.model_copy(update={"type": kind, kind: section})

    @property
    def connection(self) -> StorageConnection:
        """How long the start waits for the object store."""
        sections: dict[str, S3Storage | GcsStorage | AzureStorage] = {
            "s3": self.s3,
            "gcs": self.gcs,
            "azure": self.azure,
        }
        return sections[self.type].connection

    @property
    def where(self) -> str:
        """The folder, or a URL such as `s3://bucket/prefix`."""
        places = {
            "local": str(self.local.save_path),
            "s3": f"s3://{self.s3.bucket}/{self.s3.prefix}",
            "gcs": f"gs://{self.gcs.bucket}/{self.gcs.prefix}",
            "azure": f"az://{self.azure.container}/{self.azure.prefix}",
        }
        return places[self.type].rstrip("/")
