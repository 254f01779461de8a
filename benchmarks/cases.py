"""The table of cases that are measured. A new case is one line."""

import json
from pathlib import Path
from typing import NamedTuple

from benchmarks.load import Request
from benchmarks.photograph import PHOTOGRAPH


class Case(NamedTuple):
    """One kind of request to one server."""

    name: str
    server: str
    request: Request
    connections: int = 16
    beside: Request | None = None
    """The request that four other connections send to the same server at the same time."""


def get(path: str, *headers: str) -> Request:
    """Return a GET request."""
    return Request(path, headers=headers)


def post(path: str, **fields: object) -> Request:
    """Return a POST request with JSON, and a new seed each time."""
    body = json.dumps({"seed": "seed {}", **fields})
    return Request(path, "POST", body, ("Content-Type: application/json",))


def put(path: str, file: Path) -> Request:
    """Return a PUT request with the content of a file."""
    return Request(path, "PUT", f"@{file}")


PICTURE = get("/api/{id}")
UNIQUE = get("/api/render/pixelize/u{}.png")
UPLOAD = put("/api/upload", PHOTOGRAPH)
AVIF = get("/api/render/bauhaus/u{}.avif?size=1024")

BARE = [
    Case("bare ASGI: GET", "bare", get("/")),
    Case("bare Starlette: GET", "bare Starlette", get("/")),
    Case("bare FastAPI: GET", "bare FastAPI", get("/")),
]

VECTOR = ("initials", "blocks", "rings", "bauhaus", "sunset", "bloom", "smile", "marble")
"""The styles of this service that are made of shapes. `marble` is the one of gradients without an edge."""

STORED = [
    Case("generate pixelize", "ours", post("/api/generate")),
    Case("generate wave", "ours", post("/api/generate", type="wave")),
    Case("generate gradient", "ours", post("/api/generate", type="gradient", angle=30)),
    *(Case(f"generate {style}", "ours", post("/api/generate", type=style)) for style in VECTOR),
    Case("picture, 64 px", "ours", PICTURE),
    Case("picture, 64 px, no line in the log", "ours without a log", PICTURE),
    Case("picture, 512 px", "ours", get("/api/{id}?size=9")),
    Case("picture, 512 px, sepia", "ours", get("/api/{id}?size=9&filter=sepia")),
    Case("picture, 304", "ours", get("/api/{id}", "If-None-Match: *")),
    Case("picture as webp, cold", "ours without a cache", get("/api/{id}?format=webp")),
    Case("picture as webp, warm", "ours", get("/api/{id}?format=webp")),
    Case("upload, 12 MP", "ours", put("/api/upload", PHOTOGRAPH), connections=2),
    Case("upload, 12 MP: sharp", "sharp", put("/upload", PHOTOGRAPH), connections=2),
    Case("photograph, 256 px, cold", "ours with photographs", get("/api/{id}?px=256")),
    Case("photograph, 256 px, cold: sharp", "sharp", get("/photograph?size=256")),
    Case("picture by hash, identicon", "ours", get(f"/avatar/{'0' * 32}?d=identicon")),
    Case("list of 10", "ours", get("/api/list")),
    Case("health", "ours", get("/api/health")),
    Case("two workers, PostgreSQL: generate pixelize", "ours x 2", post("/api/generate")),
    Case("two workers, PostgreSQL: picture, 64 px", "ours x 2", PICTURE),
    Case("two workers, PostgreSQL: list of 10", "ours x 2", get("/api/list")),
    Case("old: generate pixelize", "old", post("/")),
    Case("old: generate wave", "old", post("/", type="wave")),
    Case("old: generate gradient", "old", post("/", type="gradient")),
    Case("old: picture, 64 px", "old", get("/{id}")),
    Case("old: picture, 512 px, sepia", "old", get("/{id}?size=9&filter=sepia")),
    Case("sharp: 64 px PNG to webp", "sharp", get("/webp")),
]

AGAIN = [
    Case("again: pixelize png", "ours", get("/api/render/pixelize/ada.png")),
    Case("again: bauhaus avif", "ours", get("/api/render/bauhaus/ada.avif?size=512")),
    Case("again: lorelei png", "ours", get("/10.x/lorelei/png?seed=ada")),
    Case("again: lorelei svg", "ours", get("/10.x/lorelei/svg?seed=ada")),
    Case("again: pixelize png, 304", "ours", get("/api/render/pixelize/ada.png", "If-None-Match: *")),
]

FORMS = {
    "png 128 px": ("png", 128),
    "png 512 px": ("png", 512),
    "webp 128 px": ("webp", 128),
    "webp 512 px": ("webp", 512),
    "svg": ("svg", 128),
}

OURS = ("pixelize", "retro", "initials", "bauhaus")
OURS_AS_PNG = ("pixelize", "retro", *VECTOR)
DICEBEAR = ("lorelei", "identicon")


def unique(form: str) -> list[Case]:
    """Return the cases of one format and size, with unique seeds: ours and those of other services."""
    format_name, px = FORMS[form]
    styles = OURS_AS_PNG if format_name == "png" else OURS
    ours = {style: f"/api/render/{style}/u{{}}.{format_name}?size={px}" for style in styles}
    ours |= {style: f"/10.x/{style}/{format_name}?seed=u{{}}&size={px}" for style in DICEBEAR}
    peers = {
        f"DiceBear {style}": f"/dicebear/{style}/{format_name}?seed=u{{}}&size={px}" for style in DICEBEAR
    }
    if format_name != "webp":
        peers["jdenticon"] = f"/jdenticon/{format_name}?seed=u{{}}&size={px}"
    if form == "png 128 px":
        peers |= {
            f"{peer}, as shipped": f"{path}&exif=1" for peer, path in peers.items() if peer != "jdenticon"
        }
    return [
        *(Case(f"{form}: {style}", "ours x 2", get(path)) for style, path in ours.items()),
        *(Case(f"{form}: {peer} in Node", "peers x 2", get(path)) for peer, path in peers.items()),
    ]


CONNECTIONS = (1, 8, 64, 256)
CROWD = {"stored picture": PICTURE, "by URL, unique": UNIQUE, "generate": post("/api/generate")}

CONCURRENCY = [
    Case(f"{name}, {number} at once", "ours", request, connections=number)
    for name, request in CROWD.items()
    for number in CONNECTIONS
]

BESIDE = [
    Case("stored picture, alone", "ours", PICTURE, connections=4),
    Case("stored picture, beside AVIF 1024 px", "ours", PICTURE, connections=4, beside=AVIF),
    Case("by URL, alone", "ours", UNIQUE, connections=4),
    Case("by URL, beside AVIF 1024 px", "ours", UNIQUE, connections=4, beside=AVIF),
    Case("generate, alone", "ours", post("/api/generate"), connections=4),
    Case("stored picture, beside uploads", "ours", PICTURE, connections=4, beside=UPLOAD),
    Case("generate, beside AVIF 1024 px", "ours", post("/api/generate"), connections=4, beside=AVIF),
]

SECTIONS = {
    "The lower bound of a request": BARE,
    "Stored avatars": STORED,
    "By URL, the same seed again": AGAIN,
    **{f"By URL, unique seeds, two processes: {form}": unique(form) for form in FORMS},
    "Number of connections": CONCURRENCY,
    "Beside an expensive request, whose CPU time is included": BESIDE,
}

CASES = [case for section in SECTIONS.values() for case in section]

MIXED = [
    UNIQUE,
    get("/api/render/retro/u{}.png?size=256"),
    get("/api/render/wave/u{}.webp?size=256"),
    get("/api/render/initials/u{}.png"),
    get("/api/render/bauhaus/u{}.webp?size=256"),
    get("/api/render/smile/u{}.jpeg?size=256"),
    get("/api/render/rings/u{}.avif?size=512"),
    get("/10.x/lorelei/svg?seed=u{}"),
    get("/10.x/identicon/png?seed=u{}"),
]
"""The pictures that are rendered while memory is measured."""
