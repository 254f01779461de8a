"""Answers that are text, compressed for clients that accept it, and only for these."""

import gzip
from collections.abc import Iterator

import httpx
import pytest

from avatar_gen.runtime.compression import MIN_BYTES, pack
from tests.conftest import App

TEXTS = {
    "/": "text/html; charset=utf-8",
    "/page/main.js": "text/javascript; charset=utf-8",
    "/swagger-assets/swagger-ui.css": "text/css; charset=utf-8",
    "/swagger": "text/html; charset=utf-8",
    "/openapi.json": "application/json",
    "/swagger-yaml": "application/yaml",
    "/api/styles": "application/json",
    "/api/palettes": "application/json",
    "/api/list?pick=100": "application/json",
    "/api/render/smile/ada.svg": "image/svg+xml",
    "/api/render/marble/ada": "image/svg+xml",
    "/api/render/lorelei.svg?seed=ada": "image/svg+xml",
    "/10.x/lorelei/svg?seed=ada": "image/svg+xml",
    "/10.x/lorelei/json?seed=ada": "application/json",
    "/10.x/lorelei/definition.json": "application/json",
}
"""An answer of each kind of route, and its type."""

PICTURES = (
    "/api/render/smile/ada.png",
    "/api/render/smile/ada.webp",
    "/10.x/lorelei/png",
    "/avatar/" + "0" * 32,
)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    app = App(tmp_path_factory.mktemp("packed"), {"auth": {"signing_key": ["k" * 32]}}).start()
    for number in range(3):
        app.generate(seed=f"person {number}")
    yield app.client
    app.close()


def get(
    client: httpx.Client, path: str, *accepted: str, method: str = "GET", **headers: str
) -> httpx.Response:
    """Return an answer without unpacking it."""
    sent = [("Accept", "image/svg+xml"), *headers.items()]
    request = client.build_request(method, path, headers=sent)
    del request.headers["accept-encoding"]
    lines = [(b"accept-encoding", line.encode("latin-1")) for line in accepted]
    request.headers = httpx.Headers([*request.headers.raw, *lines])
    answer = client.send(request, stream=True)
    content = b"".join(answer.iter_raw())
    headers_only = [each for each in answer.headers.raw if each[0].lower() != b"content-encoding"]
    plain = httpx.Response(answer.status_code, headers=headers_only, content=content)
    plain.extensions["coding"] = answer.headers.get("content-encoding")
    return plain


def coding(answer: httpx.Response) -> str | None:
    found: str | None = answer.extensions["coding"]
    return found


@pytest.mark.parametrize("path", TEXTS)
def test_a_text_is_the_same_in_fewer_bytes(client: httpx.Client, path: str) -> None:
    plain, packed = get(client, path, "identity"), get(client, path, "gzip, deflate, br, zstd")
    assert (coding(plain), coding(packed)) == (None, "gzip")
    assert gzip.decompress(packed.content) == plain.content
    for answer in (plain, packed):
        assert answer.headers["content-type"] == TEXTS[path]
        assert int(answer.headers["content-length"]) == len(answer.content)
        (vary,) = answer.headers.get_list("vary")
        assert vary.split(", ").count("Accept-Encoding") == 1
    assert len(packed.content) < len(plain.content)
    assert get(client, path, "gzip").content == packed.content
    for accepted in ("identity", "gzip"):
        whole, head = get(client, path, accepted), get(client, path, accepted, method="HEAD")
        assert head.content == b""
        assert [each for each in head.headers.items() if each[0] not in CHANGING] == [
            each for each in whole.headers.items() if each[0] not in CHANGING
        ]
        assert coding(head) == coding(whole)
        part = get(client, path, accepted, Range="bytes=0-9")
        assert (part.status_code, part.content) == (200, whole.content)


CHANGING = {"x-request-id", "date"}


@pytest.mark.parametrize(
    "path", [path for path in TEXTS if not path.startswith(("/api/s", "/api/p", "/api/l"))]
)
def test_a_client_that_has_one_form_gets_304_for_this_form_only(client: httpx.Client, path: str) -> None:
    plain, packed = get(client, path, "identity"), get(client, path, "gzip")
    if "etag" not in plain.headers:
        assert "etag" not in packed.headers
        return
    ours, others = packed.headers["etag"], plain.headers["etag"]
    assert ours != others
    assert not ours.startswith("W/")
    for tag in (ours, f"W/{ours}", f'"x", {ours}'):
        unchanged = get(client, path, "gzip", **{"If-None-Match": tag})
        assert (unchanged.status_code, unchanged.content, coding(unchanged)) == (304, b"", None)
        assert (unchanged.headers["etag"], "Accept-Encoding" in unchanged.headers["vary"]) == (ours, True)
    assert get(client, path, "gzip", **{"If-None-Match": others}).status_code == 200
    assert get(client, path, "identity", **{"If-None-Match": ours}).status_code == 200


ACCEPTED = [
    (["gzip"], True),
    (["GZip"], True),
    (["x-gzip"], True),
    (["*"], True),
    (["br, gzip"], True),
    (["deflate", "gzip"], True),
    (["br;q=1.0, gzip;q=0.001"], True),
    (["gzip ; Q=0.8"], True),
    (["gzip;q=1.000"], True),
    (["identity;q=0, gzip"], True),
    (["gzip;q=0.5, identity;q=0.5"], True),
    (["gzip;q=0.5, *;q=0"], True),
    ([], False),
    ([""], False),
    ([","], False),
    (["br, zstd"], False),
    (["identity"], False),
    (["identity;q=0"], False),
    (["gzip;q=0"], False),
    (["gzip;q=0.000", "br"], False),
    (["gzip;q=0, *"], False),
    (["*;q=0"], False),
    (["gzip;q=0.5, identity"], False),
    (["gzip;q=2"], False),
    (["gzip;q=x"], False),
    (["gzip;q="], False),
    (["gzip;q=."], False),
    (["gzip;level=1"], False),
    (["notgzip, gzipped"], False),
    (["\xe9"], False),
    (["gzip" + "," * 300], False),
]


@pytest.mark.parametrize(("accepted", "packed"), ACCEPTED)
def test_the_client_decides(client: httpx.Client, accepted: list[str], *, packed: bool) -> None:
    for path in ("/", "/api/palettes", "/api/render/marble/ada.svg"):
        answer = get(client, path, *accepted)
        assert answer.status_code == 200
        assert coding(answer) == ("gzip" if packed else None), path


def test_what_is_small_stays_as_it_is(client: httpx.Client) -> None:
    for path in ("/api/render/pixelize/ada.svg", "/robots.txt"):
        plain, asked = get(client, path, "identity"), get(client, path, "gzip")
        assert len(plain.content) < MIN_BYTES
        assert (coding(asked), asked.content) == (None, plain.content)
    assert pack(b"a" * MIN_BYTES) != b"a" * MIN_BYTES
    noise = bytes(range(256)) * 2
    assert pack(pack(noise * 9)) == pack(noise * 9)


@pytest.mark.parametrize("path", PICTURES)
def test_pictures_of_pixels_stay_as_they_are(client: httpx.Client, path: str) -> None:
    answer = get(client, path, "gzip")
    assert coding(answer) is None
    assert "vary" not in answer.headers
    assert answer.headers["etag"] == get(client, path, "identity").headers["etag"]


def test_answers_with_secrets_stay_as_they_are(client: httpx.Client) -> None:
    """The size of a compressed answer can tell what is in it."""
    identity = "0" * 32
    link = client.post("/api/picker-links", json={"identity": identity, "seed": "a" * 256})
    token = link.json()["data"]["url"].partition("#")[2]
    opened = get(client, "/api/picker", "gzip", Authorization=f"Bearer {token}")
    drawn = client.post("/api/picker/generate", json={}, headers={"Authorization": f"Bearer {token}"})
    assert len(opened.content) > MIN_BYTES
    assert len(drawn.content) > MIN_BYTES / 2
    assert coding(opened) is None
    for answer in (link, opened, drawn):
        assert answer.headers["cache-control"] == "no-store"
        assert "content-encoding" not in answer.headers


def test_a_failure_and_a_stream_stay_as_they_are(client: httpx.Client) -> None:
    missing = get(client, "/api/styles/nosuch", "gzip")
    assert (missing.status_code, coding(missing)) == (404, None)
    url = client.post(
        "/api/jobs", content="seed\n" + "x\n" * 50, headers={"Content-Type": "text/csv"}
    ).headers["location"]
    events = get(client, f"{url}/events", "gzip")
    assert events.content.startswith(b"event: ")
    assert coding(events) is None
    result = get(client, f"{url}/result", "gzip")
    assert result.content.startswith(b"line,")
    assert coding(result) is None
