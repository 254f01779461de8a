"""Accessibility of the page: keyboard, screen readers, languages, screens of any size, reduced motion."""

import re
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.conftest import Service
from tests.page.conftest import DESKTOP, PHONE, Visit
from tests.page.test_making import seed

# All that axe knows, good practice and WCAG 2.2 AA among it.
OPTIONS = {"resultTypes": ["violations"]}


def assert_no_violations(page: Page) -> None:
    page.wait_for_load_state("networkidle")
    # What fades in has not its colours yet.
    page.evaluate("() => Promise.all(document.getAnimations().map((each) => each.finished.catch(() => {})))")
    found = Axe().run(page, options=OPTIONS)
    assert found.violations_count == 0, found.generate_report()


CUT_OFF = """() => [...document.querySelectorAll("a, button, canvas, img, select")].filter((each) => {
  if (!each.checkVisibility() || each.closest(".cut, .skip")) return false;
  const { left, right } = each.getBoundingClientRect();
  for (let around = each.parentElement; around; around = around.parentElement) {
    const edges = around.getBoundingClientRect();
    const clips = around === document.body || getComputedStyle(around).overflowX !== "visible";
    if (clips && (left < edges.left - 0.5 || right > edges.right + 0.5)) return true;
  }
  return false;
}).map((each) => each.outerHTML.slice(0, 120))"""

BESIDE_EACH_OTHER = """(parts) => {
  const boxes = parts.filter((each) => each.checkVisibility()).map((each) => each.getBoundingClientRect());
  return boxes.length > 1 && boxes.every((each) => each.top < boxes[0].bottom && each.bottom > boxes[0].top);
}"""

NARROW = (320, 344, 360, 390)
"""The widths of phones, in px."""


def assert_fits(page: Page, *rows: str) -> None:
    """Nothing is cut off at its sides on a phone, and the parts of each row are beside each other."""
    for width in NARROW:
        page.set_viewport_size({"width": width, "height": 700})
        assert page.evaluate(CUT_OFF) == [], width
        for row in rows:
            assert page.eval_on_selector_all(row, BESIDE_EACH_OTHER), (row, width)


@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(
    scheme: Literal["light", "dark"], size: tuple[int, int], visit: Visit, empty_service: Service
) -> None:
    page = visit("/#gallery", scheme=scheme, size=size, motion="reduce")
    assert_no_violations(page)
    empty_service.generate(seed="ada", type="rings")
    page = visit(scheme=scheme, size=size, motion="reduce")
    for colours in ("Scheme", "Custom", "From the seed"):
        page.get_by_role("radio", name=colours, exact=True).check()
        assert_no_violations(page)
    page.locator("#more summary").click()
    page.locator("#their-styles label", has=page.locator("[value=lorelei]")).click()
    page.locator("#parts summary", has_text="Glasses").click()
    assert_no_violations(page)
    page.locator("#styles label", has_text="Rings").click()
    page.get_by_role("button", name="Store it").click()
    expect(page.locator("#stored")).to_contain_text("Stored.")
    assert_no_violations(page)
    page.get_by_role("link", name="Gallery", exact=True).click()
    page.get_by_role("button", name="ada rings").click()
    assert_no_violations(page)
    page.get_by_role("button", name="Delete").click()
    assert_no_violations(page)


FOCUSED = """() => {
    const at = document.activeElement;
    return at.ariaLabel || at.labels?.[0]?.innerText || at.innerText;
}"""


def reach(page: Page, name: str) -> None:
    """Tab on until something of this name has the focus."""
    for _ in range(80):
        page.keyboard.press("Tab")
        focused = page.evaluate(FOCUSED)
        if (focused or "").strip().startswith(name):
            return
    raise AssertionError(f"there is no way to {name} by Tab")


def test_the_keyboard_alone_is_enough(visit: Visit, empty_service: Service) -> None:
    page = visit()
    keys = page.keyboard
    keys.press("Tab")
    expect(page.locator(":focus")).to_have_text("Skip to content")
    keys.press("Enter")
    reach(page, "Seed")
    keys.press("Control+A")
    keys.type("Radia Perlman")
    reach(page, "Smile")
    keys.press("ArrowLeft")
    expect(page.locator("#styles [value=bloom]")).to_be_checked()
    reach(page, "From the seed")
    keys.press("ArrowRight")
    reach(page, "ocean")
    keys.press("ArrowRight")
    expect(page.locator("#schemes [value=sunset]")).to_be_checked()
    reach(page, "Size")
    keys.press("End")
    expect(page.locator("#snippet")).to_contain_text("bloom/Radia%20Perlman.svg?colorScheme=sunset")
    expect(page.locator("#snippet")).to_contain_text("size=1024")
    reach(page, "Copy")
    keys.press("Enter")
    assert page.evaluate("navigator.clipboard.readText()") == page.locator("#snippet").inner_text()
    reach(page, "Store it")
    keys.press("Space")
    expect(page.locator("#stored")).to_contain_text("Stored.")
    reach(page, "Show it in the gallery")
    keys.press("Enter")
    expect(page.locator("#wall button")).to_have_count(1)
    reach(page, "Radia Perlman")
    keys.press("Enter")
    reach(page, "Delete")
    keys.press("Enter")
    expect(page.locator(":focus")).to_have_text("Cancel")
    keys.press("Tab")
    keys.press("Enter")
    expect(page.locator("#gallery-state")).to_contain_text("Nothing is stored yet.")
    assert empty_service.client.get("/api/list").json()["data"]["avatars"] == []
    assert page.evaluate("document.activeElement.id") == "content"


def test_after_a_deletion_the_focus_moves_to_the_next_avatar(visit: Visit, empty_service: Service) -> None:
    for name in ("one", "two", "three"):
        empty_service.generate(seed=name)
    page = visit("/#gallery")
    for name, neighbour in (("two", "one"), ("one", "three")):
        page.get_by_role("button", name=f"{name} pixelize").click()
        page.get_by_role("button", name="Delete", exact=True).click()
        page.get_by_role("button", name="Delete permanently").click()
        expect(page.locator(":focus bdi")).to_have_text(neighbour)


def test_every_control_has_a_name(visit: Visit, empty_service: Service) -> None:
    empty_service.generate(seed="ada")
    page = visit()
    page.locator("#more summary").click()
    session = page.context.new_cdp_session(page)
    nodes = session.send("Accessibility.getFullAXTree")["nodes"]
    roles = {"button", "link", "textbox", "radio", "checkbox", "slider", "combobox", "image"}
    shown = [node for node in nodes if not node["ignored"] and node["role"]["value"] in roles]
    assert len(shown) > 90
    assert [node["role"]["value"] for node in shown if not node["name"]["value"].strip()] == []


def test_nothing_moves_with_reduced_motion(visit: Visit, empty_service: Service) -> None:
    empty_service.generate(seed="ada")

    def moves(page: Page) -> bool:
        page.get_by_role("button", name="ada pixelize").click()
        moving = page.evaluate("document.getAnimations().length")
        page.keyboard.press("Escape")
        return bool(moving)

    # On a busy machine, a movement may be over before it is counted.
    page = visit("/#gallery", motion="no-preference")
    assert any(moves(page) for _ in range(50))
    page = visit("/#gallery", motion="reduce")
    assert not any(moves(page) for _ in range(3))


@pytest.mark.parametrize("language", ["en-GB", "ru-RU"])
def test_nothing_is_wider_than_the_screen(language: str, visit: Visit, empty_service: Service) -> None:
    empty_service.generate(
        seed="W" * 256, primaryColor="lightgoldenrodyellow", foreignColor="mediumspringgreen"
    )
    page = visit(f"/?seed={'W' * 200}&style=initials&primaryColor=%23ff0000", language=language)
    page.locator("#more summary").click()
    for view in ("make", "gallery"):
        page.goto(f"/#{view}")
        if view == "gallery":
            page.locator("#wall button").click()
        for width in (320, 390, 601, 768, 961, 1440):
            page.set_viewport_size({"width": width, "height": 800})
            assert page.evaluate("document.documentElement.scrollWidth") <= width, (view, width)
            if view == "gallery":
                box = page.locator("#details").bounding_box()
                assert box
                assert 0 <= box["x"] < box["x"] + box["width"] <= width
                assert page.eval_on_selector("#details", "(each) => each.scrollWidth <= each.clientWidth")


@pytest.mark.parametrize("language", ["en-GB", "ru-RU"])
def test_nothing_is_cut_off_on_a_phone(language: str, visit: Visit, empty_service: Service) -> None:
    empty_service.generate(seed="ada")
    page = visit("/?style=smile&shape=square", size=PHONE, language=language)
    assert_fits(
        page, ".bar > :not(nav)", ".previews .light dd:first-of-type img", ".previews .dark .circles img"
    )
    for view in ("gallery", "jobs"):
        page.goto(f"/#{view}")
        expect(page.locator(f"#{view}-view")).to_be_visible()
        assert_fits(page, ".bar > :not(nav)")
    page.evaluate("document.querySelector('#forget').hidden = false")
    assert_fits(page, ".bar > :not(nav)")


def test_a_button_that_cannot_be_pressed_looks_so_under_the_pointer(visit: Visit) -> None:
    page = visit(motion="reduce")
    page.evaluate("document.querySelector('#store').disabled = true")
    looks = "(each) => [getComputedStyle(each).color, getComputedStyle(each).backgroundColor]"
    before = page.eval_on_selector("#store", looks)
    page.locator("#store").hover(force=True)
    assert page.eval_on_selector("#store", looks) == before


def test_text_may_be_twice_as_large(visit: Visit) -> None:
    page = visit(size=(1280, 900))
    page.evaluate("() => document.documentElement.style.setProperty('zoom', '2')")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_russians_read_russian_and_anybody_can_choose(visit: Visit) -> None:
    page = visit(language="ru-RU")
    expect(page.get_by_role("heading", level=1)).to_have_text("Лицо для каждого имени")
    assert page.evaluate("document.documentElement.lang") == "ru"
    seed(page).or_(page.get_by_role("textbox", name="Текст")).fill("Ада")
    expect(page).to_have_url(re.compile("seed=%D0%90"))
    page.get_by_label("Язык").select_option("en")
    expect(page.get_by_role("heading", level=1)).to_have_text("A face for every name")
    assert seed(page).input_value() == "Ада"
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text("A face for every name")


def test_the_theme_is_the_systems_until_another_is_chosen(visit: Visit) -> None:
    page = visit(scheme="dark")
    ground = "getComputedStyle(document.documentElement).backgroundColor"
    dark = page.evaluate(ground)
    button = page.get_by_label("Light, dark or system theme")
    button.click()
    expect(page.locator("#notice")).to_have_text("Theme: light")
    light = page.evaluate(ground)
    assert light != dark
    page.reload()
    assert page.evaluate(ground) == light
    button.click()
    assert page.evaluate(ground) == dark
    button.click()
    expect(page.locator("#notice")).to_have_text("Theme: system")
    assert page.evaluate(ground) == dark
