"""The site that `make docs` builds: complete, without broken links, and independent of other hosts."""

import re
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Request, sync_playwright

from tests.page.conftest import EXECUTABLE, TIMEOUT_MS, launch
from tools import docs_site

SOURCE = "https://forge.example.org/owner/avatars"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built."""
    folder = tmp_path_factory.mktemp("site")
    docs_site.prepare(docs_site.ROOT, folder, SOURCE)
    docs_site.build(folder)
    return folder


def html_of(page: str) -> str:
    path = Path(page)
    return str(path.with_name("index.html") if path.name == "README.md" else path.with_suffix(".html"))


def test_it_has_every_page_and_a_way_to_it(site: Path) -> None:
    pages = set(docs_site.pages(docs_site.ROOT))
    html = {str(path.relative_to(site / "html")) for path in (site / "html").rglob("*.html")}
    assert {html_of(page) for page in pages} | {"404.html"} == html
    nav = set(docs_site.named((site / "zensical.toml").read_text(encoding="utf-8")))
    index = (site / "html" / html_of(docs_site.DECISIONS)).read_text(encoding="utf-8")
    decisions = {page for page in pages if f'href="{Path(html_of(page)).name}"' in index}
    assert {"docs/decisions/0003-no-prisma.md"} <= decisions
    assert nav | decisions >= pages


def test_a_new_page_is_in_the_navigation_before_anyone_names_it() -> None:
    settings = (docs_site.ROOT / "docs/site/zensical.toml").read_text(encoding="utf-8")
    known = {*docs_site.named(settings), "docs/new.md", "clients/new/README.md"}
    assert docs_site.with_all(settings, known - {"docs/new.md", "clients/new/README.md"}) == settings
    assert set(docs_site.named(docs_site.with_all(settings, known))) == known


def test_all_that_pages_show_is_a_part_of_it(site: Path) -> None:
    for page in (site / "html").rglob("*.html"):
        text = re.sub(r"<code.*?</code>", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
        loaded = re.findall(r"<(?:script|img|source)[^>]*\bsrc(?:set)?=\"([^\"]+)\"", text)
        loaded += re.findall(r"<link[^>]*rel=\"(?:stylesheet|icon)\"[^>]*href=\"([^\"]+)\"", text)
        assert loaded
        for target in loaded:
            root = site / "html" if target.startswith("/") else page.parent
            assert (root / target.partition("?")[0].lstrip("/")).is_file(), f"{page.name}: {target}"


def test_links_to_other_files_lead_to_the_repository(site: Path) -> None:
    text = (site / "html" / "docs" / "DEPLOYMENT.html").read_text(encoding="utf-8")
    assert re.search(rf'href="{SOURCE}/blob/[^/"]+/settings\.yaml"', text)
    assert re.search(rf'href="{SOURCE}/blob/[^/"]+/deploy/systemd/avatar-gen\.service"', text)


def test_a_link_that_leads_nowhere_stops_the_build(site: Path, tmp_path: Path) -> None:
    copy = tmp_path / "site"
    shutil.copytree(site, copy, ignore=shutil.ignore_patterns("html"))
    with (copy / "source/docs/cli.md").open("a", encoding="utf-8") as page:
        page.write("\n[Nowhere](urls.md#no-such-part)\n")
    with pytest.raises(SystemExit):
        docs_site.build(copy)


@pytest.mark.skipif(
    EXECUTABLE is None, reason="this needs a browser: apt-get install chromium-headless-shell"
)
def test_its_search_works_without_a_server_and_without_another_host(site: Path) -> None:
    requests: list[str] = []
    with sync_playwright() as playwright:
        browser = launch(playwright)
        page = browser.new_page()
        page.set_default_timeout(TIMEOUT_MS)
        page.on("request", lambda request: requests.append(_url(request)))
        page.goto((site / "html" / "docs" / "urls.html").as_uri())
        page.get_by_role("button", name="Search").click()
        page.get_by_placeholder("Search").fill("task definition")
        page.get_by_text("EFS instead of S3").wait_for()
        browser.close()
    assert all(url.startswith(("file:", "data:", "blob:")) for url in requests)


def _url(request: Request) -> str:
    return request.url
