"""How the page's files are served; tests/page has what they do in a browser."""

import gzip
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

import avatar_gen
from avatar_gen.api.page import CONTENT_POLICY, FILE_TYPES
from avatar_gen.drawing.filters import FILTERS
from avatar_gen.imaging import DRAWN_TYPES
from tests.conftest import assert_failure

FOLDER = Path(avatar_gen.__file__).parent / "page"
ROOT = Path(__file__).parent.parent.parent
FILES = sorted(path.name for path in FOLDER.iterdir() if path.suffix[1:] in FILE_TYPES)


def addresses(client: httpx.Client) -> Iterator[str]:
    yield "/"
    yield from sorted(set(re.findall(r'"(/page/[^"]+)"', client.get("/").text)))


def test_the_first_file_names_all_others_so_that_they_come_at_once(client: httpx.Client) -> None:
    named = {address.rpartition("/")[2] for address in addresses(client)} - {""}
    assert named == set(FILES) - {"index.html"}


def test_all_of_it_is_under_100_kb_as_it_is(client: httpx.Client) -> None:
    sizes = [
        len(client.get(each, headers={"Accept-Encoding": "identity"}).content) for each in addresses(client)
    ]
    assert len(sizes) == len(FILES)
    assert sum(sizes) < 100_000


def test_the_browser_is_told_to_run_nothing_else(client: httpx.Client) -> None:
    home = client.get("/")
    assert home.headers["content-security-policy"] == CONTENT_POLICY.decode()
    assert home.headers["referrer-policy"] == "no-referrer"
    for directive in ("default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"):
        assert directive in home.headers["content-security-policy"]
    assert "unsafe" not in home.headers["content-security-policy"]
    for address in addresses(client):
        assert client.get(address).headers["x-content-type-options"] == "nosniff"
    assert not re.search(r"<script(?![^>]* src=)|<style|\sstyle=|\son[a-z]+=", home.text)


def test_only_the_first_file_is_asked_for_again(client: httpx.Client) -> None:
    home, *others = addresses(client)
    assert client.get(home).headers["cache-control"] == "no-cache"
    for address in others:
        assert re.fullmatch(r"/page/[0-9a-f]{12}/[a-z0-9.]+", address)
        assert client.get(address).headers["cache-control"] == "public, max-age=31536000, immutable"


@pytest.mark.parametrize("coding", ["gzip", "identity"])
def test_what_a_browser_has_is_not_sent_again(client: httpx.Client, coding: str) -> None:
    for address in addresses(client):
        headers = {"Accept-Encoding": coding}
        etag = client.get(address, headers=headers).headers["etag"]
        again = client.get(address, headers={**headers, "If-None-Match": etag})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)


@pytest.mark.parametrize(
    ("accepted", "packed"),
    [
        ("gzip, deflate, br, zstd", True),
        ("br, gzip;q=0.5", True),
        ("gzip;q=1.0", True),
        ("gzip;q=0", False),
        ("gzip;q=0.000, br", False),
        ("br", False),
        ("x-gzip", False),
        ("", False),
    ],
)
def test_it_is_packed_for_those_who_can_unpack(client: httpx.Client, accepted: str, *, packed: bool) -> None:
    plain = client.get("/", headers={"Accept-Encoding": "identity"})
    with client.stream("GET", "/", headers={"Accept-Encoding": accepted}) as answer:
        content = b"".join(answer.iter_raw())
    assert answer.headers["vary"] == "Accept-Encoding"
    assert answer.headers.get("content-encoding") == ("gzip" if packed else None)
    assert int(answer.headers["content-length"]) == len(content)
    assert (gzip.decompress(content) if packed else content) == plain.content
    assert (answer.headers["etag"] == plain.headers["etag"]) != packed


def test_every_file_has_its_type(client: httpx.Client) -> None:
    for address in addresses(client):
        ending = address.rpartition(".")[2] if address != "/" else "html"
        answer = client.get(address)
        assert answer.headers["content-type"] == FILE_TYPES[ending]
        head = client.head(address, headers={"Accept-Encoding": "identity"})
        assert head.content == b""
        assert (
            head.headers["etag"]
            == client.get(address, headers={"Accept-Encoding": "identity"}).headers["etag"]
        )


def test_a_page_of_another_release_gets_files_but_not_for_ever(client: httpx.Client) -> None:
    for address in ("/page/0123456789ab/main.js", "/page/main.js"):
        answer = client.get(address)
        assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-cache")


@pytest.mark.parametrize(
    "address",
    [
        "/page",
        "/page/",
        "/page/x",
        "/page/main.js//",
        "/page/OFL.txt",
        "/page/..%2fapp.py",
        "/page/index.html",
    ],
)
def test_there_is_nothing_else(client: httpx.Client, address: str) -> None:
    assert_failure(client.get(address), 404)


def test_it_can_be_got_and_nothing_else(client: httpx.Client) -> None:
    for address in ("/", "/page/main.js"):
        answer = client.post(address)
        assert_failure(answer, 405, mentions="GET, HEAD")
        assert answer.headers["allow"] == "GET, HEAD"


def test_it_is_in_the_package_that_is_built(tmp_path: Path) -> None:
    code = f"import flit_core.buildapi as build; print(build.build_wheel({str(tmp_path)!r}))"
    command = [sys.executable, "-c", code]
    built = subprocess.run(command, cwd=ROOT / "backend", check=True, capture_output=True, text=True)
    names = zipfile.ZipFile(tmp_path / built.stdout.strip()).namelist()
    assert {f"avatar_gen/page/{name}" for name in FILES} <= set(names)
    assert "avatar_gen/page/OFL.txt" in names


def entries(name: str) -> dict[str, set[str]]:
    """The keys of a file of texts, each with what is filled in."""
    text = (FOLDER / name).read_text(encoding="utf-8")
    lines = re.findall(r'^  "([a-z.-]+)": (.*),$', text, re.MULTILINE)
    assert len(lines) == len(re.findall(r"^  ", text, re.MULTILINE))
    return {key: set(re.findall(r"\{(\w+)\}", value)) for key, value in lines}


def test_both_languages_say_the_same_things() -> None:
    english, russian = entries("en.js"), entries("ru.js")
    assert english.keys() == russian.keys()
    for key in english:
        assert english[key] - {"count", "number"} == russian[key] - {"count", "number"}, key


def test_every_text_is_there_and_of_use() -> None:
    files = [
        path for path in FOLDER.iterdir() if path.suffix in {".js", ".html"} and path.stem not in {"en", "ru"}
    ]
    sources = "".join(path.read_text(encoding="utf-8") for path in files)
    keys = set(entries("en.js"))
    asked = re.findall(r'data-(?:text|label|title|placeholder)="([^"]+)"|text\(\s*"([a-z.-]+)"', sources)
    # The service fills in `filter.{filter}` when it reads the page.
    assert {one or other for one, other in asked if "{" not in one} <= keys
    put_together = (*tuple(re.findall(r"text\(`([a-z]+\.)\$", sources)), "filter.")
    assert put_together
    assert {key for key in keys if f'"{key}"' not in sources and not key.startswith(put_together)} == set()


def test_the_docs_have_these_screenshots_and_they_are_light() -> None:
    files = list((ROOT / "docs" / "page").glob("*.webp"))
    assert len(files) == 8
    assert all(path.stat().st_size < 150_000 for path in files)


def test_offers_every_filter_and_format_that_there_is(client: httpx.Client) -> None:
    """The page holds no list of them, so that a new one needs no change of the page."""
    html = client.get("/").text
    for field, names in (
        ("filter", ["", *FILTERS]),
        ("stored-filter", ["", *FILTERS]),
        ("format", DRAWN_TYPES),
    ):
        assert set(re.findall(rf'name="{field}" value="([^"]*)"', html)) == {*names}
    assert "{" not in html
    source = (FOLDER / "index.html").read_text(encoding="utf-8")
    assert not [name for name in (*FILTERS, *DRAWN_TYPES) if f'value="{name}"' in source]
