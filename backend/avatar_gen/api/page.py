"""The pages at `/` and `/pick`. Their files are in `avatar_gen/page`, read and compressed at the start.

All other files are below `/page/`, in URLs with a digest of all files. So browsers revalidate only the HTML
file of a page, and never mix the files of two releases.
"""

import re
from collections.abc import Sequence
from hashlib import sha256
from importlib.resources import files

from starlette.types import Scope

from avatar_gen.api.files import FILE_TYPES, File, ending_of, make_file, send_file
from avatar_gen.api.pictures import IMMUTABLE, Headers, Picture, PictureRoute
from avatar_gen.api.root_path import way_to_root
from avatar_gen.drawing.filters import FILTERS
from avatar_gen.imaging import DRAWN_TYPES

_CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; font-src 'self';"
    " connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors {sites};"
    " require-trusted-types-for 'script'; trusted-types default"
)
"""No inline script and no other origin.

A photograph has a URL `blob:` until it is sent. The only policy of Trusted Types is in `photo.js` and allows
only the elements of Cropper.js. Before it is loaded, no text becomes HTML.
"""

_PAGES = {"/": "index.html", "/pick": "pick.html"}
"""The HTML files of the pages by their paths."""

_ROOTS = ("", "../")
"""The relative URL of the service's root: for a path without a slash at its end, and for one with a slash."""

_LINK = re.compile(rb'((?:href|src)=")(?=[a-z])')

_CHOICES = {
    b"{filter}": tuple(FILTERS),
    # SVG comes first, because it is the best format for most drawings.
    b"{format}": tuple(sorted(DRAWN_TYPES, key=lambda name: name != "svg")),
}
"""The names of each registry, by the field that stands for one of them in a line of the page.

A field in capitals stands for the name in capitals.
"""

_PATH = re.compile(r"/page/(?:([0-9a-f]{12})/)?([a-z0-9.]+)")


def content_policy(sites: Sequence[str] = ()) -> str:
    """Return the `Content-Security-Policy` of a page that these sites may show in a frame."""
    return _CONTENT_POLICY.format(sites=" ".join(sites) or "'none'")


def read_page(sites: Sequence[str] = ()) -> PictureRoute:
    """Return the route of the pages and of all their files. The sites may show `/pick` in a frame."""
    found = [each for each in (files("avatar_gen") / "page").iterdir() if ending_of(each.name) in FILE_TYPES]
    contents = {each.name: each.read_bytes() for each in sorted(found, key=lambda each: each.name)}
    digest = sha256(b"".join(contents.values())).hexdigest()[:12]
    pages = {
        (path, root): _make_page(name, contents[name], digest, root)
        for path, name in _PAGES.items()
        for root in _ROOTS
    }
    others = contents.keys() - set(_PAGES.values())
    parts = {name: make_file(name, contents[name]) for name in others}
    headers = {path: _page_headers(sites if path == "/pick" else ()) for path in _PAGES}

    def matches(scope: Scope) -> bool:
        path = scope["path"]
        if path in _PAGES:
            return True
        match = _PATH.fullmatch(path) if path.startswith("/page/") else None
        return match is not None and match[2] in parts

    async def get(scope: Scope) -> Picture:
        if (path := scope["path"]) in _PAGES:
            scope["framed"] = bool(sites) and path == "/pick"
            return await send_file(scope, pages[path, way_to_root(scope)], b"no-cache", headers[path])
        release, _, name = scope["path"].removeprefix("/page/").rpartition("/")
        # During an upgrade a page of one release may fetch from another.
        caching = IMMUTABLE if release == digest else b"no-cache"
        return await send_file(scope, parts[name], caching, [])

    return PictureRoute("/page/{file}", matches, get, is_picture=False)


def _make_page(name: str, html: bytes, digest: str, root: str) -> File:
    html = _with_choices(html).replace(b'"page/', b'"page/%b/' % digest.encode())
    return make_file(name, _LINK.sub(rb"\1%b" % root.encode(), html))


def _page_headers(sites: Sequence[str]) -> Headers:
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
