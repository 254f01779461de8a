"""What the page costs, as the browser itself reports it, and how it looks."""

import io
from pathlib import Path
from typing import Any, Literal

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.api.test_page import FILES
from tests.conftest import Service
from tests.page.conftest import DESKTOP, PHONE, Visit
from tests.page.test_making import drawn

PEOPLE = (
    ("Ada Lovelace", "smile", "#5b3fd6", "#c9f7e1"),
    ("Grace Hopper", "bloom", "#ffd166", "#1d3557"),
    ("Alan Turing", "retro", "#80ed99", "#22223b"),
    ("Radia Perlman", "rings", "#ef476f", "#fff1e6"),
    ("Edsger Dijkstra", "initials", "#0b6e4f", "#e8f7ee"),
    ("Barbara Liskov", "sunset", "#ffb703", "#3a0ca3"),
    ("Donald Knuth", "blocks", "#d62828", "#fcbf49"),
    ("Margaret Hamilton", "marble", "#118ab2", "#ffd6e0"),
    ("Niklaus Wirth", "bauhaus", "#f77f00", "#003049"),
    ("Adele Goldberg", "pixelize", "#7209b7", "#f8edff"),
    ("John McCarthy", "wave", "#06d6a0", "#073b4c"),
    ("Frances Allen", "gradient", "#ff6b6b", "#845ec2"),
    ("Лев Ландау", "smile", "#2a9d8f", "#fdf0d5"),
    ("Софья Ковалевская", "bloom", "#e63946", "#f1faee"),
)


SHIFTS = """() => new Promise((resolve) => {
    let sum = 0;
    const add = (list) => list.getEntries().forEach((each) => { sum += each.value; });
    new PerformanceObserver(add).observe({ type: "layout-shift", buffered: true });
    setTimeout(() => resolve(sum), 300);
})"""
"""How much of what was seen moved as more came: Lighthouse calls less than 0.1 good."""


FETCHED = """() => [
    ...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource"),
].map((each) => each.toJSON())"""


def loaded(page: Page) -> list[dict[str, Any]]:
    """What was fetched, with its bytes: on the wire and unpacked."""
    entries: list[dict[str, Any]] = page.evaluate(FETCHED)
    return entries


def test_the_page_is_light_and_quick(visit: Visit) -> None:
    page = visit("/?seed=ada")
    page.wait_for_load_state("networkidle")
    entries = loaded(page)
    ours = [each for each in entries if "/page/" in each["name"] or each["entryType"] == "navigation"]
    api = [each for each in entries if "/api/styles" in each["name"] or "/api/palettes" in each["name"]]
    pictures = [each for each in entries if "/api/render/" in each["name"]]
    assert len(ours) == len(FILES)
    assert sum(each["decodedBodySize"] for each in ours) < 120_000
    assert sum(each["encodedBodySize"] for each in ours) < 55_000
    assert len(api) == 2
    assert len(pictures) <= 40
    assert sum(each["encodedBodySize"] for each in pictures) < 150_000
    assert len(entries) == len(ours) + len(api) + len(pictures)
    # Budgets of seconds, where it takes tenths: a busy machine is no fault of the page.
    paint = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    assert paint < 2500
    assert page.evaluate(SHIFTS) < 0.1


def test_a_second_visit_fetches_the_first_file_and_the_lists_alone(visit: Visit) -> None:
    page = visit("/?seed=ada")
    page.wait_for_load_state("networkidle")
    page.goto("/?seed=ada")
    page.wait_for_load_state("networkidle")
    fetched = [each["name"] for each in loaded(page) if each["transferSize"] > 0]
    assert len(fetched) <= 3, fetched


def of_seed(page: Page, seed: str) -> int:
    """How many pictures were asked for."""
    page.wait_for_load_state("networkidle")
    return sum(f"/{seed}." in each["name"] for each in loaded(page))


def test_a_letter_typed_costs_a_picture_for_each_style_and_few_more(visit: Visit) -> None:
    page = visit("/?seed=ad")
    page.locator("#seed").press("End")
    page.locator("#seed").press_sequentially("a")
    expect(page.locator("#large")).to_have_attribute("alt", "Avatar of “ada”, Smile")
    assert 12 <= of_seed(page, "ada") <= 20


def test_letters_typed_at_once_are_drawn_once(visit: Visit) -> None:
    page = visit("/?seed=a")
    page.evaluate("""() => {
        const seed = document.querySelector("#seed");
        for (const value of ["au", "aug", "augu", "augus", "august", "augusta"]) {
            seed.value = value;
            seed.dispatchEvent(new InputEvent("input", { bubbles: true }));
        }
    }""")
    expect(page.locator("#large")).to_have_attribute("alt", "Avatar of “augusta”, Smile")
    assert of_seed(page, "augusta") >= 12
    assert of_seed(page, "august") == of_seed(page, "au") == 0


@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_can_be_seen_in_both_themes_on_phone_and_desktop(
    scheme: Literal["light", "dark"],
    size: tuple[int, int],
    visit: Visit,
    empty_service: Service,
    kept: Path,
) -> None:
    """With --screenshots these are the ones in the docs."""
    for name, style, primary, foreign in PEOPLE:
        empty_service.generate(seed=name, type=style, primaryColor=primary, foreignColor=foreign)
    device = "phone" if size == PHONE else "desktop"
    for view, address in (("make", "/"), ("gallery", "/#gallery")):
        page = visit(address, size=size, scheme=scheme, sharpness=2 if size == PHONE else 1)
        page.wait_for_load_state("networkidle")
        assert drawn(page, "#styles img, #large" if view == "make" else "#wall img")
        picture = Image.open(io.BytesIO(page.screenshot(animations="disabled"))).convert("RGB")
        red, green, blue = picture.getpixel((2, picture.height - 3))  # type: ignore[misc]
        assert (red + green + blue < 200) == (scheme == "dark")
        assert len(picture.getcolors(1 << 24) or ()) > 500
        picture.save(kept / f"{view}-{device}-{scheme}.webp", quality=88, method=6)
