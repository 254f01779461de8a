"""The pages below a path of nginx, without any setting of the service."""

import json
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser, expect

from tests.conftest import Service
from tests.page.conftest import Visit
from tests.page.test_making import drawn
from tests.servers.gateway import NGINX, PathProxy

pytestmark = pytest.mark.skipif(not NGINX, reason="there is no nginx here: apt-get install nginx-light")


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[Service]:
    assert browser.is_connected()
    shared = Service(tmp_path_factory.mktemp("path"), environ={"AUTH_SIGNING_KEY": "k" * 32}).start()
    yield shared
    shared.close()


@pytest.fixture(scope="module")
def proxy(service: Service) -> Iterator[PathProxy]:
    running = PathProxy(f"http://127.0.0.1:{service.port}").start("/avatars/api/health/live")
    yield running
    running.stop()


def test_an_avatar_is_made_stored_and_shown(visit: Visit, proxy: PathProxy) -> None:
    page = visit("/avatars/?seed=ada&style=smile", of=proxy)
    assert drawn(page, "#large")
    page.locator("#copy").click()
    expect(page.locator("#notice")).to_have_text("Copied.")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == f"http://127.0.0.1:{proxy.port}/avatars/api/render/smile/ada.svg?shape=circle"
    assert httpx.get(copied, timeout=60).headers["content-type"] == "image/svg+xml"
    page.locator("#store").click()
    expect(page.locator("#stored img")).to_be_visible()
    page.get_by_role("link", name="Gallery", exact=True).click()
    page.locator("#wall button").first.click()
    shown = page.locator("#details code").inner_text()
    assert shown.startswith(f"http://127.0.0.1:{proxy.port}/avatars/api/")
    assert httpx.get(shown, timeout=60).status_code == 200
    page.get_by_role("button", name="Make another").click()
    page.wait_for_url(f"http://127.0.0.1:{proxy.port}/avatars/?*")


def test_a_picture_is_picked(visit: Visit, proxy: PathProxy) -> None:
    identity = "0" * 64
    link = proxy.client.post("/avatars/api/picker-links", json={"identity": identity}).json()["data"]["url"]
    page = visit(f"/avatars/pick#{link.partition('#')[2]}", of=proxy, ready=False)
    page.locator("#styles label", has_text="Smile").click()
    page.locator("#save").click()
    expect(page.locator("#said")).to_contain_text("Saved.")
    assert drawn(page, "#sizes img")
    shown = page.locator("#sizes img").first.get_attribute("src")
    assert shown
    assert shown.startswith(f"/avatars/avatar/{identity}?")


def test_swagger_sends_requests(visit: Visit, proxy: PathProxy) -> None:
    page = visit("/avatars/swagger", of=proxy, ready=False)
    operation = page.locator(".opblock", has_text="/api/color-schemes")
    operation.locator(".opblock-summary-control").click()
    operation.get_by_role("button", name="Try it out").click()
    with page.expect_response("**/api/color-schemes") as answered:
        operation.get_by_role("button", name="Execute").click()
    assert answered.value.url == f"http://127.0.0.1:{proxy.port}/avatars/api/color-schemes"
    assert json.loads(answered.value.text())["statusCode"] == 200
