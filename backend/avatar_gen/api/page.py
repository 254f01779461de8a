"""The pages at `/` and `/pick`. Their files are in `avatar_gen/page`, read and compressed at the start.

All other files are below `/page/`, in URLs with a digest of all files. So browsers revalidate only the HTML
file of a page, and never mix the files of two releases.
"""

import gzip
import re
from collections.abc import Sequence
from hashlib import sha256
from importlib.resources import files
from typing import NamedTuple

from starlette.types import Scope

from avatar_gen.api.pictures import IMMUTABLE, Headers, Picture, PictureRoute, answer
from avatar_gen.api.root_path import way_to_root
from avatar_gen.drawing.filters import FILTERS
from avatar_gen.imaging import DRAWN_TYPES

FILE_TYPES = {
    "css": "text/css; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "woff2": "font/woff2",
}

_CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; font-src 'self';"
    " connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors {sites};"
    " require-trusted-types-for 'script'; trusted-types default"
)
"""No inline script and no other origin.

A photograph has a URL `blob:` until it is sent. The only policy of Trusted Types is in `photo.js` and allows
only the elements of Cropper.js. Before it is loaded, no text becomes HTML.
"""

_FIRST_FILES = {"/": "index.html", "/pick": "pick.html"}
"""The pages by their paths."""

_ROOTS = ("", "../")
"""The relative URLs of the service's root in the pages: without, and with a slash behind their path."""

_LINK = re.compile(rb'((?:href|src)=")(?=[a-z])')

_CHOICES = {
    b"{filter}": tuple(FILTERS),
    # Of drawings SVG is the best choice, so it comes first.
    b"{format}": tuple(sorted(DRAWN_TYPES, key=lambda name: name != "svg")),
}
"""The names of each registry, by the field that stands for one of them in a line of the page.

A field in capitals stands for the name in capitals.
"""

_PATH = re.compile(r"/page/(?:([0-9a-f]{12})/)?([a-z0-9.]+)")


class File(NamedTuple):
    """A file of the page, ready to be sent."""

    media_type: str
    content: bytes
    packed: bytes | None
    """Compressed by gzip; None if that does not make it smaller."""
    etag: str


def content_policy(sites: Sequence[str] = ()) -> str:
    """Return the `Content-Security-Policy` of a page that these sites may show in a frame."""
    return _CONTENT_POLICY.format(sites=" ".join(sites) or "'none'")


def read_page(sites: Sequence[str] = ()) -> PictureRoute:
    """Return the route of the pages and of all their files. The sites may show `/pick` in a frame."""
    found = [each for each in (files("avatar_gen") / "page").iterdir() if _ending(each.name) in FILE_TYPES]
    contents = {each.name: each.read_bytes() for each in sorted(found, key=lambda each: each.name)}
    digest = sha256(b"".join(contents.values())).hexdigest()[:12]
    first = {
        (path, root): _first_file(name, contents[name], digest, root)
        for path, name in _FIRST_FILES.items()
        for root in _ROOTS
    }
    page = {
        name: _file(name, content) for name, content in contents.items() if name not in _FIRST_FILES.values()
    }
    headers = {path: _first_headers(sites if path == "/pick" else ()) for path in _FIRST_FILES}

    def matches(scope: Scope) -> bool:
        path = scope["path"]
        if path in _FIRST_FILES:
            return True
        match = _PATH.fullmatch(path) if path.startswith("/page/") else None
        return match is not None and match[2] in page

    async def get(scope: Scope) -> Picture:
        if (path := scope["path"]) in _FIRST_FILES:
            scope["framed"] = bool(sites) and path == "/pick"
            return await _send(scope, first[path, way_to_root(scope)], b"no-cache", headers[path])
        release, _, name = scope["path"].removeprefix("/page/").rpartition("/")
        # During an upgrade a page of one release may fetch from another.
        caching = IMMUTABLE if release == digest else b"no-cache"
        return await _send(scope, page[name], caching, [])

    return PictureRoute("/page/{file}", matches, get, is_picture=False)


def _first_file(name: str, html: bytes, digest: str, root: str) -> File:
    html = _with_choices(html).replace(b'"page/', b'"page/%b/' % digest.encode())
    return _file(name, _LINK.sub(rb"\1%b" % root.encode(), html))


def _first_headers(sites: Sequence[str]) -> Headers:
    policy = (b"content-security-policy", content_policy(sites).encode())
    return [policy, (b"cross-origin-opener-policy", b"same-origin")]


def _with_choices(html: bytes) -> bytes:
    """Repeat each line that holds the name of a registry, once for each of its names."""
    lines = []
    for line in html.splitlines(keepends=True):
        field = next((field for field in _CHOICES if field in line), None)
        lines += [line] if field is None else [_fill_in(line, field, name) for name in _CHOICES[field]]
    return b"".join(lines)


def _fill_in(line: bytes, field: bytes, name: str) -> bytes:
    return line.replace(field, name.encode()).replace(field.upper(), name.upper().encode())


def _ending(name: str) -> str:
    return name.rpartition(".")[2]


def _file(name: str, content: bytes) -> File:
    packed = None if name.endswith(".woff2") else gzip.compress(content, mtime=0)
    return File(FILE_TYPES[_ending(name)], content, packed, sha256(content).hexdigest()[:24])


async def _send(scope: Scope, file: File, caching: bytes, headers: Headers) -> Picture:
    headers = [(b"cache-control", caching), *headers]
    content, etag = file.content, f'"{file.etag}"'
    if file.packed is not None:
        headers.append((b"vary", b"Accept-Encoding"))
        if _takes_gzip(scope):
            headers.append((b"content-encoding", b"gzip"))
            content, etag = file.packed, f'"{file.etag}-gzip"'

    async def make() -> bytes:
        return content

    return await answer(scope, etag.encode(), headers, file.media_type, make)


def _takes_gzip(scope: Scope) -> bool:
    """Return whether `Accept-Encoding` has gzip with a quality above 0."""
    accepted = b",".join(value for name, value in scope["headers"] if name == b"accept-encoding")
    return re.search(rb"(?:^|,)\s*gzip\s*(?:;\s*q=(?:1|0?\.0*[1-9])[0-9.]*\s*)?(?:,|$)", accepted) is not None
