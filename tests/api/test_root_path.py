"""The links in answers to clients that see the service below a path of a proxy."""

import re
from collections.abc import Iterator
from hashlib import sha256
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx
import pytest

from tests.api.test_uploads import PHOTOGRAPH
from tests.conftest import App

IDENTITY = sha256(b"ada@example.org").hexdigest()

SETTINGS = {
    "server": {"root_path": "/faces", "trusted_proxies": ["127.0.0.1"]},
    "auth": {"signing_key": ["k" * 32]},
}
"""The client of the tests is at 127.0.0.1."""


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    app = App(tmp_path_factory.mktemp("root"), SETTINGS).start()
    yield app.client
    app.close()


def prefix(*paths: str) -> list[tuple[str, str]]:
    return [("X-Forwarded-Prefix", path) for path in paths]


def links_in(value: Any) -> Iterator[str]:  # noqa: ANN401 - JSON
    """The texts in JSON that are URLs of the service."""
    if isinstance(value, dict):
        for each in value.values():
            yield from links_in(each)
    elif isinstance(value, list):
        for each in value:
            yield from links_in(each)
    elif isinstance(value, str) and re.match(r"(https?://[^/]+)?/[a-z/]+", value):
        yield value


def all_links(client: httpx.Client, headers: list[tuple[str, str]]) -> list[str]:
    """The links of each kind of answer that has links."""
    styles = client.get("/api/styles", headers=headers)
    style = client.get("/api/styles/smile", headers=headers)
    job = client.post("/api/jobs", content="seed\nada\n", headers=[*headers, ("Content-Type", "text/csv")])
    picker = client.post("/api/picker-links", json={"identity": IDENTITY}, headers=headers)
    (url,) = links_in(picker.json())
    token = ("Authorization", f"Bearer {url.partition('#')[2]}")
    drawn = client.post("/api/picker/generate", json={"type": "smile"}, headers=[*headers, token])
    token = ("Authorization", f"Bearer {drawn.json()['data']['token']}")
    photo = client.post("/api/picker/upload", files={"file": PHOTOGRAPH}, headers=[*headers, token])
    answers = [styles, style, job, picker, drawn, photo]
    found = [list(links_in(answer.json())) for answer in answers]
    found[2].append(job.headers["location"])
    assert all(found), found
    return [link for links in found for link in links]


@pytest.mark.parametrize(
    ("headers", "root"),
    [
        (prefix(), "/faces"),
        (prefix("/avatars"), "/avatars"),
        (prefix("/our/avatars/"), "/our/avatars"),
        (prefix("/"), ""),
        (prefix("/first", "/second"), "/second"),
        (prefix("/first, /second"), "/second"),
    ],
)
def test_every_link_is_below_the_path(
    client: httpx.Client, headers: list[tuple[str, str]], root: str
) -> None:
    links = all_links(client, headers)
    for link in links:
        assert re.match(rf"{root}/(api/render|api/jobs|pick|avatar)\b", urlsplit(link).path), link
    sample = next(link for link in links if "/api/render/" in link)
    assert client.get(sample.removeprefix(root)).status_code == 200


NO_PATHS = [
    *("avatars", "//evil.example", "http://evil.example/", "/a b", "/%2e%2e", "/a/../b", "/..", "/."),
    *("/é", '/"', "/a//b", "/<script>", "/a?b", "/a#b", "/a\\b", "/" + "a" * 65),
]


@pytest.mark.parametrize("path", NO_PATHS)
def test_a_field_that_is_not_a_path_is_ignored(client: httpx.Client, path: str) -> None:
    raw: Any = [(b"X-Forwarded-Prefix", path.encode("latin-1"))]
    answer = client.get("/api/styles/smile", headers=raw)
    assert list(links_in(answer.json())) == ["/faces/api/render/smile/sample.png"]


def test_only_a_trusted_proxy_names_a_path(app: App) -> None:
    answer = app.client.get("/api/styles/smile", headers=prefix("/evil"))
    assert list(links_in(answer.json())) == ["/api/render/smile/sample.png"]


@pytest.mark.parametrize("path", ["/", "/pick", "/pick/", "/%70ick", "/swagger", "/swagger/"])
def test_the_links_of_pages_lead_below_any_path(app: App, path: str) -> None:
    """Without a setting: a browser resolves them, as `urljoin` does."""
    page = app.client.get(f"http://test{path}")
    links = re.findall(r"""(?:href|src)="([^"#]+)["#]|url: '([^']+)'""", page.text)
    assert len(links) > 3
    for link in (one or other for one, other in links):
        url = urljoin(f"https://example.org/avatars{path}", link.replace("&amp;", "&"))
        assert url.startswith("https://example.org/avatars/"), (link, url)
        assert app.client.get(url.removeprefix("https://example.org/avatars")).status_code == 200, url


@pytest.mark.parametrize("path", ["/openapi.json", "/swagger-json"])
def test_the_document_names_the_server_below_any_path(app: App, path: str) -> None:
    (server,) = app.client.get(path).json()["servers"]
    assert urljoin(f"https://example.org/avatars{path}", server["url"]) == "https://example.org/avatars/"


def test_the_only_redirect_stays_below_the_path(app: App) -> None:
    for path in ("/favicon.ico", "/favicon.ico/"):
        location = app.client.get(path).headers["location"]
        url = urljoin(f"https://example.org/avatars{path}", location)
        assert url.startswith("https://example.org/avatars/api/render/")
