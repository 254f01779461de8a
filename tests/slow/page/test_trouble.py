"""What people see when something is slow, wrong, or not there."""

import contextlib
import re

import pytest
from playwright.sync_api import Error, Route, expect

from tests.conftest import MakeService, Service
from tests.page.conftest import Complaints, Visit
from tests.page.test_making import address, drawn, seed, shows

GONE = ("Failed to load resource", "net::ERR")


def test_the_page_reports_a_service_that_stops_and_works_when_it_is_back(
    visit: Visit, make_service: MakeService, complaints: Complaints
) -> None:
    complaints.expected = GONE
    service = make_service().start()
    page = visit(of=service)
    service.kill()
    seed(page).fill("grace")
    expect(page.locator("#trouble")).to_contain_text("could not be drawn: the service cannot be reached.")
    page.get_by_role("button", name="Store it").click()
    expect(page.locator("#stored")).to_have_text("the service cannot be reached.")
    page.get_by_role("link", name="Gallery").click()
    state = page.locator("#gallery-state")
    expect(state).to_contain_text("The gallery could not be loaded: the service cannot be reached.")
    service.start()
    state.get_by_role("button", name="Try again").click()
    expect(state).to_contain_text("Nothing is stored yet.")
    page.get_by_role("link", name="Make", exact=True).click()
    # The page has asked for each picture once more by itself. If the service was back by then, all are there.
    with contextlib.suppress(Error):
        page.get_by_role("button", name="Try again").click(timeout=3000)
    expect(page.locator("#trouble")).to_be_hidden()
    page.get_by_role("button", name="Store it").click()
    expect(page.locator("#stored")).to_contain_text("Stored.")
    assert drawn(page, "#styles img, #large")


def test_without_a_connection_it_says_so_and_continues_when_it_is_back(
    visit: Visit, complaints: Complaints
) -> None:
    complaints.expected = GONE
    page = visit()
    page.context.set_offline(True)
    expect(page.locator("#offline")).to_contain_text("There is no connection.")
    seed(page).fill("grace")
    expect(page.locator("#trouble")).to_be_visible()
    page.context.set_offline(False)
    expect(page.locator("#offline")).to_be_empty()
    expect(page.locator("#trouble")).to_be_hidden()
    assert drawn(page, "#styles img, #large, #previews img")


def test_a_picture_that_is_lost_on_its_way_is_asked_for_once_more(
    visit: Visit, complaints: Complaints
) -> None:
    complaints.expected = GONE
    page = visit("/?seed=ada")
    lost: list[str] = []

    def lose(route: Route) -> None:
        lost.append(route.request.url)
        route.abort()

    page.route(re.compile("/rings/again"), lose)
    page.route(re.compile("/bloom/again"), lose, times=1)
    seed(page).fill("again")
    expect(page.locator("#styles label:has([value=bloom]) img")).to_have_class("failed")
    expect(page.locator("#styles label:has([value=bloom]) img")).not_to_have_class("failed")
    assert drawn(page, "#styles label:has([value=bloom]) img")
    page.wait_for_timeout(2000)
    assert len(lost) == 3


def test_what_is_there_to_choose_from_can_be_asked_for_again(visit: Visit, complaints: Complaints) -> None:
    complaints.expected = GONE
    page = visit("/gone", ready=False)
    page.route("**/api/styles", lambda route: route.abort(), times=1)
    complaints.expected += ("404",)
    page.goto("/?seed=ada")
    expect(page.get_by_role("alert").filter(has_text="the service cannot be reached.")).to_be_visible()
    seed(page).fill("typed meanwhile")
    page.get_by_role("button", name="Try again").click()
    shows(page, "#large", "typed%20meanwhile")


def test_pictures_that_come_out_of_order_do_not_take_the_place_of_later_ones(visit: Visit) -> None:
    page = visit("/?seed=first")
    held = []
    page.route(re.compile("/slow"), lambda route: held.append(route))  # noqa: PLW0108 - it takes functions alone
    seed(page).fill("slow")
    shows(page, "#large", "/slow.svg")
    seed(page).fill("last")
    shows(page, "#large", "/last.svg")
    for route in held:
        route.continue_()
    page.wait_for_load_state("networkidle")
    assert "last" in (page.locator("#large").get_attribute("alt") or "")
    assert page.eval_on_selector("#large", "(image) => image.currentSrc").count("/last.svg") == 1


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("seed=<img src=x onerror=alert(1)>", "%3Cimg%20src%3Dx%20onerror%3Dalert%281%29%3E"),
        ('seed="><script>alert(1)</script>', "%22%3E%3Cscript"),
        ("seed=javascript:alert(1)", "javascript%3Aalert%281%29"),
        ("seed=%F0%9F%91%A9%E2%80%8D%F0%9F%9A%80", "%F0%9F%91%A9%E2%80%8D%F0%9F%9A%80"),
        ("seed=%ED%A0%80", "%EF%BF%BD"),
        ("seed=.", "/.."),
        ("seed=..", "/..."),
        ("seed=", "/.svg"),
        ("seed=a/../../b", "seed=a%2F..%2F..%2Fb"),
        ("seed=\\\\host", "seed=%5C%5Chost"),
        ("seed=%00", "/%00.svg"),
        ("seed=" + "%F0%9F%91%A9" * 300, "%F0%9F%91%A9" * 256 + "."),
        ("seed=a.png", "/a.png.svg"),
        ("seed=%D7%A9%D7%9C%D7%95%D7%9D", "%D7%A9%D7%9C%D7%95%D7%9D"),
        (
            "style=nothing&size=1e9&shape=star&angle=-1&hue=999&format=exe&filter=x",
            "/api/render/smile/Ada%20Lovelace.svg",
        ),
        ("style=__proto__&colorScheme=constructor&seed=a", "colorScheme=ocean"),
        ("primaryColor=red&foreignColor=url(x)&seed=a", "primaryColor=3b82f6&foreignColor=fde047"),
        ("seed=a&seed=b&colours=own", "/a.svg"),
    ],
)
def test_any_url_of_the_page_makes_a_picture(query: str, wanted: str, visit: Visit) -> None:
    page = visit(f"/?{query}")
    assert wanted in address(page)
    assert drawn(page, "#large, #styles img")
    assert page.locator("main script, main img[onerror]").count() == 0


def test_a_lone_surrogate_becomes_what_stands_for_it(visit: Visit) -> None:
    page = visit()
    page.evaluate("""() => {
        const seed = document.querySelector("#seed");
        seed.value = "a\\ud800b";
        seed.dispatchEvent(new InputEvent("input", { bubbles: true }));
    }""")
    shows(page, "#large", "a%EF%BF%BDb")
    page.get_by_role("button", name="Store it").click()
    expect(page.locator("#stored")).to_contain_text("Stored.")


def test_what_the_service_refuses_is_said_in_its_words(visit: Visit, complaints: Complaints) -> None:
    complaints.expected = ("400",)
    page = visit("/?seed=%00")
    page.get_by_role("button", name="Store it").click()
    expect(page.locator("#stored")).to_have_text("seed must not contain the NUL character.")


def test_a_seed_that_is_too_long_is_cut_and_that_is_said(visit: Visit) -> None:
    page = visit()
    seed(page).fill("☃" * 300)
    expect(page.locator("#seed-note")).to_contain_text("at most 256 characters")
    shows(page, "#large", "%E2%98%83" * 256 + ".")


@pytest.mark.parametrize(
    "step",
    [
        "() => { document.querySelector('main').innerHTML = '<img src=x onerror=ran()>'; }",
        "() => { document.querySelector('main').setAttribute('onclick', 'ran()'); }",
        "() => { const added = document.createElement('script'); added.src = 'data:,ran()'; }",
        "() => { const added = document.createElement('script'); added.text = 'ran()'; }",
        "() => { import('data:text/javascript,ran()'); }",
        "() => { document.querySelector('main').setAttribute('style', 'display: none'); }",
        "() => fetch('http://127.0.0.1:9/')",
    ],
)
def test_what_is_slipped_in_is_blocked(step: str, visit: Visit, complaints: Complaints) -> None:
    complaints.expected = ("Content Security Policy", "This document requires", "Failed to fetch")
    page = visit()
    page.evaluate("() => { window.ran = () => document.body.remove(); }")
    with contextlib.suppress(Error):
        page.evaluate(step)
    assert complaints.said
    assert page.locator("#large").is_visible()


def test_a_page_elsewhere_cannot_frame_it(visit: Visit, service: Service, complaints: Complaints) -> None:
    complaints.expected = ("Framing", "frame-ancestors", "404")
    page = visit("/swagger-json", ready=False)
    page.evaluate("() => document.body.append(Object.assign(document.createElement('iframe'), { src: '/' }))")
    page.wait_for_load_state("networkidle")
    frame = page.frames[1]
    assert f":{service.port}/" not in frame.url or frame.locator("#seed").count() == 0
