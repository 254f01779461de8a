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
from avatar_gen.api.files import FILE_TYPES
from avatar_gen.api.page import content_policy
from avatar_gen.drawing.filters import FILTERS
from avatar_gen.imaging import DRAWN_TYPES
from tests.conftest import MakeApp, assert_failure

FOLDER = Path(avatar_gen.__file__).parent / "page"
ROOT = Path(__file__).parent.parent.parent
ALL_FILES = {path.name for path in FOLDER.iterdir() if path.suffix[1:] in FILE_TYPES}
PHOTOGRAPHS = {"photo.js", "photo.css", "photo.en.js", "photo.ru.js", "cropper.min.js", "cropper.min.css"}
"""Files that are loaded with the first photograph."""
PICKER = {"pick.html", "pick.js", "pick.css", "pick.en.js", "pick.ru.js"}
JOBS = {"jobs.js", "jobs.css", "jobs.en.js", "jobs.ru.js"}
"""Files that are loaded when the view of lists is first opened."""
FILES = sorted(ALL_FILES - PHOTOGRAPHS - PICKER - JOBS)
"""The files that the page at `/` is made of."""


def addresses(client: httpx.Client) -> Iterator[str]:
    yield "/"
    yield from sorted({f"/{each}" for each in re.findall(r'"(page/[^"]+)"', client.get("/").text)})


def all_addresses(client: httpx.Client) -> Iterator[str]:
    """The pages, and all files under the URLs that browsers ask for."""
    yield from ("/", "/pick")
    folder = next(iter(re.findall(r'"(page/[0-9a-f]+/)', client.get("/").text)))
    yield from (f"/{folder}{name}" for name in sorted(ALL_FILES - {"index.html", "pick.html"}))


def test_the_first_file_names_all_others_so_that_they_come_at_once(client: httpx.Client) -> None:
    named = {address.rpartition("/")[2] for address in addresses(client)} - {""}
    assert named == set(FILES) - {"index.html"}


def test_the_files_of_the_picker_are_those_of_its_modules(client: httpx.Client) -> None:
    """So a browser that follows the imports finds each of them, and the page at `/` needs none."""
    reached = {"pick.html", "pick.js", "photo.js"}
    for name in ("pick.html", "pick.js", "photo.js"):
        text = (FOLDER / name).read_text(encoding="utf-8")
        reached |= set(re.findall(r'"(?:page/|\./)?([a-z.0-9]+\.(?:js|css))"', text))
    assert reached >= PHOTOGRAPHS | PICKER
    assert reached <= ALL_FILES
    assert client.get("/pick").headers["content-type"] == FILE_TYPES["html"]


def test_all_of_it_is_under_120_kb_as_it_is(client: httpx.Client) -> None:
    sizes = [
        len(client.get(each, headers={"Accept-Encoding": "identity"}).content) for each in addresses(client)
    ]
    assert len(sizes) == len(FILES)
    assert sum(sizes) < 120_000


def test_the_policy_forbids_all_other_scripts(client: httpx.Client) -> None:
    for path in ("/", "/pick"):
        page = client.get(path)
        policy = page.headers["content-security-policy"]
        assert policy == content_policy()
        assert page.headers["referrer-policy"] == "no-referrer"
        assert page.headers["x-frame-options"] == "DENY"
        directives = ("default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'")
        assert all(directive in policy for directive in directives)
        assert "unsafe" not in policy
        assert not re.search(r"<script(?![^>]* src=)|<style|\sstyle=|\son[a-z]+=", page.text)
    for address in all_addresses(client):
        assert client.get(address).headers["x-content-type-options"] == "nosniff"


def test_only_the_sites_of_the_settings_may_frame_the_picker_and_no_other_page(make_app: MakeApp) -> None:
    sites = ["https://www.example.org", "http://localhost:5173"]
    client = make_app({"picker": {"origins": sites}}).start().client
    client.headers["Accept-Encoding"] = "identity"
    picker = client.get("/pick")
    assert f"frame-ancestors {' '.join(sites)};" in picker.headers["content-security-policy"]
    assert "x-frame-options" not in picker.headers
    assert "x-frame-options" not in client.head("/pick").headers
    for path in ("/", "/swagger", "/api/styles", "/pick/", "/pick?x"):
        assert (client.get(path).headers.get("x-frame-options") == "DENY") == ("/pick" not in path), path
    assert "frame-ancestors 'none'" in client.get("/").headers["content-security-policy"]


def test_only_the_first_file_is_asked_for_again(client: httpx.Client) -> None:
    home, picker, *others = all_addresses(client)
    for page in (home, picker):
        assert client.get(page).headers["cache-control"] == "no-cache"
    for address in others:
        assert re.fullmatch(r"/page/[0-9a-f]{12}/[a-z0-9.]+", address)
        assert client.get(address).headers["cache-control"] == "public, max-age=31536000, immutable"


@pytest.mark.parametrize("coding", ["gzip", "identity"])
def test_what_a_browser_has_is_not_sent_again(client: httpx.Client, coding: str) -> None:
    for address in all_addresses(client):
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
        ("x-gzip", True),
        ("", False),
    ],
)
def test_it_is_compressed_for_clients_that_accept_it(
    client: httpx.Client, accepted: str, *, packed: bool
) -> None:
    plain = client.get("/", headers={"Accept-Encoding": "identity"})
    with client.stream("GET", "/", headers={"Accept-Encoding": accepted}) as answer:
        content = b"".join(answer.iter_raw())
    assert answer.headers["vary"] == "Accept-Encoding"
    assert answer.headers.get("content-encoding") == ("gzip" if packed else None)
    assert int(answer.headers["content-length"]) == len(content)
    assert (gzip.decompress(content) if packed else content) == plain.content
    assert (answer.headers["etag"] == plain.headers["etag"]) != packed


def test_every_file_has_its_type(client: httpx.Client) -> None:
    for address in all_addresses(client):
        ending = address.rpartition(".")[2] if address.startswith("/page/") else "html"
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
        "/page/CROPPER.txt",
        "/page/pick.html",
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
    assert {f"avatar_gen/page/{name}" for name in ALL_FILES} <= set(names)
    assert {"avatar_gen/page/OFL.txt", "avatar_gen/page/CROPPER.txt"} <= set(names)


def entries(name: str) -> dict[str, set[str]]:
    """The keys of a file of texts, each with what is filled in."""
    text = (FOLDER / name).read_text(encoding="utf-8")
    lines = re.findall(r'^  "([a-z.-]+)": (.*),$', text, re.MULTILINE)
    assert len(lines) == len(re.findall(r"^  ", text, re.MULTILINE))
    return {key: set(re.findall(r"\{(\w+)\}", value)) for key, value in lines}


PARTS = ("", "photo.", "pick.", "jobs.")
"""The texts of the page at `/`, and those that are loaded with its other parts."""


@pytest.mark.parametrize("part", PARTS)
def test_both_languages_say_the_same_things(part: str) -> None:
    english, russian = entries(f"{part}en.js"), entries(f"{part}ru.js")
    assert english.keys() == russian.keys()
    for key in english:
        assert english[key] - {"count", "number"} == russian[key] - {"count", "number"}, key


def test_every_text_is_there_and_of_use() -> None:
    texts = {f"{part}{language}.js" for part in PARTS for language in ("en", "ru")}
    files = [path for path in FOLDER.iterdir() if path.suffix in {".js", ".html"} and path.name not in texts]
    sources = "".join(path.read_text(encoding="utf-8") for path in files)
    keys = {key for part in PARTS for key in entries(f"{part}en.js")}
    assert len(keys) == sum(len(entries(f"{part}en.js")) for part in PARTS)
    asked = re.findall(r'data-(?:text|label|title|placeholder)="([^"]+)"|text\(\s*"([a-z.-]+)"', sources)
    # The service fills in `filter.{filter}` when it reads the page.
    assert {one or other for one, other in asked if "{" not in one} <= keys
    put_together = (*tuple(re.findall(r"text\(`([a-z]+\.)\$", sources)), "filter.")
    assert put_together
    assert {key for key in keys if f'"{key}"' not in sources and not key.startswith(put_together)} == set()


def test_the_docs_have_these_screenshots_and_they_are_light() -> None:
    files = list((ROOT / "docs" / "page").glob("*.webp"))
    assert len(files) == 12
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
