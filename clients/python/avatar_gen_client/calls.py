"""The requests of the API and how their answers are read, for the sync and the async client alike."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypedDict, TypeVar
from urllib.parse import quote

import httpx

from avatar_gen_client.errors import ERRORS, AvatarError
from avatar_gen_client.models import Avatar, AvatarPage, Health, Job, PickerLink, Problem, StyleInfo
from avatar_gen_client.names import ColorScheme, Palette, Style
from avatar_gen_client.urls import (
    PictureOptions,
    StoredOptions,
    avatar_url,
    camel,
    email_hash,
    stored_avatar_url,
)

T = TypeVar("T")

Json = Mapping[str, Any]

_HASH = re.compile("[0-9a-fA-F]{32}|[0-9a-fA-F]{64}")


@dataclass(frozen=True)
class Call(Generic[T]):
    """One request, and the function that reads its answer."""

    method: str
    path: str
    read: Callable[[httpx.Response], T]
    body: Mapping[str, Any] = field(default_factory=dict)
    """Arguments of `httpx.Client.request`: `json`, `content` or `params`."""

    def result(self, response: httpx.Response) -> T:
        """Return what the answer says. Raises `AvatarError`."""
        if not response.is_success:
            raise error_of(response)
        try:
            return self.read(response)
        except (ValueError, KeyError, TypeError) as error:
            message = "The answer is not one of an avatar service."
            raise AvatarError(message, status=response.status_code) from error


class AvatarFields(TypedDict, total=False):
    """The fields of a new avatar."""

    type: Style | str
    """The style. By default `pixelize`."""
    seed: str
    """Without a seed the picture is random."""
    primary_color: str
    foreign_color: str
    color_scheme: ColorScheme
    palette: Palette | str
    angle: float
    options: Mapping[str, Any]
    """The options of one of DiceBear's styles."""


class PhotoFields(TypedDict, total=False):
    """How a photograph is cut and shown."""

    crop: str
    """The region `x,y,width,height`, in px."""
    gravity: Literal["attention", "centre"]
    background: str
    name: str


class PickerFields(TypedDict, total=False):
    """What a picker link allows."""

    expires_in: int
    """Seconds."""
    seed: str
    styles: Sequence[Style]
    photos: bool
    return_origin: str


def error_of(response: httpx.Response) -> AvatarError:
    """Return the error that an answer describes, also if a proxy wrote it."""
    try:
        body = response.json()
    except ValueError:
        body = {}
    body = body if isinstance(body, dict) else {}
    message = str(body.get("message") or f"The service answered {response.status_code}.")
    after = response.headers.get("Retry-After", "")
    return ERRORS.get(response.status_code, AvatarError)(
        message,
        status=response.status_code,
        problems=tuple(Problem.of(each) for each in body.get("details") or ()),
        retry_after=int(after) if after.isdecimal() else None,
    )


def generate(fields: AvatarFields) -> Call[Avatar]:
    return Call("POST", "/api/generate", _avatar, {"json": _spelled(fields)})


def upload(photograph: bytes, fields: PhotoFields) -> Call[Avatar]:
    return Call("PUT", "/api/upload", _avatar, {"content": photograph, "params": _spelled(fields)})


def avatars(*, pick: int, after: str | None, newest_first: bool) -> Call[AvatarPage]:
    order = "newest" if newest_first else "oldest"
    parameters = {"pick": pick, "order": order, **({"after": after} if after else {})}
    return Call("GET", "/api/list", _page, {"params": parameters})


def picture(avatar_id: str, options: StoredOptions) -> Call[bytes]:
    return Call("GET", stored_avatar_url(avatar_id, **options), _content)


def render(seed: str, options: PictureOptions) -> Call[bytes]:
    return Call("GET", avatar_url(seed, **options), _content)


def delete(avatar_id: str) -> Call[None]:
    return Call("DELETE", f"/api/{quote(avatar_id, safe='')}", _nothing)


def link(email: str, avatar_id: str) -> Call[None]:
    return Call("PUT", _identity_path(email), _nothing, {"json": {"avatarId": avatar_id}})


def linked_avatar(email: str) -> Call[str]:
    return Call("GET", _identity_path(email), lambda response: str(_data(response)["avatarId"]))


def unlink(email: str) -> Call[None]:
    return Call("DELETE", _identity_path(email), _nothing)


def create_picker_link(email: str, fields: PickerFields) -> Call[PickerLink]:
    body = {"identity": _identity(email), **_spelled(fields)}
    return Call("POST", "/api/picker-links", lambda response: PickerLink.of(_data(response)), {"json": body})


def styles() -> Call[list[StyleInfo]]:
    return Call("GET", "/api/styles", lambda response: [StyleInfo.of(each) for each in _data(response)])


def health() -> Call[Health]:
    return Call("GET", "/api/health", lambda response: Health.of(_data(response)))


def start_job(rows: Sequence[Json], style: str | None) -> Call[Job]:
    parameters = {"type": style} if style else {}
    return Call("POST", "/api/jobs", _job, {"json": list(rows), "params": parameters})


def job(job_id: str) -> Call[Job]:
    return Call("GET", _job_path(job_id), _job)


def job_result(job_id: str) -> Call[list[Json]]:
    path = f"{_job_path(job_id)}/result"
    return Call("GET", path, lambda response: list(response.json()), {"params": {"format": "json"}})


def cancel_job(job_id: str) -> Call[None]:
    return Call("DELETE", _job_path(job_id), _nothing)


def _data(response: httpx.Response) -> Any:  # noqa: ANN401 - JSON
    return response.json()["data"]


def _avatar(response: httpx.Response) -> Avatar:
    return Avatar.of(_data(response))


def _job(response: httpx.Response) -> Job:
    return Job.of(_data(response))


def _page(response: httpx.Response) -> AvatarPage:
    data = _data(response)
    found = [Avatar.of(each) for each in data["avatars"]]
    return AvatarPage(found, data["pagination"]["total"], data["pagination"]["next"])


def _content(response: httpx.Response) -> bytes:
    return response.content


def _nothing(_response: httpx.Response) -> None:
    return None


def _spelled(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {camel(name): value for name, value in fields.items() if value is not None}


def _identity(email: str) -> str:
    return email if _HASH.fullmatch(email) else email_hash(email)


def _identity_path(email: str) -> str:
    return f"/api/identities/{_identity(email)}"


def _job_path(job_id: str) -> str:
    return f"/api/jobs/{quote(job_id, safe='')}"
