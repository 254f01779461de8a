"""What browsers, search engines and security researchers look for on every site."""

import io
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from PIL import Image

import avatar_gen
from avatar_gen.errors import SettingsError
from avatar_gen.settings.loader import load_settings
from tests.conftest import MakeApp, assert_failure

PICTURES = [
    "/api/render/pixelize/ada.png",
    "/api/render/pixelize.svg?seed=ada",
    "/10.x/lorelei/svg?seed=ada",
    f"/avatar/{'0' * 32}",
    "/api/{id}",
]


def test_search_engines_are_told_not_to_list_a_picture(app_client: httpx.Client) -> None:
    identity = app_client.post("/api/generate").json()["data"]["id"]
    for path in (each.replace("{id}", identity) for each in PICTURES):
        answer = app_client.get(path)
        headers = {"If-None-Match": answer.headers["etag"]}
        others = (
            app_client.head(path),
            app_client.get(path, headers=headers),
            app_client.get(f"{path}?x=1&x=2"),
        )
        for each in (answer, *others):
            assert each.headers.get_list("x-robots-tag") == ["noindex"], path
    for path in ("/", "/swagger", "/api/styles"):
        assert "x-robots-tag" not in app_client.head(path).headers


def test_crawlers_may_fetch_pictures_and_so_see_that_they_must_not_list_them(
    app_client: httpx.Client,
) -> None:
    answer = app_client.get("/robots.txt")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    rules = [line for line in answer.text.splitlines() if not line.startswith("#")]
    assert rules == ["User-agent: *", "Disallow:"]


def test_the_icon_is_that_of_the_page(app_client: httpx.Client) -> None:
    answer = app_client.get("/favicon.ico", follow_redirects=True)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
    assert Image.open(io.BytesIO(answer.content)).size == (64, 64)
    page = (Path(avatar_gen.__file__).parent / "page" / "index.html").read_text(encoding="utf-8")
    (icon,) = re.findall(r'rel="icon" href="([^"]+)"', page)
    of_page = urlsplit(f"/{icon.replace('&amp;', '&')}")
    assert answer.url.path.rpartition(".")[0] == of_page.path.rpartition(".")[0]
    assert parse_qs(answer.url.query.decode()) == {**parse_qs(of_page.query), "size": ["64"]}


def test_a_contact_is_shown_to_those_who_found_a_hole(make_app: MakeApp) -> None:
    contact = "mailto:security@example.org"
    client = make_app(environ={"SECURITY_CONTACT": contact}).start().client
    answer = client.get("/.well-known/security.txt")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    first, second = answer.text.splitlines()
    assert first == f"Contact: {contact}"
    expires = datetime.fromisoformat(second.removeprefix("Expires: "))
    assert timedelta(days=30) < expires - datetime.now(UTC) < timedelta(days=365)


def test_without_a_contact_there_is_no_such_file(app_client: httpx.Client) -> None:
    assert_failure(app_client.get("/.well-known/security.txt"), 404)


@pytest.mark.parametrize("contact", ["security@example.org", "http://example.org", "mailto:a@b\nExpires: x"])
def test_what_is_no_url_of_a_contact_stops_the_start(
    contact: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SettingsError, match="a URL such as mailto"):
        load_settings({"SECURITY_CONTACT": contact})
