"""The use case of photographs: decode an upload in its own process, and store it as an avatar."""

import asyncio
import contextlib
import os
from collections.abc import Iterator
from tempfile import TemporaryFile
from typing import Annotated, Any, BinaryIO
from uuid import uuid4

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from avatar_gen.avatar import MAX_SEED_LENGTH, PHOTO, Avatar, AvatarSpec, Seed
from avatar_gen.drawing.palette import parse_colour
from avatar_gen.errors import AvatarError, Overloaded, UploadsUnavailable
from avatar_gen.imaging.photo_decoder import Rectangle
from avatar_gen.imaging.photo_process import GRAVITIES, MIN_PHOTO_PX, PhotoDecoder, PhotoLimits, PhotoOptions
from avatar_gen.imaging.photographs import encode_stored
from avatar_gen.objects.avatar_object import write_photo
from avatar_gen.runtime.threads import DaemonThreads
from avatar_gen.services.avatars import Avatars
from avatar_gen.services.validation import OneOf, StrictModel, check_colour, invalid, whole_number
from avatar_gen.settings.schema import Uploads
from avatar_gen.telemetry.request_statistics import RequestStatistics

MAX_UPLOADS = 16
"""Uploads that a process receives and decodes at the same time. Each may take `uploads.max_bytes` of disk."""

_CLOSE_SECONDS = 1.0


def _parse_crop(text: str) -> Rectangle:
    """Read four whole numbers between commas."""
    try:
        numbers = [whole_number(each) for each in text.split(",", 4)]
    except PydanticCustomError:
        numbers = []
    if len(numbers) != 4 or min(numbers) < 0 or max(numbers) >= 2**31:
        raise invalid("must be x,y,width,height: four whole numbers of px")
    if min(numbers[2:]) < MIN_PHOTO_PX:
        raise invalid(f"must be at least {MIN_PHOTO_PX} px wide and high")
    return (numbers[0], numbers[1], numbers[2], numbers[3])


def _check_crop(text: str) -> str:
    _parse_crop(text)
    return text


class PhotoFields(StrictModel):
    """What clients say about a photograph. Every field may be absent or empty."""

    crop: Annotated[str, AfterValidator(_check_crop)] | None = Field(
        default=None,
        description="The region to show, as x,y,width,height in px of the upright picture.",
        examples=["100,50,800,800"],
    )
    gravity: Annotated[str, OneOf(GRAVITIES)] | None = Field(
        default=None,
        description="Which square to show of a picture or region that is not square. attention, the one that"
        " attracts the most attention, is the default without crop, and centre with crop.",
    )
    background: Annotated[str, AfterValidator(check_colour)] | None = Field(
        default=None,
        description="The CSS colour behind transparent pixels. By default white.",
        examples=["gold"],
    )
    name: Seed | None = Field(
        default=None,
        description=f"Any text of at most {MAX_SEED_LENGTH} code points, which lists show as the seed.",
        examples=["ada"],
    )

    @model_validator(mode="before")
    @classmethod
    def _without_empty_texts(cls, fields: Any) -> Any:  # noqa: ANN401 - pydantic refuses what is no object
        if isinstance(fields, dict):
            return {name: value for name, value in fields.items() if value != ""}
        return fields

    def options(self) -> PhotoOptions:
        """Return what the decoder needs."""
        crop = None if self.crop is None else _parse_crop(self.crop)
        return PhotoOptions(crop, self.gravity, parse_colour(self.background or "white"))


class Photos:
    """Photographs on their way to stored avatars. Methods also raise the errors of `Avatars`."""

    def __init__(self, avatars: Avatars, settings: Uploads, statistics: RequestStatistics) -> None:
        self.settings = settings
        self._avatars = avatars
        self._statistics = statistics
        self._decoder = open_decoder(settings)
        self._threads = DaemonThreads(settings.processes, "decoding photographs")
        self.limit = MAX_UPLOADS
        self.taken = 0
        """Uploads that are received or decoded."""
        self.refused = 0
        """Uploads that were refused so far, because of too many others."""

    @contextlib.contextmanager
    def place(self) -> Iterator[None]:
        """Take a place among the uploads of this process. Raises `Overloaded`."""
        if self.taken >= self.limit:
            self.refused += 1
            raise Overloaded("Too many photographs are being uploaded. Try again in a second.")
        self.taken += 1
        try:
            yield
        finally:
            self.taken -= 1

    async def create(self, file: BinaryIO, fields: PhotoFields) -> Avatar:
        """Store a photograph as an avatar. When this returns, its object and its row survive a crash.

        Raises `UnsupportedUpload`, `InvalidRequest` and `UploadsUnavailable`.
        """
        try:
            job = self._threads.submit(decode_photo, self._decoder, file, fields)
            jpeg = await asyncio.wrap_future(job)
        except AvatarError as error:
            self._statistics.photos["failed" if isinstance(error, UploadsUnavailable) else "refused"] += 1
            self._statistics.photos["killed"] = self._decoder.killed
            raise
        avatar = photo_spec(fields.name).as_avatar(str(uuid4()))
        await self._avatars.add_photo(avatar, write_photo(avatar, jpeg))
        self._statistics.photos["stored"] += 1
        return avatar

    async def decode(self, content: bytes) -> bytes:
        """Return the JPEG file to store of a photograph from elsewhere, which is decoded like an upload.

        Raises `UnsupportedUpload`, `InvalidRequest` and `UploadsUnavailable`.
        """
        return await asyncio.wrap_future(self._threads.submit(_decode_content, self._decoder, content))

    def close(self) -> None:
        """End the processes. Photographs that are being decoded fail."""
        self._decoder.close()
        self._threads.shutdown(timeout=_CLOSE_SECONDS)


def open_decoder(settings: Uploads) -> PhotoDecoder:
    """Return a decoder with the limits of the settings. Its processes start with the first photograph."""
    return PhotoDecoder(PhotoLimits(settings.max_pixels, settings.timeout))


def photo_spec(name: str | None) -> AvatarSpec:
    """Return the options of the avatar of a photograph."""
    return AvatarSpec(generator_type=PHOTO, seed=name)


def decode_photo(decoder: PhotoDecoder, file: BinaryIO, fields: PhotoFields) -> bytes:
    """Return the JPEG file to store of an uploaded file. It blocks."""
    descriptor = _descriptor_of(file)
    try:
        return encode_stored(decoder.decode(descriptor, fields.options()))
    finally:
        os.close(descriptor)


def _decode_content(decoder: PhotoDecoder, content: bytes) -> bytes:
    try:
        with TemporaryFile() as file:
            file.write(content)
            return decode_photo(decoder, file, PhotoFields())
    except OSError as error:
        raise UploadsUnavailable(NO_ROOM) from error


def _descriptor_of(file: BinaryIO) -> int:
    """Return a descriptor of a file, which may be in memory so far.

    It is a descriptor of its own: a request that is cancelled closes its file, whose number another file may
    then have.
    """
    try:
        # This writes a spooled file to disk.
        number = file.fileno()
        file.flush()
        return os.dup(number)
    except OSError as error:
        raise UploadsUnavailable(NO_ROOM) from error


NO_ROOM = "The temporary folder for uploads cannot be written. Try again later."
