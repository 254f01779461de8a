"""`/api/upload`: photographs, as a form or as the bytes of a file."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from tempfile import SpooledTemporaryFile
from typing import Annotated, Any, BinaryIO, cast

from fastapi import APIRouter, Query
from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

from avatar_gen.api.access import needs
from avatar_gen.api.error_responses import fails
from avatar_gen.api.openapi import LINKS_TO_AVATAR
from avatar_gen.api.operation_ids import operation_id
from avatar_gen.api.responses import Answer, AvatarData
from avatar_gen.api.strict_routes import StrictRoute
from avatar_gen.avatar import Avatar
from avatar_gen.errors import BodyTooLarge, InvalidRequest, UnsupportedUpload, UploadsUnavailable
from avatar_gen.runtime.transport import RECEIVE_TIMEOUT
from avatar_gen.services.photos import NO_ROOM, PhotoFields, Photos
from avatar_gen.services.validation import read_fields, refuse

router = APIRouter(
    prefix="/api", tags=["avatars"], route_class=StrictRoute, generate_unique_id_function=operation_id
)

_IN_MEMORY = 256 * 1024
"""Bytes of an upload that are collected in memory before they are written to disk."""

_AROUND_FILE = 16 * 1024
"""Bytes of a form beside its file."""

_MAX_FIELD_BYTES = 4096

_ANSWERS = {201: {"links": LINKS_TO_AVATAR}, **fails(400, 413, 415, 503, 507)}

_BINARY = {"type": "string", "format": "binary"}


def _form_schema() -> dict[str, Any]:
    schema = PhotoFields.model_json_schema(mode="validation")
    fields = {
        name: {
            **field.pop("anyOf", [{}])[0],
            **{key: field[key] for key in ("description", "examples") if key in field},
        }
        for name, field in schema["properties"].items()
    }
    file = {**_BINARY, "description": "A JPEG, PNG, WebP, AVIF or GIF file."}
    return {"type": "object", "properties": {"file": file, **fields}, "required": ["file"]}


FORM = {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": _form_schema()}}}}
_FILE = {"requestBody": {"required": True, "content": {"application/octet-stream": {"schema": _BINARY}}}}


@router.post("/upload", status_code=201, responses=_ANSWERS, openapi_extra=FORM)
@needs("write")
async def upload_photograph(request: Request) -> Answer[AvatarData]:
    """Store a photograph, the field `file` of a form."""
    photos = _photos(request)
    with photos.place():
        async with receive_form(request, photos.settings.max_bytes) as (file, fields):
            return _stored(await photos.create(file, fields))


@router.put("/upload", status_code=201, responses=_ANSWERS, openapi_extra=_FILE)
@needs("write")
async def upload_file(request: Request, query: Annotated[PhotoFields, Query()]) -> Answer[AvatarData]:
    """Store a photograph, the bytes of the body, such as `curl -T` sends."""
    photos = _photos(request)
    with photos.place():
        async with _file(request, photos.settings.max_bytes) as file:
            return _stored(await photos.create(file, query))


@asynccontextmanager
async def receive_form(request: Request, max_bytes: int) -> AsyncIterator[tuple[BinaryIO, PhotoFields]]:
    """Receive a form. The value of the context is its file and its other fields.

    The fields are UTF-8, as in HTML's forms.

    Raises `UnsupportedUpload`, `InvalidRequest`, `BodyTooLarge` and `UploadsUnavailable`.
    """
    content_type = request.headers.get("content-type", "")
    if content_type.partition(";")[0].strip().lower() != "multipart/form-data":
        raise UnsupportedUpload(
            "Send the photograph as multipart/form-data in the field file, or its bytes with PUT."
        )
    parser = _FormParser(
        # The last charset counts. The parser decodes by any codec of Python, and this one restores the bytes.
        Headers({"content-type": f"{content_type}; charset=latin-1"}),
        _receive(request, max_bytes, max_bytes + _AROUND_FILE),
        max_files=1,
        max_fields=len(PhotoFields.model_fields),
        max_part_size=_MAX_FIELD_BYTES,
    )
    parser.spool_max_size = _IN_MEMORY
    try:
        form = await parser.parse()
    except MultiPartException:
        refuse("body", _NOT_A_FORM)
    except OSError as error:
        raise UploadsUnavailable(NO_ROOM) from error
    try:
        if not parser.is_whole:
            refuse("body", _NOT_A_FORM)
        yield _split(form.multi_items(), max_bytes)
    finally:
        await form.close()


class _FormParser(MultiPartParser):
    """A parser that notices the end of a form, without which the last field is missing."""

    is_whole = False

    def on_end(self) -> None:
        """Note that the last boundary arrived."""
        self.is_whole = True


_NOT_A_FORM = f"must be a whole form with one file, and known fields of at most {_MAX_FIELD_BYTES} bytes"


def _decode_text(text: str) -> str:
    """Return the text that a form has as UTF-8. Raises `InvalidRequest`."""
    try:
        return text.encode("latin-1").decode()
    except UnicodeDecodeError:
        refuse("body", "has a field that is not UTF-8")


def _split(items: list[tuple[str, UploadFile | str]], max_bytes: int) -> tuple[BinaryIO, PhotoFields]:
    values = dict(items)
    if len(values) < len(items):
        refuse("body", "has a field more than once")
    file = values.pop("file", None)
    if not isinstance(file, UploadFile):
        refuse("file", "is required, and must be a file")
    if (file.size or 0) > max_bytes:
        raise _too_large(max_bytes)
    texts = {name: _decode_text(value) for name, value in values.items() if isinstance(value, str)}
    return file.file, read_fields(texts, PhotoFields)


@asynccontextmanager
async def _file(request: Request, max_bytes: int) -> AsyncIterator[BinaryIO]:
    """Receive the body as a file."""
    spooled = cast("BinaryIO", SpooledTemporaryFile(max_size=_IN_MEMORY))  # noqa: SIM115 - closed below
    file = UploadFile(spooled, size=0)
    try:
        try:
            async for piece in _receive(request, max_bytes, max_bytes):
                await file.write(piece)
        except OSError as error:
            raise UploadsUnavailable(NO_ROOM) from error
        yield spooled
    finally:
        await file.close()


async def _receive(request: Request, max_bytes: int, limit: int) -> AsyncGenerator[bytes, None]:
    """Yield the body. Raises `BodyTooLarge` as soon as the body is known to be too large."""
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared[:20]) > limit:
        raise _too_large(max_bytes)
    if extension := request.scope.get("extensions", {}).get(RECEIVE_TIMEOUT):
        extension["connection"].receive_timeout = _photos(request).settings.receive_timeout
    received = 0
    pieces: list[bytes] = []
    try:
        async for piece in request.stream():
            received += len(piece)
            if received > limit:
                raise _too_large(max_bytes)
            pieces.append(piece)
            # A few large writes to disk cost less than many small ones, each in another thread.
            if sum(map(len, pieces)) >= _IN_MEMORY:
                yield b"".join(pieces)
                pieces = []
    except ClientDisconnect:
        raise InvalidRequest("The body did not arrive.") from None
    yield b"".join(pieces)


def _too_large(max_bytes: int) -> BodyTooLarge:
    return BodyTooLarge(f"The photograph is larger than {max_bytes / 1e6:g} MB.")


def _stored(avatar: Avatar) -> Answer[AvatarData]:
    return Answer(statusCode=201, message="Photograph stored", data=AvatarData.of(avatar))


def _photos(request: Request) -> Photos:
    photos: Photos = request.app.state.photos
    return photos
