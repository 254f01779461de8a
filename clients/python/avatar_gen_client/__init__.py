"""URLs of avatars, which need no request, and the API of the service, sync and async."""

from avatar_gen_client.aio import AsyncAvatarClient
from avatar_gen_client.client import AvatarClient
from avatar_gen_client.errors import (
    AvatarError,
    Conflict,
    InvalidRequest,
    NotAllowed,
    NotAuthenticated,
    NotFound,
    ServiceUnavailable,
    StorageFull,
    TooLarge,
    TooManyRequests,
    Unreachable,
    UnsupportedMedia,
)
from avatar_gen_client.models import Avatar, AvatarPage, Health, Job, PickerLink, Problem, StyleInfo
from avatar_gen_client.urls import avatar_url, gravatar_url, stored_avatar_url

__version__ = "1.0.0"
"""The version of the service that this client is made for."""

__all__ = [
    "AsyncAvatarClient",
    "Avatar",
    "AvatarClient",
    "AvatarError",
    "AvatarPage",
    "Conflict",
    "Health",
    "InvalidRequest",
    "Job",
    "NotAllowed",
    "NotAuthenticated",
    "NotFound",
    "PickerLink",
    "Problem",
    "ServiceUnavailable",
    "StorageFull",
    "StyleInfo",
    "TooLarge",
    "TooManyRequests",
    "Unreachable",
    "UnsupportedMedia",
    "avatar_url",
    "gravatar_url",
    "stored_avatar_url",
]
