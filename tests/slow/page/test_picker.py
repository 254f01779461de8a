"""The picker in a browser: choosing, photographs, its links, and the page of another site around it."""

import io
import json
import re
import threading
from collections.abc import Iterator, Sequence
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Literal
from uuid import uuid4

import httpx
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, FilePayload, Page, expect

from tests.conftest import Service
from tests.page.conftest import DESKTOP, PHONE, Complaints, Visit
from tests.slow.page.test_accessibility import assert_fits, assert_no_violations

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "clients" / "embed" / "index.html"
IDENTITY = sha256(b"ada@example.org").hexdigest()


class Site(ThreadingHTTPServer):
    """The site of a product: its page with the example, and its own server, which asks for picker links."""

    daemon_threads = True
    service: Service

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.origin = f"http://localhost:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Site

    def do_GET(self) -> None:
        if self.path == "/":
            self._answer("text/html", EXAMPLE.read_bytes())
        else:
            self._answer("image/png", httpx.get(f"{self._service()}/avatar/{IDENTITY}").content)

    def do_POST(self) -> None:
        body = {"identity": IDENTITY, "returnOrigin": self.server.origin}
        answer = httpx.post(f"{self._service()}/api/picker-links", json=body)
        self._answer("application/json", json.dumps(answer.json()["data"]).encode())

    def _service(self) -> str:
        return f"http://127.0.0.1:{self.server.service.port}"

    def _answer(self, kind: str, content: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None: ...


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with Site() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, browser: Browser, site: Site) -> Iterator[Service]:
    assert browser.is_connected()
    settings = {"auth": {"signing_key": ["k" * 32]}, "picker": {"origins": [site.origin]}}
    site.service = Service(tmp_path_factory.mktemp("picker"), settings).start()
    yield site.service
    assert site.service.stop() == 0
    assert "Traceback" not in site.service.log.read_text()
    site.service.client.close()


@pytest.fixture
def identity() -> str:
    return uuid4().hex


def link(service: Service, identity: str, **options: object) -> str:
    """Return the path of a picker link."""
    body = {"identity": identity, "seed": "Ada Lovelace", **options}
    answer = service.client.post("/api/picker-links", json=body)
    url: str = answer.json()["data"]["url"]
    return url[url.index("/pick#") :]


def opened(page: Page) -> Page:
    expect(page.locator("#pick")).to_have_attribute("aria-busy", "false")
    page.wait_for_load_state("networkidle")
    return page


def linked(service: Service, identity: str) -> str | None:
    answer = service.client.get(f"/api/identities/{identity}")
    return answer.json()["data"]["avatarId"] if answer.status_code == 200 else None


def photograph(width: int = 600, height: int = 400) -> bytes:
    """A picture whose four quarters have colours of their own, and a red dot in the middle."""
    picture = Image.new("RGB", (width, height))
    for at, colour in enumerate(("navy", "gold", "teal", "plum")):
        left, top = at % 2 * width // 2, at // 2 * height // 2
        picture.paste(Image.new("RGB", (width // 2, height // 2), colour), (left, top))
    picture.paste(Image.new("RGB", (40, 40), "red"), (width // 2 - 20, height // 2 - 20))
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


def test_a_drawn_avatar_is_chosen_saved_and_removed(visit: Visit, service: Service, identity: str) -> None:
    page = opened(visit(link(service, identity, styles=["rings", "smile"]), ready=False))
    expect(page.locator("#styles label")).to_have_text(["Rings", "Smile"])
    expect(page.get_by_role("button", name="Save")).to_be_disabled()
    expect(page.get_by_role("button", name="Remove my picture")).to_be_hidden()
    page.get_by_role("button", name="Draw others").click()
    expect(page.locator("#styles img").first).to_have_attribute("src", re.compile("Ada%20Lovelace%202"))
    page.locator("#styles label", has_text="Smile").click()
    shown = page.locator("#sizes img").first.get_attribute("src")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#said")).to_contain_text("Saved.")
    avatar = linked(service, identity)
    assert avatar
    # The stored picture is the one that was shown.
    assert service.client.get(f"/api/{avatar}?size=8").content == service.client.get(shown or "").content
    page.reload()
    opened(page)
    page.get_by_role("button", name="Remove my picture").click()
    page.get_by_role("alertdialog").get_by_role("button", name="Remove my picture").click()
    expect(page.locator("#lead")).to_contain_text("Your picture is removed.")
    expect(page.locator("#pick")).to_be_hidden()
    assert linked(service, identity) is None
    assert service.client.get(f"/api/{avatar}").status_code == 404


def test_a_link_that_cannot_be_used_says_so(
    visit: Visit, service: Service, identity: str, complaints: Complaints
) -> None:
    complaints.expected = ("401", "403")
    page = visit("/pick#forged", ready=False)
    expect(page.get_by_role("alert")).to_contain_text("This link is not valid, or it has expired.")
    used = link(service, identity)
    choose_and_save(opened(visit(used, ready=False)))
    page = visit(used, ready=False, language="ru-RU")
    expect(page.get_by_role("alert")).to_contain_text("Ссылка уже использована")
    expect(page.locator("#pick")).to_be_hidden()


def choose_and_save(page: Page) -> None:
    page.locator("#styles label").first.click()
    page.locator("#save").click()
    expect(page.locator("#said")).to_contain_text("Saved.")


def test_without_the_service_it_says_so_and_continues_later(
    visit: Visit, service: Service, identity: str, complaints: Complaints
) -> None:
    complaints.expected = ("net::ERR",)
    page = visit()
    page.route("**/api/picker", lambda route: route.abort(), times=1)
    page.goto(link(service, identity))
    expect(page.get_by_role("alert")).to_contain_text("the service cannot be reached.")
    page.get_by_role("button", name="Try again").click()
    opened(page)
    page.locator("#styles label", has_text="Rings").click()
    page.context.set_offline(True)
    expect(page.locator("#offline")).to_contain_text("There is no connection.")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#said")).to_contain_text("the service cannot be reached.")
    page.context.set_offline(False)
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#said")).to_contain_text("Saved.")


def test_a_photograph_is_turned_and_cut_by_keyboard(visit: Visit, service: Service, identity: str) -> None:
    page = opened(visit(link(service, identity), ready=False))
    assert not [each for each in page.evaluate(FETCHED) if "cropper" in each]
    give(page)
    stage = page.get_by_role("application")
    stage.focus()
    assert colours_of(page) == ["navy", "gold", "teal", "plum"]
    page.keyboard.press("r")
    assert colours_of(page) == ["teal", "navy", "plum", "gold"]
    page.keyboard.press("Shift+R")
    for _ in range(20):
        page.keyboard.press("+")
    for _ in range(60):
        page.keyboard.press("ArrowRight")
    for _ in range(40):
        page.keyboard.press("ArrowUp")
    # The window is at the right edge now, and at the upper one.
    assert set(colours_of(page)) == {"gold"}
    page.get_by_role("button", name="Use it").click()
    expect(page.locator("#sizes")).to_have_attribute("aria-label", "Your choice: your photograph")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#said")).to_contain_text("Saved.")
    stored = service.client.get(f"/avatar/{identity}?s=100").content
    pixels = np.asarray(Image.open(io.BytesIO(stored)).convert("RGB")).astype(int)
    assert (np.abs(pixels - (255, 215, 0)).sum(axis=2) < 30).mean() > 0.9


FETCHED = "() => performance.getEntriesByType('resource').map((each) => each.name)"


def give(page: Page, content: bytes = b"") -> None:
    """Choose a photograph in the file dialog."""
    with page.expect_file_chooser() as chooser:
        page.locator("#upload").click()
    chooser.value.set_files(FilePayload(name="ada.png", mimeType="image/png", buffer=content or photograph()))
    cutting(page)


def cutting(page: Page) -> None:
    expect(page.get_by_role("dialog", name="Adjust the photograph")).to_be_visible()
    expect(page.locator(".cropper-view-box")).to_be_visible()


def colours_of(page: Page) -> list[str]:
    """The colours of the quarters of the largest preview, after it was drawn."""
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    names = {"navy": (0, 0, 128), "gold": (255, 215, 0), "teal": (0, 128, 128), "plum": (221, 160, 221)}
    found = page.locator(".cutter canvas").first.evaluate("""(canvas) => {
        const copy = new OffscreenCanvas(256, 256).getContext("2d", { willReadFrequently: true });
        copy.drawImage(canvas, 0, 0);
        const at = (x, y) => [...copy.getImageData(x, y, 1, 1).data].slice(0, 3);
        return [at(64, 64), at(192, 64), at(64, 192), at(192, 192)];
    }""")
    return [
        next((name for name, value in names.items() if is_near(value, each)), str(each)) for each in found
    ]


def is_near(one: Sequence[int], other: Sequence[int]) -> bool:
    return sum(abs(a - b) for a, b in zip(one, other, strict=True)) < 30


def hand_over(page: Page, way: Literal["drop", "paste"]) -> None:
    """Drop a photograph on the page or paste it."""
    page.evaluate(
        """([way, bytes]) => {
            const data = new DataTransfer();
            data.items.add(new File([new Uint8Array(bytes)], "ada.png", { type: "image/png" }));
            const given = { bubbles: true, cancelable: true };
            const event = way === "drop"
                ? new DragEvent("drop", { ...given, dataTransfer: data })
                : new ClipboardEvent("paste", { ...given, clipboardData: data });
            document.body.dispatchEvent(event);
        }""",
        [way, [*photograph()]],
    )
    cutting(page)


def test_a_photograph_is_dropped_and_moved_by_mouse(visit: Visit, service: Service, identity: str) -> None:
    page = opened(visit(link(service, identity), ready=False))
    hand_over(page, "drop")
    box = page.locator(".cropper-view-box").bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.wheel(0, -600)
    zoom = page.get_by_role("slider", name="Zoom")
    expect(zoom).not_to_have_value("1")
    zoom.fill("4")
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 3, box["y"] + box["height"] * 3, steps=5)
    page.mouse.up()
    assert set(colours_of(page)) == {"navy"}
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.locator("#save")).to_be_disabled()


def test_a_photograph_is_pasted_and_moved_by_touch(visit: Visit, service: Service, identity: str) -> None:
    page = opened(visit(link(service, identity), ready=False, size=PHONE))
    hand_over(page, "paste")
    box = page.locator(".cropper-view-box").bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    touch = page.context.new_cdp_session(page)

    def fingers(kind: str, *points: tuple[float, float]) -> None:
        at = [{"x": left, "y": top, "id": number} for number, (left, top) in enumerate(points)]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": at})

    fingers("touchStart", (x - 10, y), (x + 10, y))
    for spread in range(20, 100, 10):
        fingers("touchMove", (x - spread, y), (x + spread, y))
    fingers("touchEnd")
    expect(page.get_by_role("slider", name="Zoom")).not_to_have_value("1")
    fingers("touchStart", (x, y))
    for moved in range(20, 400, 40):
        fingers("touchMove", (x - moved, y - moved))
    fingers("touchEnd")
    assert set(colours_of(page)) == {"plum"}


def test_a_picture_is_taken_by_the_camera(visit: Visit, service: Service, identity: str) -> None:
    page = opened(visit(link(service, identity), ready=False))
    page.get_by_role("button", name="Camera").click()
    page.get_by_role("button", name="Take it").click()
    cutting(page)
    page.get_by_role("button", name="Use it").click()
    expect(page.locator("#save")).to_be_enabled()


def test_the_page_at_the_root_stores_a_photograph(visit: Visit) -> None:
    page = visit()
    assert not [each for each in page.evaluate(FETCHED) if "photo" in each or "cropper" in each]
    give(page)
    page.get_by_role("dialog").get_by_role("button", name="Store it").click()
    expect(page.locator("#stored")).to_contain_text("Stored.")
    page.get_by_role("link", name="Show it in the gallery").click()
    page.get_by_role("button", name="photograph photo").first.click()
    details = page.get_by_role("dialog")
    expect(details.get_by_role("heading")).to_have_text("photograph")
    expect(details.get_by_role("button", name="Make another")).to_be_hidden()
    shown = details.locator("img").first.evaluate("(image) => image.decode().then(() => image.naturalWidth)")
    assert shown == 512


def test_a_file_that_is_no_picture_is_refused(visit: Visit, service: Service, identity: str) -> None:
    page = opened(visit(link(service, identity), ready=False))
    with page.expect_file_chooser() as chooser:
        page.locator("#upload").click()
    chooser.value.set_files(FilePayload(name="ada.png", mimeType="image/png", buffer=b"not a picture"))
    expect(page.locator("#notice")).to_contain_text("This browser cannot open the file.")


def test_without_photographs_there_are_only_drawings(visit: Visit, service: Service, identity: str) -> None:
    page = opened(visit(link(service, identity, photos=False), ready=False))
    expect(page.locator("#upload")).to_be_hidden()


def test_it_can_be_seen_on_phone_and_desktop(
    visit: Visit, service: Service, identity: str, kept: Path
) -> None:
    """With --screenshots these are the ones in the docs."""
    path = link(service, identity)
    phone = opened(visit(path, ready=False, size=PHONE))
    phone.locator("#styles label", has_text="Smile").click()
    desktop = opened(visit(path, ready=False, scheme="dark"))
    give(desktop, portrait(service))
    desktop.get_by_role("slider", name="Zoom").fill("1.4")
    for name, page in (("phone-light", phone), ("desktop-dark", desktop)):
        page.wait_for_load_state("networkidle")
        picture = Image.open(io.BytesIO(page.screenshot(animations="disabled"))).convert("RGB")
        assert len(picture.getcolors(1 << 24) or ()) > 500
        picture.save(kept / f"picker-{name}.webp", quality=88, method=6)


def portrait(service: Service) -> bytes:
    """Return a picture of a face in front of a landscape."""
    client = service.client
    ground, face = (
        Image.open(io.BytesIO(client.get(f"/api/render/{path}").content)).convert("RGBA")
        for path in ("sunset/harbour.png?size=1024", "smile/Ada%20Lovelace.png?size=760&shape=circle")
    )
    ground = ground.resize((1536, 1536)).crop((0, 300, 1536, 1324))
    ground.paste(face, (560, 150), face)
    file = io.BytesIO()
    ground.convert("RGB").save(file, "JPEG")
    return file.getvalue()


def test_the_docs_have_the_example() -> None:
    assert EXAMPLE.read_text() in (ROOT / "docs" / "picker.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("screen", [(PHONE, "light"), (DESKTOP, "dark")], ids=["phone", "desktop"])
def test_axe_finds_nothing_in_the_picker(
    screen: tuple[tuple[int, int], str],
    visit: Visit,
    service: Service,
    identity: str,
    complaints: Complaints,
) -> None:
    size, scheme = screen
    complaints.expected = ("401",)
    page = opened(visit(link(service, identity), ready=False, size=size, scheme=scheme, motion="reduce"))
    assert_no_violations(page)
    choose_and_save(page)
    assert_no_violations(page)
    give(page)
    assert_no_violations(page)
    for width in (320, 390, 768, 1440):
        page.set_viewport_size({"width": width, "height": 700})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.eval_on_selector(".cutter", "(each) => each.scrollWidth <= each.clientWidth")
    page.keyboard.press("Escape")
    page.locator("#remove").click()
    assert_no_violations(page)
    page.keyboard.press("Escape")
    page.evaluate("location.hash = 'forged'")
    expect(page.get_by_role("alert")).to_be_visible()
    assert_no_violations(page)


def test_pictures_of_all_sizes_are_beside_each_other_on_a_phone(
    visit: Visit, service: Service, identity: str
) -> None:
    page = opened(visit(link(service, identity), ready=False, size=PHONE))
    assert_fits(page, "#sizes img", ".bar > *")
    give(page)
    assert_fits(page, ".cutter .sizes canvas")


def test_another_site_frames_it_and_receives_the_choice(visit: Visit, site: Site) -> None:
    page = visit(site.origin, ready=False)
    page.get_by_role("button", name="Change the picture").click()
    frame = page.frame_locator("#picker")
    expect(frame.locator("#pick")).to_have_attribute("aria-busy", "false")
    expect(frame.locator("#bar")).to_be_hidden()
    frame.locator("#styles label", has_text="Rings").click()
    frame.get_by_role("button", name="Save").click()
    expect(page.locator("#dialog")).to_be_hidden()
    expect(page.locator("#avatar")).to_have_attribute(
        "src",
        re.compile(rf"^http://127\.0\.0\.1:\d+/avatar/{IDENTITY}\?v={linked(site.service, IDENTITY)}&s=192$"),
    )
    assert page.locator("#avatar").evaluate("(image) => image.decode().then(() => image.naturalWidth)") == 192


def test_no_site_that_is_not_listed_frames_it(visit: Visit, site: Site, complaints: Complaints) -> None:
    complaints.expected = ("frame-ancestors", "Framing")
    page = visit(site.origin.replace("localhost", "127.0.0.1"), ready=False)
    page.get_by_role("button", name="Change the picture").click()
    page.wait_for_load_state("networkidle")
    assert [frame.locator("#pick").count() for frame in page.frames] == [0, 0]
