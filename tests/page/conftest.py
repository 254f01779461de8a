"""A real browser. A test fails if the browser reports an error that the test did not expect."""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, Response, expect, sync_playwright

from tests.conftest import Service
from tests.servers.gateway import Nginx

PHONE, DESKTOP = (390, 844), (1440, 900)

TIMEOUT_MS = 60_000
"""The longest wait for the page, which takes tenths of a second on an idle machine."""

_NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "chrome")
EXECUTABLE = next(filter(None, map(shutil.which, _NAMES)), None)


def pytest_pycollect_makemodule() -> None:
    """Skip each file of this folder if there is no browser."""
    if EXECUTABLE is None:
        pytest.skip("this needs a browser: apt-get install chromium-headless-shell", allow_module_level=True)


def launch(playwright: Playwright) -> Browser:
    """Start Chromium."""
    # `imaging.svg` sets FONTCONFIG_FILE for librsvg, and child processes inherit it, such as the workers
    # of the test runner. With these fonts alone, Chromium aborts.
    environment = {name: value for name, value in os.environ.items() if name != "FONTCONFIG_FILE"}
    return playwright.chromium.launch(
        executable_path=EXECUTABLE,
        args=[
            # Its own sandbox needs rights that containers seldom have.
            "--no-sandbox",
            "--use-fake-device-for-media-stream",
            "--use-fake-ui-for-media-stream",
            # All pages share one process, and none is started in advance.
            "--renderer-process-limit=1",
            "--disable-gpu",
            # Letters are where a browser with a window has them, not at whole pixels.
            "--font-render-hinting=none",
        ],
        env={**environment},
    )


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Start Chromium for a module. While it runs, no test can have an event loop of its own."""
    expect.set_options(timeout=TIMEOUT_MS)
    with sync_playwright() as playwright:
        browser = launch(playwright)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[Service]:
    """Start a service that the tests of a module share, if there is a browser."""
    assert browser.is_connected()
    shared = Service(tmp_path_factory.mktemp("page")).start()
    yield shared
    assert shared.stop() == 0
    assert "Traceback" not in shared.log.read_text()
    shared.client.close()


@dataclass
class Complaints:
    """The messages of a browser's console, and the answers with an error status."""

    said: list[str] = field(default_factory=list)
    expected: tuple[str, ...] = ()
    """Parts of the messages that a test causes itself."""

    def watch(self, page: Page) -> None:
        page.on("console", lambda message: self.said.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: self.said.append(f"error: {error}"))
        page.on("response", self._answered)

    def _answered(self, answer: Response) -> None:
        if answer.status >= 400:
            self.said.append(f"{answer.status} {answer.url}")

    def unexpected(self) -> list[str]:
        # The last one comes when the machine gets a network interface, such as a container's.
        passed_over = (*self.expected, "net::ERR_NETWORK_CHANGED")
        return [each for each in self.said if not any(part in each for part in passed_over)]


Visit = Callable[..., Page]


@pytest.fixture
def complaints() -> Complaints:
    return Complaints()


@pytest.fixture
def visit(browser: Browser, service: Service, complaints: Complaints) -> Iterator[Visit]:
    """Return a function that opens the page. The test fails if the browser reports an unexpected error."""
    contexts: list[BrowserContext] = []

    def open_page(  # noqa: PLR0913 - the ways in which browsers differ
        address: str = "/",
        *,
        of: Service | Nginx = service,
        size: tuple[int, int] = DESKTOP,
        scheme: Literal["light", "dark"] = "light",
        motion: Literal["reduce", "no-preference"] = "no-preference",
        language: str = "en-GB",
        sharpness: float = 1,
        ready: bool = True,
    ) -> Page:
        context = browser.new_context(
            base_url=f"http://127.0.0.1:{of.port}",
            viewport={"width": size[0], "height": size[1]},
            is_mobile=size == PHONE,
            has_touch=size == PHONE,
            device_scale_factor=sharpness,
            color_scheme=scheme,
            reduced_motion=motion,
            locale=language,
            timezone_id="UTC",
            permissions=["clipboard-read", "clipboard-write"],
        )
        context.set_default_timeout(TIMEOUT_MS)
        contexts.append(context)
        page = context.new_page()
        complaints.watch(page)
        page.goto(address)
        if ready:
            expect(page.locator(".styles")).to_have_attribute("aria-busy", "false")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints.unexpected() == []


@pytest.fixture
def empty_service(service: Service) -> Service:
    """Return the service of the module without any avatar."""
    for avatar in service.client.get("/api/list?pick=100").json()["data"]["avatars"]:
        service.client.delete(f"/api/{avatar['id']}")
    return service


@pytest.fixture
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Return the folder for screenshots: docs/page with --screenshots."""
    return Path("docs/page") if request.config.getoption("--screenshots") else tmp_path
