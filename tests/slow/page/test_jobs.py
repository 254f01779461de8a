"""Lists of people in a browser: from a file to the pictures, and what can go wrong on the way."""

import csv
import io
from pathlib import Path
from typing import Literal
from zipfile import ZipFile

import pytest
from PIL import Image
from playwright.sync_api import Download, FilePayload, Locator, Page, expect

from tests.conftest import Service
from tests.page.conftest import DESKTOP, PHONE, Complaints, Visit
from tests.slow.page.test_accessibility import assert_no_violations

SLOW = 20_000
"""Rows that take longer than the steps of a test."""


def people(rows: int, *, name: str = "people.csv") -> FilePayload:
    lines = [f"p{number}@example.org,Person {number},smile" for number in range(rows)]
    text = "seed,name,style\n" + "\n".join([*lines, "x,y,nosuch"])
    return {"name": name, "mimeType": "application/vnd.ms-excel", "buffer": text.encode()}


def begin(page: Page, file: FilePayload) -> Locator:
    """Start a job; return its card."""
    page.get_by_label("List, as CSV or JSON").set_input_files(file)
    page.get_by_role("button", name="Start").click()
    card = page.locator(".joblist li").first
    expect(card.get_by_role("heading", name=file["name"])).to_be_visible()
    return card


def content(download: Download) -> bytes:
    return download.path().read_bytes()


def test_a_list_becomes_avatars_and_its_result_is_downloaded(visit: Visit) -> None:
    """The browser remembers the job until the user removes it."""
    page = visit("/#jobs")
    card = begin(page, people(300))
    bar = card.get_by_role("progressbar", name="people.csv")
    expect(card.locator(".badge")).to_have_text("Done")
    expect(bar).to_have_attribute("value", "301")
    expect(bar).to_have_attribute("max", "301")
    expect(card).to_contain_text("301 of 301 rows, 1 failed")
    expect(page.locator("#notice")).to_have_text("people.csv: Done")
    with page.expect_download() as ids:
        card.get_by_role("link", name="Ids as CSV").click()
    rows = list(csv.DictReader(io.StringIO(content(ids.value).decode())))
    assert [bool(row["error"]) for row in rows] == [False] * 300 + [True]
    with page.expect_download() as pictures:
        card.get_by_role("link", name="Pictures as ZIP").click()
    assert len(ZipFile(io.BytesIO(content(pictures.value))).namelist()) == 300
    page.reload()
    expect(card.locator(".badge")).to_have_text("Done")
    card.get_by_role("button", name="Remove from this page").click()
    expect(card).to_have_count(0)
    page.reload()
    expect(page.get_by_role("button", name="Start")).to_be_visible()
    expect(card).to_have_count(0)


def test_a_running_job_shows_its_pace_and_is_cancelled(visit: Visit) -> None:
    page = visit("/#jobs")
    card = begin(page, people(SLOW))
    expect(card).to_contain_text("left")
    before = float(card.get_by_role("progressbar").get_attribute("value") or 0)
    assert before <= SLOW
    card.get_by_role("button", name="Cancel").press("Enter")
    expect(card.locator(".badge")).to_have_text("Cancelled")
    # The focus stays in the card.
    expect(card.get_by_role("link", name="Ids as CSV")).to_be_focused()


@pytest.mark.parametrize("events", ["refused", "held back"])
def test_without_events_the_page_asks_again_and_again(
    visit: Visit, complaints: Complaints, events: str
) -> None:
    complaints.expected = ("ERR_FAILED",)
    page = visit("/#jobs")
    if events == "refused":
        page.route("**/events", lambda route: route.abort())
    else:
        page.route("**/events", lambda route: route.fulfill(body="", content_type="text/event-stream"))
    expect(begin(page, people(5)).locator(".badge")).to_have_text("Done")


def test_a_service_that_goes_away_is_waited_for(visit: Visit, complaints: Complaints) -> None:
    complaints.expected = ("ERR_FAILED",)
    page = visit("/#jobs")
    page.route("**/api/jobs/**", lambda route: route.abort())
    card = begin(page, people(5))
    expect(card.get_by_role("alert")).to_contain_text("the service cannot be reached.")
    page.unroute("**/api/jobs/**")
    expect(card.locator(".badge")).to_have_text("Done")
    expect(card.locator(".trouble")).to_be_empty()


def test_a_list_that_is_refused_says_why(visit: Visit, complaints: Complaints) -> None:
    complaints.expected = ("400",)
    page = visit("/#jobs")
    file: FilePayload = {"name": "people.csv", "mimeType": "text/csv", "buffer": b"name\nAda\n"}
    page.get_by_label("List, as CSV or JSON").set_input_files(file)
    page.get_by_role("button", name="Start").click()
    expect(page.locator("#jobs-view [role=alert]").first).to_contain_text("The job could not be started: ")
    expect(page.locator(".joblist li")).to_have_count(0)


def test_a_job_that_the_service_does_not_know_is_removed(visit: Visit, complaints: Complaints) -> None:
    complaints.expected = ("404",)
    page = visit()
    page.evaluate("""localStorage.setItem("avatars.jobs", JSON.stringify(
        [{ id: "00000000-0000-4000-8000-000000000000", name: "<b>old.csv</b>" }]))""")
    page.get_by_role("link", name="Lists").click()
    card = page.locator(".joblist li")
    expect(card).to_contain_text("The service does not know this job any more.")
    expect(card.get_by_role("heading")).to_have_text("<b>old.csv</b>")
    card.get_by_role("button", name="Remove from this page").click()
    expect(card).to_have_count(0)


@pytest.mark.parametrize(
    ("device", "size", "scheme"), [("desktop", DESKTOP, "light"), ("phone", PHONE, "dark")]
)
def test_axe_finds_nothing_and_it_can_be_seen(
    device: str, size: tuple[int, int], scheme: Literal["light", "dark"], visit: Visit, kept: Path
) -> None:
    """With --screenshots these are the ones in the docs."""
    page = visit("/#jobs", scheme=scheme, size=size, sharpness=2 if size == PHONE else 1)
    expect(begin(page, people(60, name="engineering.csv")).locator(".badge")).to_have_text("Done")
    assert_no_violations(page)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    card = begin(page, people(SLOW, name="everybody.csv"))
    expect(card).to_contain_text("left")
    expect(page.locator("#notice")).not_to_be_visible()
    picture = Image.open(io.BytesIO(page.screenshot(animations="disabled"))).convert("RGB")
    card.get_by_role("button", name="Cancel").click()
    assert len(picture.getcolors(1 << 24) or ()) > 500
    picture.save(kept / f"jobs-{device}-{scheme}.webp", quality=88, method=6)


def test_it_speaks_russian(visit: Visit, service: Service) -> None:
    assert service.process
    page = visit("/#jobs", language="ru")
    page.get_by_label("Список, CSV или JSON").set_input_files(people(5))
    page.get_by_role("button", name="Начать").click()
    card = page.locator(".joblist li")
    expect(card.locator(".badge")).to_have_text("Готово")
    expect(card).to_contain_text("6 из 6 строк")
