"""The guides for other programs: each URL in them is a picture."""

import re
from collections.abc import Iterator
from hashlib import md5, sha256
from pathlib import Path

import httpx
import pytest

from tests.conftest import App

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "guides.md").read_text(encoding="utf-8")
HOST = "https://avatars.example.org"

MD5, SHA256 = (each(b"ada@example.org").hexdigest() for each in (md5, sha256))

FIELDS = {
    "%(mail_hash)s": MD5,
    "%(username)s": "ada",
    "%{hash}": MD5,
    "%{size}": "80",
    "%{username}": "ada",
    "${encodeURIComponent(seed)}": "ada%20l",
    "${width}": "128",
    "${user}": "ada",
    "{sha256}": SHA256,
    "{imageSize}": "24",
    "{username}": "ada",
    "{size}": "48",
    "{color}": "ba9ded",
    "#{digest}": SHA256,
    "#{px}": "64",
    "{$digest}": SHA256,
    "{$px}": "64",
    "{digest}": SHA256,
    "{px}": "64",
}
"""What the programs insert into the URLs."""

URLS = sorted(set(re.findall(rf"{HOST}[^\s`\"';,|]*", PAGE)))


def expand(url: str) -> str:
    for field, value in FIELDS.items():
        url = url.replace(field, value)
    return url.removeprefix(HOST)


@pytest.fixture(scope="module")
def app_client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    app = App(tmp_path_factory.mktemp("guides")).start()
    yield app.client
    app.close()


def test_the_urls_of_the_guides_are_found() -> None:
    assert len(URLS) > 15
    used = {field for field in FIELDS for url in URLS if field in url}
    assert FIELDS.keys() - used == set()


@pytest.mark.parametrize("url", URLS)
def test_a_url_of_a_guide_is_a_picture(app_client: httpx.Client, url: str) -> None:
    path = expand(url)
    assert not re.search(r"[{}$%](?![0-9A-F]{2})", path), path
    # A program adds the hash to a URL that ends before it.
    path = {"/": f"/avatar/{MD5}", "": f"/avatar/{MD5}", "/avatar/": f"/avatar/{MD5}"}.get(path, path)
    answer = app_client.get(path)
    if path.endswith("d=404"):
        assert answer.status_code == 404
        return
    assert answer.status_code == 200, (path, answer.text)
    assert answer.headers["content-type"].startswith("image/")
    assert app_client.head(path).headers["content-type"] == answer.headers["content-type"]


def test_each_guide_says_what_it_was_checked_with() -> None:
    titles = set(re.findall(r"^## (.*)$", PAGE, re.MULTILINE))
    table = PAGE.split("\n## ")[0]
    for title in titles:
        anchor = re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-")
        assert f"(#{anchor})" in table, title


def test_the_python_of_a_guide_is_python() -> None:
    code = PAGE.split("```python\n")[1].split("```")[0]
    compile(code, "avatars.py", "exec")
