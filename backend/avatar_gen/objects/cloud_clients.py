"""Clients of object stores, from the settings."""

import time
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from obstore.exceptions import BaseError
from obstore.store import AzureStore, GCSStore, S3Store
from obstore.store import ObjectStore as Client

from avatar_gen.errors import AvatarError, SettingsError, StartupError
from avatar_gen.objects import TIMEOUT_SECONDS
from avatar_gen.objects.bucket import Bucket
from avatar_gen.objects.cloud import CloudStore
from avatar_gen.objects.cloud_identities import CloudIdentityStore
from avatar_gen.settings.storage import AzureStorage, GcsStorage, S3Storage, Storage

if TYPE_CHECKING:
    from obstore.store import AzureConfig, GCSConfig, S3Config

BULK_TIMEOUT_SECONDS = 30.0
"""The longest that a command waits for one answer."""

_CONNECT_SECONDS = 1.0
_MAX_RETRIES = 3


def open_cloud_store(settings: Storage, *, make: bool, bulk: bool) -> CloudStore:
    """Return the store of objects, after it has answered. If `make`, check that it can be written.

    Raises `StartupError`.
    """
    store = CloudStore(open_bucket(settings, bulk=bulk), settings.type)
    attempts, delay = settings.connection.max_retries, settings.connection.retry_delay / 1000
    for left in reversed(range(attempts)):
        try:
            store.prepare() if make else store.check_read()
        except AvatarError as error:
            if not left:
                raise StartupError(f"{settings.where}: {_remedy(error)}") from error
            time.sleep(delay)
        else:
            break
    return store


def open_cloud_identities(settings: Storage, *, bulk: bool) -> CloudIdentityStore:
    """Return the store of identity links. Raises `SettingsError`."""
    return CloudIdentityStore(open_bucket(settings, bulk=bulk))


def _remedy(error: AvatarError) -> str:
    """Return why an object store cannot be used, and what to check."""
    reason = str(error.__cause__)
    if "InvalidAccessKeyId" in reason or "SignatureDoesNotMatch" in reason or "privileges" in reason:
        return f"access is denied; check the keys and their permissions ({reason})"
    if "NoSuchBucket" in reason or "ContainerNotFound" in reason:
        return "the bucket does not exist; make it, or correct its name"
    return f"the object store cannot be reached; check its endpoint ({reason})"


def open_bucket(settings: Storage, *, bulk: bool) -> Bucket:
    """Return the bucket that the settings name.

    With `bulk`, calls may take longer than a request of the service. Raises `SettingsError`.
    """
    return Bucket(_open_client(settings, bulk=bulk))


def _open_client(settings: Storage, *, bulk: bool) -> Client:
    common = _options(BULK_TIMEOUT_SECONDS if bulk else TIMEOUT_SECONDS)
    try:
        match settings.type:
            case "s3":
                return _s3(settings.s3, common)
            case "gcs":
                return _gcs(settings.gcs, common)
            case _:
                return _azure(settings.azure, common)
    except (BaseError, ValueError) as error:
        reason = str(error).partition("\n")[0]
        raise SettingsError(f"app.storage.{settings.type}: {reason}") from None


def _options(timeout: float) -> dict[str, Any]:
    """Return the timeouts and retries, which together end soon after `timeout` seconds."""
    backoff = {
        # obstore waits a random time between the attempts, so that clients do not try again together.
        "init_backoff": timedelta(milliseconds=50),
        "max_backoff": timedelta(seconds=timeout / 4),
        "base": 2,
    }
    return {
        "client_options": {
            "timeout": timedelta(seconds=timeout),
            "connect_timeout": timedelta(seconds=_CONNECT_SECONDS),
            "user_agent": "avatar-gen",
        },
        "retry_config": {
            "max_retries": _MAX_RETRIES,
            "retry_timeout": timedelta(seconds=timeout / 2),
            "backoff": backoff,
        },
    }


def _s3(settings: S3Storage, common: Mapping[str, Any]) -> Client:
    endpoint, path_style = settings.endpoint, settings.force_path_style
    if path_style is None:
        path_style = endpoint is not None
    config: S3Config = {"virtual_hosted_style_request": not path_style}
    if endpoint is not None:
        config["endpoint"] = endpoint if path_style else _with_bucket(endpoint, settings.bucket)
    if settings.region is not None:
        config["region"] = settings.region
    if settings.access_key is not None:
        config["access_key_id"] = settings.access_key.get_secret_value()
    if (secret := settings.secret()) is not None:
        config["secret_access_key"] = secret
    return S3Store(
        settings.bucket, prefix=settings.prefix or None, config=config, **_allow_http(common, endpoint)
    )


def _gcs(settings: GcsStorage, common: Mapping[str, Any]) -> Client:
    config: GCSConfig = {}
    if settings.service_account_file is not None:
        config["service_account"] = str(settings.service_account_file)
    return GCSStore(settings.bucket, prefix=settings.prefix or None, config=config, **common)


def _azure(settings: AzureStorage, common: Mapping[str, Any]) -> Client:
    config: AzureConfig = {"account_name": settings.account}
    if settings.endpoint is not None:
        config["endpoint"] = settings.endpoint
    if (secret := settings.secret()) is not None:
        config["account_key"] = secret
    return AzureStore(
        settings.container,
        prefix=settings.prefix or None,
        config=config,
        **_allow_http(common, settings.endpoint),
    )


def _with_bucket(endpoint: str, bucket: str) -> str:
    """Return the endpoint of a bucket that is a part of the host name, as in `https://bucket.s3.example`."""
    parts = urlsplit(endpoint)
    return parts._replace(netloc=f"{bucket}.{parts.netloc}").geturl()


def _allow_http(common: Mapping[str, Any], endpoint: str | None) -> dict[str, Any]:
    """Allow plain HTTP where the operator has written it."""
    options = {**common["client_options"], "allow_http": (endpoint or "").startswith("http://")}
    return {**common, "client_options": options}
