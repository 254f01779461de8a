"""Files of the package that browsers fetch, with their ETags, compressed if that makes them smaller."""

import gzip
from hashlib import sha256
from typing import NamedTuple

from starlette.types import Scope

from avatar_gen.api.compression import ETAG_SUFFIX, accepts_gzip, is_text
from avatar_gen.api.pictures import Headers, Picture, answer

FILE_TYPES = {
    "css": "text/css; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "png": "image/png",
    "woff2": "font/woff2",
}


class File(NamedTuple):
    """A file, ready to be sent."""

    media_type: str
    content: bytes
    packed: bytes | None
    """Compressed by gzip; None if the file is no text."""
    etag: str


def ending_of(name: str) -> str:
    """Return what follows the last dot of a name."""
    return name.rpartition(".")[2]


def make_file(name: str, content: bytes) -> File:
    """Compress a file. Its name says its type."""
    media_type = FILE_TYPES[ending_of(name)]
    packed = gzip.compress(content, mtime=0) if is_text(media_type) else None
    return File(media_type, content, packed, sha256(content).hexdigest()[:24])


async def send_file(scope: Scope, file: File, caching: bytes, headers: Headers) -> Picture:
    """Return the answer with a file, or 304 if the client has it."""
    headers = [(b"cache-control", caching), *headers]
    content, etag = file.content, f'"{file.etag}"'
    if file.packed is not None:
        headers.append((b"vary", b"Accept-Encoding"))
        if accepts_gzip(scope):
            content, etag = file.packed, f'"{file.etag}{ETAG_SUFFIX}"'

    async def make() -> bytes:
        return content

    return await answer(scope, etag.encode(), headers, file.media_type, make)
