"""The stored avatars, as people look through them, and away with them."""

import contextlib
import re
import sqlite3
from contextlib import closing

import httpx
import pytest
from playwright.sync_api import Error, Page, Route, expect

from tests.conftest import Service
from tests.page.conftest import Complaints, Visit
from tests.page.test_making import drawn, seed


def names(page: Page) -> list[str]:
    return page.locator("#wall li bdi").all_inner_texts()


def test_from_a_seed_to_a_stored_avatar_to_its_end(visit: Visit, empty_service: Service) -> None:
    page = visit()
    seed(page).fill("Grace Hopper")
    page.locator("#styles label", has_text="Rings").click()
    page.get_by_role("button", name="Store it").click()
    page.get_by_role("link", name="Show it in the gallery").click()
    expect(page.locator("#total")).to_have_text("1 stored avatar, newest first.")
    page.get_by_role("button", name="Grace Hopper rings").click()
    details = page.get_by_role("dialog", name="Grace Hopper")
    identity = details.locator("dd").last.inner_text()
    assert empty_service.client.get(f"/api/{identity}").status_code == 200
    details.get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Delete permanently").click()
    expect(page.locator("#notice")).to_have_text("Deleted.")
    expect(details).to_be_hidden()
    expect(page.locator("#gallery-state")).to_contain_text("Nothing is stored yet.")
    assert empty_service.client.get(f"/api/{identity}").status_code == 404
    page.get_by_role("link", name="Make the first one").click()
    assert seed(page).input_value() == "Grace Hopper"


def test_all_that_are_stored_come_as_one_scrolls_the_newest_first(
    visit: Visit, empty_service: Service
) -> None:
    for number in range(60):
        empty_service.generate(seed=f"n{number:02}")
    page = visit("/#gallery")
    expect(page.locator("#total")).to_have_text("60 stored avatars, newest first.")
    empty_service.generate(seed="late")
    for _ in range(20):
        page.mouse.wheel(0, 4000)
        page.wait_for_timeout(100)
        if page.get_by_text("That is all of them.").is_visible():
            break
    assert names(page) == [f"n{number:02}" for number in reversed(range(60))]
    assert drawn(page, "#wall img")


def test_what_is_stored_meanwhile_is_there_when_one_comes_back(visit: Visit, empty_service: Service) -> None:
    empty_service.generate(seed="first")
    page = visit("/?seed=second#gallery")
    expect(page.locator("#wall bdi")).to_have_text(["first"])
    page.get_by_role("link", name="Make").click()
    page.get_by_role("button", name="Store it").click()
    expect(page.locator("#stored")).to_contain_text("Stored.")
    page.go_back()
    expect(page.locator("#wall bdi")).to_have_text(["second", "first"])


def test_what_is_on_its_way_gives_way_to_what_is_newer(visit: Visit, empty_service: Service) -> None:
    page = visit("/?seed=second")
    held: list[Route] = []
    page.route("**/api/list?**", lambda route: held.append(route), times=1)  # noqa: PLW0108 - it takes functions alone
    page.get_by_role("link", name="Gallery").click()
    expect(page.locator("#wall .skeleton")).to_have_count(12)
    page.get_by_role("link", name="Make").click()
    page.get_by_role("button", name="Store it").click()
    expect(page.locator("#stored")).to_contain_text("Stored.")
    page.go_back()
    expect(page.locator("#wall bdi")).to_have_text(["second"])
    expect(page.locator("#wall .skeleton")).to_have_count(0)
    with contextlib.suppress(Error):
        held[0].continue_()
    assert names(page) == ["second"]
    assert len(empty_service.client.get("/api/list").json()["data"]["avatars"]) == 1


def test_the_details_show_an_avatar_through_filters(visit: Visit, empty_service: Service) -> None:
    empty_service.generate(seed="ada", colorScheme="ocean", type="bloom")
    page = visit("/#gallery")
    page.get_by_role("button", name="ada bloom").click()
    details = page.get_by_role("dialog")
    expect(details.locator("dl")).to_contain_text("ocean")
    for name, parameter in [("Sepia", "sepia"), ("Grey", "grayscale"), ("Negative", "negative")]:
        details.get_by_role("radio", name=name).check()
        expect(details.locator(".large img")).to_have_attribute("src", re.compile(f"filter={parameter}$"))
        address = details.locator("code").inner_text()
        assert address.endswith(f"?filter={parameter}")
        assert httpx.get(address, timeout=60).status_code == 200
    assert drawn(page, "#details img")
    details.get_by_role("button", name="Copy").click()
    assert page.evaluate("navigator.clipboard.readText()") == address
    with page.expect_download() as download:
        details.get_by_role("link", name="Download").click()
    assert download.value.suggested_filename == "ada.png"
    page.keyboard.press("Escape")
    expect(details).to_be_hidden()


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        ({"type": "wave", "seed": "a"}, "primaryColor=%233b82f6&foreignColor=%2360a5fa"),
        (
            {"type": "wave", "seed": "a", "primaryColor": "gold"},
            "primaryColor=%23ffd700&foreignColor=%2360a5fa",
        ),
        ({"type": "wave", "seed": "a", "colorScheme": "royal"}, "colorScheme=royal"),
    ],
)
def test_another_can_be_made_of_a_stored_one(
    body: dict[str, str], wanted: str, visit: Visit, empty_service: Service
) -> None:
    empty_service.generate(**body)
    page = visit("/#gallery")
    page.get_by_role("button", name="a wave").click()
    page.get_by_role("button", name="Make another").click()
    expect(page).to_have_url(re.compile(re.escape(wanted)))
    expect(page.locator("#large")).to_have_attribute("src", re.compile("^/api/render/wave/a.png"))


@pytest.mark.parametrize(
    ("body", "colours", "url"),
    [
        ({"type": "rings", "palette": "neon"}, "neon", "/api/render/rings/a.svg?palette=neon&shape=circle"),
        ({"type": "rings", "palette": "any"}, "From the seed", "/api/render/rings/a.svg?shape=circle"),
        (
            {"type": "lorelei", "options": {"eyesVariant": "variant05", "glassesProbability": 0}},
            "styles choose their own colours.",
            "/api/render/lorelei/a.svg?eyesVariant=variant05&glassesProbability=0&shape=circle",
        ),
        (
            {"type": "lorelei"},
            "styles choose their own colours.",
            "/api/render/lorelei/a.svg?shape=circle",
        ),
    ],
)
def test_palettes_and_parts_are_shown_and_made_again(
    body: dict[str, object], colours: str, url: str, visit: Visit, empty_service: Service
) -> None:
    empty_service.generate(seed="a", **body)
    page = visit("/#gallery")
    page.get_by_role("button", name=f"a {body['type']}").click()
    expect(page.locator("#details dl")).to_contain_text(colours)
    page.get_by_role("button", name="Make another").click()
    expect(page.locator("#snippet")).to_contain_text(url)


@pytest.mark.parametrize(
    ("column", "shown"), [("primary_color", "Primer Red, #60a5fa"), ("color_scheme", "Primer Red")]
)
def test_a_colour_or_scheme_that_is_not_known_is_text(
    column: str, shown: str, visit: Visit, empty_service: Service, complaints: Complaints
) -> None:
    """An import keeps what the old service had."""
    complaints.expected = ("400", "Primer")
    empty_service.generate(seed="a", type="wave")
    with closing(sqlite3.connect(empty_service.folder / "storage/database/avatars.db")) as connection:
        connection.execute(f"UPDATE stored_avatars SET {column} = 'Primer Red'")  # noqa: S608 - of this test
        connection.commit()
    page = visit("/#gallery")
    page.get_by_role("button", name="a wave").click()
    expect(page.locator("#details .blend")).to_have_text(shown)
    expect(page.locator("#details .blend img")).to_have_count(0)
    page.get_by_role("button", name="Make another").click()
    expect(page.locator("#large")).to_have_attribute("src", re.compile("^/api/render/wave/a.png"))
    assert drawn(page, "#large")


def test_nothing_is_deleted_without_a_yes(visit: Visit, empty_service: Service) -> None:
    identity = empty_service.generate(seed="ada")
    page = visit("/#gallery")
    page.get_by_role("button", name="ada pixelize").click()
    question = page.get_by_role("alertdialog")
    for key in ("Enter", "Escape"):  # The first thing that has the focus is Cancel.
        page.get_by_role("button", name="Delete", exact=True).click()
        expect(question).to_be_visible()
        page.keyboard.press(key)
        expect(question).to_be_hidden()
    assert empty_service.client.get(f"/api/{identity}").status_code == 200
    assert names(page) == ["ada"]


def test_an_avatar_that_another_client_deleted_disappears(
    visit: Visit, empty_service: Service, complaints: Complaints
) -> None:
    complaints.expected = ("404",)
    identity = empty_service.generate(seed="ada")
    page = visit("/#gallery")
    page.get_by_role("button", name="ada pixelize").click()
    empty_service.client.delete(f"/api/{identity}")
    page.get_by_role("button", name="Delete", exact=True).click()
    page.get_by_role("button", name="Delete permanently").click()
    expect(page.locator("#gallery-state")).to_contain_text("Nothing is stored yet.")


def test_while_the_list_is_on_its_way_its_place_is_held(visit: Visit, empty_service: Service) -> None:
    empty_service.generate(seed="ada")
    page = visit()
    waiting: list[Route] = []
    page.route("**/api/list?**", lambda route: waiting.append(route))  # noqa: PLW0108 - it takes functions alone
    page.get_by_role("link", name="Gallery").click()
    expect(page.locator("#gallery-state")).to_have_text("Loading…")
    expect(page.locator("#wall .skeleton")).to_have_count(12)
    waiting[0].continue_()
    expect(page.locator("#wall .skeleton")).to_have_count(0)
    assert names(page) == ["ada"]


HOSTILE = [
    "<img src=x onerror=alert(1)>",
    '"><script>alert(1)</script>',
    "javascript:alert(1)",
    "'-alert(1)-'",
    "\u202egnp.exe",
    "שלום עולם",
    "🏳️‍🌈👩‍👩‍👧‍👦",
    "\t\n ",
    "W" * 256,
]


def test_a_seed_is_shown_as_text_whatever_it_is(visit: Visit, empty_service: Service) -> None:
    for each in HOSTILE:
        empty_service.generate(seed=each)
    page = visit("/#gallery")
    expect(page.locator("#wall bdi")).to_have_count(len(HOSTILE))
    shown = page.eval_on_selector_all("#wall bdi", "(all) => all.map((each) => each.textContent)")
    assert shown == HOSTILE[::-1]
    for number in range(len(HOSTILE)):
        page.locator("#wall button").nth(number).click()
        assert page.locator("#details-title").text_content() == HOSTILE[::-1][number]
        page.keyboard.press("Escape")
    assert page.locator("main script, main img[onerror]").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
